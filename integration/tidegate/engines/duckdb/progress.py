"""How far a query is, and how far the staging process is. Nothing is measured where nobody listens.

The staging process tells a pipe of its own, so that its answer is one document and nothing else. It never waits for a
reader: a line for which the pipe has no room is dropped.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import duckdb

from tidegate.engines.plan import StageSource
from tidegate.telemetry import Listener, advance, listened, part

_EVERY = 0.2  # seconds


@contextmanager
def polled(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Tell how far the connection's queries are, while the block runs. `connection.connect` switches that on."""
    if not listened():
        yield
        return
    stopped = threading.Event()
    thread = threading.Thread(target=_poll, args=(connection, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()  # a closed connection must not be asked


def _poll(connection: duckdb.DuckDBPyConnection, stopped: threading.Event) -> None:
    last = -1.0
    while not stopped.wait(_EVERY):
        percent = connection.query_progress()
        if percent not in (last, -1):  # there is no query, or DuckDB cannot tell
            advance(percent, 100, "%")
        last = percent


def in_turn(sources: Sequence[StageSource]) -> Iterator[StageSource]:
    """The sources, one after the other. What advances meanwhile is told in bytes of all of them, as they lie."""
    sizes = [source.path.stat().st_size for source in sources]
    for number, source in enumerate(sources):
        with part(sum(sizes[:number]), sizes[number], sum(sizes)):
            yield source


class Lines(Listener):
    """Writes what advances to a pipe, a few lines a second."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._told = descriptor, -_EVERY
        os.set_blocking(descriptor, False)

    def advanced(self, done: float, total: float, unit: str) -> None:
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            # So short a line is written as a whole or not at all.
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self._descriptor, json.dumps([round(done), total, unit]).encode() + b"\n")


class Together:
    """What several processes tell, each of its share, as the progress of the whole.

    Args:
        totals: bytes of each share.
    """

    def __init__(self, totals: Sequence[int]) -> None:
        self._done, self._total = [0.0] * len(totals), sum(totals)

    def teller(self, share: int) -> Callable[[float, float, str], None]:
        """Who tells of this share."""

        def tell(done: float, _: float, unit: str) -> None:
            self._done[share] = done
            advance(sum(self._done), self._total, unit)

        return tell


@contextmanager
def heard(tell: Callable[[float, float, str], None] = advance) -> Iterator[tuple[int, ...]]:
    """A descriptor for the `Lines` of another process, which are heard while the block runs; none if nobody listens."""
    if not listened():
        yield ()
        return
    reading, writing = os.pipe()
    thread = threading.Thread(target=_hear, args=(reading, tell), daemon=True)
    thread.start()
    try:
        yield (writing,)
    finally:
        os.close(writing)  # with the other process gone, this is the end of what can be read
        thread.join()


def _hear(reading: int, tell: Callable[[float, float, str], None]) -> None:
    with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with suppress(ValueError, TypeError):  # it was killed within a line
                done, total, unit = json.loads(line)
                tell(float(done), float(total), str(unit))
