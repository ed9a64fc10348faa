"""Code of others is stopped when its time is up, and a timer that was running before goes on."""

from __future__ import annotations

import re
import signal
import time
from contextlib import suppress

import pytest

from tidegate.deadline import OutOfTime, deadline


def test_a_pattern_that_backtracks_is_stopped() -> None:
    with pytest.raises(OutOfTime), deadline(0.2):
        re.match(r"(a|aa)+$", "a" * 60 + "b")


def test_no_handler_of_exceptions_goes_on_after_it() -> None:
    with pytest.raises(OutOfTime), deadline(0.1), suppress(Exception):
        time.sleep(60)


class Slow:
    """What takes long to be finalized, where Python passes over every exception."""

    def __del__(self) -> None:
        time.sleep(0.4)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_passed_over_is_raised_again() -> None:
    def wait() -> None:
        Slow()
        time.sleep(60)

    with pytest.raises(OutOfTime), deadline(0.1):
        wait()


def test_what_ends_in_time_is_left_alone() -> None:
    with deadline(0.1):
        pass
    time.sleep(0.2)


def test_a_timer_that_was_running_goes_on() -> None:
    rung: list[int] = []
    ours, (left, every) = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with deadline(60):
            time.sleep(0.1)
        assert not rung
        time.sleep(0.4)
        assert rung == [signal.SIGALRM]
    finally:  # the test runner's own timeout
        signal.signal(signal.SIGALRM, ours)
        signal.setitimer(signal.ITIMER_REAL, left, every)
