"""Metrics to an OTLP receiver, for a process that has no meter provider of its own.

`OTEL_EXPORTER_OTLP_ENDPOINT` and the others of the specification say where, and with which headers.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from functools import cache
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from tidegate import __version__

_PATIENCE = 2.0
"""How many seconds a receiver is waited for."""

_THREAD = "tidegate-otlp"
_TALKATIVE = (
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.sdk.metrics._internal.export",
    "urllib3.connectionpool",
)


class _Exporter(OTLPMetricExporter):
    """Keeps what came of the last request, which the reader does not tell."""

    result = MetricExportResult.SUCCESS

    def export(self, *arguments: Any, **more: Any) -> MetricExportResult:
        self.result = MetricExportResult.FAILURE  # which it is as well where an error ends it
        self.result = super().export(*arguments, **more)
        return self.result


class Sender:
    """Sends what its provider counted, when it is told to. There is one of it: counters go on from run to run."""

    def __init__(self) -> None:
        for name in _TALKATIVE:
            logging.getLogger(name).addFilter(_of_others)
        self._exporter = _Exporter(timeout=_PATIENCE)
        self._reader = PeriodicExportingMetricReader(self._exporter, export_interval_millis=math.inf)
        named = Resource.create({"service.name": "tidegate", "service.version": __version__})
        self.provider = MeterProvider(
            [self._reader],
            named.merge(OTELResourceDetector().detect()),
            shutdown_on_exit=False,  # which would wait for the receiver once more
        )
        self._turn = threading.Lock()

    def send(self) -> str | None:
        """Send what was counted since, within `_PATIENCE`. Returns the kind of what went wrong, or None."""
        until = time.monotonic() + _PATIENCE
        if not self._turn.acquire(timeout=_PATIENCE):
            return "TimeoutError"
        outcome: list[str | None] = []
        thread = threading.Thread(target=self._send, args=(outcome,), name=_THREAD, daemon=True)
        thread.start()
        thread.join(max(until - time.monotonic(), 0))
        return outcome[0] if outcome else "TimeoutError"

    def _send(self, outcome: list[str | None]) -> None:
        try:
            self._exporter.result = MetricExportResult.SUCCESS  # there may be nothing to send
            self._reader.force_flush()
            delivered = self._exporter.result is MetricExportResult.SUCCESS
            outcome.append(None if delivered else "NotDelivered")
        except Exception as error:  # noqa: BLE001 - whatever a receiver does, the rows are published
            outcome.append(type(error).__name__)
        finally:
            self._turn.release()


_making = threading.Lock()


def sender() -> Sender:
    """The one sender of this process."""
    with _making:
        return _made()


_made = cache(Sender)


def _of_others(record: logging.LogRecord) -> bool:
    """What the libraries say of our requests is not logged: it quotes URLs. That they failed is."""
    return record.threadName != _THREAD
