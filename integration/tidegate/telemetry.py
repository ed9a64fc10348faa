"""Structured logging, and the telemetry of our dependencies turned off.

One event is one short name with fields: ``event(log, "staged", rows=12)``. Never a cell's value.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

run_id: ContextVar[str] = ContextVar("tidegate_run_id", default="-")
"""The id of the integration under way; it stands on every line."""

durations: ContextVar[dict[str, float]] = ContextVar("tidegate_durations")
"""Seconds per step of the run under way."""

_log = logging.getLogger(__name__)
_QUIET = {"GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def silence_dependencies() -> None:
    """Turn off usage statistics of the libraries, unless the user has decided otherwise."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def event(log: logging.Logger, name: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Log one event with fields."""
    log.log(level, name, extra={"fields": fields, "run_id": run_id.get()})


@contextmanager
def step(name: str) -> Iterator[None]:
    """One step of the way, timed and logged."""
    start = time.monotonic()
    event(_log, "step started", level=logging.DEBUG, step=name)
    yield
    seconds = round(time.monotonic() - start, 3)
    durations.get({})[name.replace(" ", "_")] = seconds
    event(_log, "step done", step=name, seconds=seconds)


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
