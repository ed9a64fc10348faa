"""A bound on how long the code of others may run in this process: a pattern that backtracks can take for ever."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_AGAIN = 1.0
"""Seconds: longer than it takes to leave the block."""


class OutOfTime(BaseException):
    """Time is up. No `Exception`, so that no check, parser or library takes it for a fault of its own and goes on."""


def can_be_bounded() -> bool:
    """Whether `deadline` works here: Python runs signal handlers in the main thread only."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` within the block once `seconds` have passed; elsewhere than in the main thread do nothing.

    Python's own regular expressions look for signals while they match. A timer that was running already goes on. Python
    passes over what is raised in a finalizer or a callback of its garbage collector, so it is raised again each second
    until the block is left.
    """
    if not can_be_bounded():
        yield
        return
    began = time.monotonic()
    within = [True]

    def expire(number: int, frame: Any) -> None:
        if within:
            raise OutOfTime

    before = signal.signal(signal.SIGALRM, expire)
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        try:
            yield
        finally:  # of two, for it may be raised in here
            within.clear()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), every)
