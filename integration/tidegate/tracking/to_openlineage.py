"""An integration as OpenLineage events, on request: one when it begins, and one when it ends.

They go out in a thread of their own, one after the other, so that a receiver that is down or slow costs nothing until
the end, and then `tracking.max_seconds` at most. What it has not taken by then is lost, and a warning is logged: the
receipt is on disk, and in the pool.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from importlib.util import find_spec
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tidegate.config import TrackingConfig
from tidegate.errors import Misuse, TidegateError
from tidegate.receipt import Submission
from tidegate.telemetry import event
from tidegate.tracking.outcome import Outcome

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

    from tidegate.registry import Contract

log = logging.getLogger(__name__)

_STOPPED = 1.0
"""How many seconds one who was stopped waits."""


def check_installed(config: TrackingConfig) -> None:
    """Raises `Misuse` where events are asked for, and the package is not there."""
    if config.openlineage and find_spec("openlineage") is None:
        raise Misuse(
            "tracking.openlineage needs the package openlineage-python.", "pip install 'tidegate[openlineage]'"
        )


@contextmanager
def announced(
    config: TrackingConfig, submission: Submission, contract: Contract, target: str
) -> Iterator[Callable[[Outcome], None]]:
    """Send the events of what the block does. It says by a call what came of it, or else fails.

    Args:
        contract: what the submission's files are of.
        target: where accepted rows go.
    """
    sender = _Sender.open() if config.openlineage else None
    if sender is None:
        yield lambda outcome: None
        return
    from openlineage.client.uuid import generate_new_uuid

    from tidegate.tracking import openlineage_events as events

    job = events.Job(str(generate_new_uuid()), submission, contract, target)
    outcomes: list[Outcome] = []
    sender.send(lambda: events.started(job))
    try:
        yield outcomes.append
    except BaseException as error:
        # Of an error that is not ours its kind alone: its words may quote a cell.
        why = error.fact if isinstance(error, TidegateError) else type(error).__name__
        sender.send(lambda: events.failed(job, why))
        sender.close(config.max_seconds if isinstance(error, Exception) else _STOPPED)
        raise
    (outcome,) = outcomes
    if outcome.receipt.verdict == "rejected":
        assert outcome.report is not None
        rejected = f"The submission was rejected: {'; '.join(outcome.report.reasons)}"
        sender.send(lambda: events.failed(job, rejected, outcome))
    else:
        sender.send(lambda: events.completed(job, outcome))
    sender.close(config.max_seconds)


class _Sender:
    """Sends events in their order, until one fails."""

    def __init__(self, client: OpenLineageClient) -> None:
        self._client = client
        self._events: SimpleQueue[RunEvent | None] = SimpleQueue()
        self._thread = threading.Thread(target=copy_context().run, args=(self._work,), daemon=True)
        self._thread.start()

    @classmethod
    def open(cls) -> _Sender | None:
        """A sender to where the library is configured to send; None, and a warning, where it cannot be set up."""
        try:
            from openlineage.client import OpenLineageClient

            return cls(OpenLineageClient())
        except Exception as error:  # noqa: BLE001 - a configuration that is wrong must not cost the publish
            _warn(error)
            return None

    def send(self, made: Callable[[], RunEvent]) -> None:
        """Send an event. It is made here, for what it tells of may change."""
        try:
            self._events.put(made())
        except Exception as error:  # noqa: BLE001 - as above
            _warn(error)

    def close(self, seconds: float) -> None:
        """Wait until all are sent, so long at most."""
        self._events.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            event(log, "openlineage failed", level=logging.WARNING, error="TimeoutError")

    def _work(self) -> None:
        try:
            while (one := self._events.get()) is not None:
                self._client.emit(one)
            self._client.close()
        except Exception as error:  # noqa: BLE001 - as above
            _warn(error)


def _warn(error: Exception) -> None:
    """By its kind alone: messages of HTTP libraries quote credentials."""
    event(log, "openlineage failed", level=logging.WARNING, error=type(error).__name__)
