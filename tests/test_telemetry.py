"""The channel by which the work tells how it goes on, and the log's line for each step."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from tidegate.telemetry import Listener, Step, advance, listen, listened, part, step


class Heard(Listener):
    def __init__(self) -> None:
        self.all: list[Any] = []

    def began(self, step: str) -> None:
        self.all.append(step)

    def advanced(self, done: float, total: float, unit: str) -> None:
        self.all.append((done, total, unit))

    def ended(self, step: Step) -> None:
        self.all.append((step.name, step.rows))


def test_a_listener_is_told_also_by_other_threads() -> None:
    heard = Heard()
    with listen(heard), step("stage") as this:
        thread = threading.Thread(target=advance, args=(1, 2))
        thread.start()
        thread.join()
        this.rows = 7
    assert heard.all == ["stage", (1, 2, "bytes"), ("stage", 7)]


def test_nobody_is_told_after_the_block_however_it_ends() -> None:
    heard = Heard()
    with pytest.raises(ZeroDivisionError), listen(heard), step("stage"):
        raise ZeroDivisionError
    assert not listened()
    advance(1, 2)
    with part(0, 1, 2):
        advance(1, 2)
    assert heard.all == ["stage"]


def test_a_part_is_told_as_its_share_of_the_whole() -> None:
    heard = Heard()
    with listen(heard):
        with part(100, 50, 200):
            advance(50, 100, "%")
        with part(150, 50, 200):
            advance(0, 0)  # of an empty file all is read
        advance(1, 2)
    assert heard.all == [(125, 200, "bytes"), (200, 200, "bytes"), (1, 2, "bytes")]


def test_the_line_of_a_step_has_rows_and_rate_where_they_are_known(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tidegate"):
        with step("stage") as this:
            this.rows = 0
        with step("repair"):
            pass
    first, second = (record.__dict__["fields"] for record in caplog.records)
    assert (first["step"], first["rows"], first["rows_per_second"]) == ("stage", 0, 0)
    assert set(second) == {"step", "seconds"}
