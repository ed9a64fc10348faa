"""Waiting for Spark so that Ctrl-C, a signal or a deadline ends it.

PySpark would leave the call that is interrupted, and then ask for something else on the same connection, where it gets
no answer before the work that nobody waits for any more is done.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from pyspark import InheritableThread

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

T = TypeVar("T")
_PATIENCE = 30  # seconds, for what was cancelled to end


def interruptible(session: SparkSession, call: Callable[[], T]) -> T:
    """What a call that has Spark work comes to. It is made in a thread, and cancelled where this one is interrupted."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            answer.set_exception(error)

    thread = InheritableThread(target=run, session=session, daemon=True)
    thread.start()
    try:
        return answer.result()
    except BaseException:
        if not answer.done():
            session.interruptAll()
            thread.join(_PATIENCE)
        raise
