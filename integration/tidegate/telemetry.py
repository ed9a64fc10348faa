"""Structured logging, and the telemetry of our dependencies turned off.

One event is one short name with fields: ``event(log, "staged", rows=12)``. Never a cell's value.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

run_id: ContextVar[str] = ContextVar("tidegate_run_id", default="-")
"""The id of the integration under way; it stands on every line."""

durations: ContextVar[dict[str, float]] = ContextVar("tidegate_durations")
"""Seconds per step of the run under way."""

counting: ContextVar[Callable[[str, int, dict[str, Any]], None] | None] = ContextVar("tidegate_counting", default=None)
"""Who is told of every event of the run under way, whatever the log's level: its name, level and fields."""

_log = logging.getLogger(__name__)
_QUIET = {"GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def silence_dependencies() -> None:
    """Turn off usage statistics of the libraries, unless the user has decided otherwise."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def pass_over_pandas_on_spark() -> None:
    """Have Pandera do without it, in a process that is ours.

    Where PySpark is installed Pandera would import it. That fails with every pandas that we run on, but takes half a
    second, and first there is a warning on standard error.
    """
    sys.modules.setdefault("pyspark.pandas", None)  # type: ignore[arg-type]  # None: there is no such module


def event(log: logging.Logger, name: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Log one event with fields."""
    log.log(level, name, extra={"fields": fields, "run_id": run_id.get()})
    if (count := counting.get()) is not None:
        count(name, level, fields)


@dataclass
class Step:
    """One step of the way: how long it took, and of how many rows or bytes, where that is known."""

    name: str
    rows: int | None = None
    bytes: int | None = None
    seconds: float = 0


class Listener:
    """One who is told how the work goes on, from whatever thread does it. Here it does nothing with that."""

    def began(self, step: str) -> None:
        """A step begins."""

    def advanced(self, done: float, total: float, unit: str) -> None:
        """So much of `total` is done. It may fall back, where something is read again, or by another query."""

    def ended(self, step: Step) -> None:
        """The step is done."""


_listener: Listener | None = None  # of all threads: work that is dealt out to others is told as well


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Tell the listener how the work goes on, while the block runs."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


def listened() -> bool:
    """Whether anybody listens. Where nobody does, progress need not be measured."""
    return _listener is not None


def advance(done: float, total: float, unit: str = "bytes") -> None:
    """Tell how much of the step under way is done, if anybody listens."""
    if _listener is not None:
        _listener.advanced(done, total, unit)


@contextmanager
def part(start: float, size: float, total: float, unit: str = "bytes") -> Iterator[None]:
    """What advances within the block, in whatever unit, is `size` of a `total` of which `start` is done already."""
    if _listener is None:
        yield
        return
    tell = _listener.advanced

    class Part(Listener):
        def advanced(self, done: float, whole: float, _: str) -> None:
            tell(start + size * (done / whole if whole else 1), total, unit)

    with listen(Part()):
        yield


@contextmanager
def step(name: str) -> Iterator[Step]:
    """One step of the way, timed and logged. The block may say how many rows or bytes it was."""
    start, this = time.monotonic(), Step(name)
    event(_log, "step started", level=logging.DEBUG, step=name)
    if _listener is not None:
        _listener.began(name)
    yield this
    this.seconds = round(time.monotonic() - start, 3)
    durations.get({})[name.replace(" ", "_")] = this.seconds
    if _listener is not None:
        _listener.ended(this)
    amounts = {unit: amount for unit, amount in (("rows", this.rows), ("bytes", this.bytes)) if amount is not None}
    rates = {f"{unit}_per_second": round(amount / max(this.seconds, 0.001)) for unit, amount in amounts.items()}
    event(_log, "step done", step=name, seconds=this.seconds, **amounts, **rates)


class LineFormatter(logging.Formatter):
    """One line for people: time, level, run, event, fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        run = getattr(record, "run_id", run_id.get())
        return f"{_time(record)} {record.levelname.lower()} {run} {record.getMessage()} {fields}".rstrip()


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "run_id": getattr(record, "run_id", run_id.get()),
            "event": record.getMessage(),
        }
        return json.dumps(line | _fields(record), default=str)


def configure_logging(level: int = logging.WARNING, as_json: bool = False) -> None:
    """Send Tidegate's log to standard error. For our own command line; a library's host configures its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else LineFormatter())
    logger = logging.getLogger("tidegate")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
