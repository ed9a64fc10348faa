"""A bound on how long the code of others may run in this process: a pattern that backtracks can take for ever."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OutOfTime(BaseException):
    """Time is up. No `Exception`, so that no check, parser or library takes it for a fault of its own and goes on."""


def can_be_bounded() -> bool:
    """Whether `deadline` works here: Python runs signal handlers in the main thread only."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` within the block once `seconds` have passed; elsewhere than in the main thread do nothing.

    Python's own regular expressions look for signals while they match. A timer that was running already goes on.
    """
    if not can_be_bounded():
        yield
        return
    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, _expire)
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), every)


def _expire(number: int, frame: Any) -> None:
    raise OutOfTime
