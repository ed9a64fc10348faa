"""What operators watch, as OpenTelemetry metrics, on request: docs/monitoring.md tells each.

They are counted from the events of the log, so that both tell the same, and from what an integration came to. No
attribute holds what a contributor chose: a path, a name, a submission's id, a cell.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tidegate import __version__
from tidegate.config import TrackingConfig
from tidegate.errors import Misuse, SubmissionRejected
from tidegate.receipt import Receipt, Report
from tidegate.telemetry import counting, event

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from tidegate.tracking.otlp import Sender

log = logging.getLogger(__name__)

COUNTERS = {
    "tidegate.integrations": ("{integration}", "Integrations that came to a verdict."),
    "tidegate.failures": ("{failure}", "Integrations that an error ended."),
    "tidegate.rows": ("{row}", "Records that were read, by what became of them."),
    "tidegate.source.io": ("By", "Bytes of the submissions' files, as they came."),
    "tidegate.source.retries": ("{retry}", "Parts of files that were fetched again, after a fault that may pass."),
    "tidegate.publish.retries": ("{retry}", "Submissions judged again, as others had changed what is in the pool."),
    "tidegate.warnings": ("{warning}", "Warnings in the log."),
}
"""Unit and meaning of each counter."""

DURATIONS = {
    "tidegate.step.duration": ("s", "How long a step took that was done to its end."),
    "tidegate.integration.duration": ("s", "How long an integration took, however it ended."),
}
"""The same of each histogram."""

_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)
_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def check_installed(config: TrackingConfig) -> None:
    """Raises `Misuse` where metrics are asked for, and a package is not there."""
    if config.opentelemetry and not all(_installed(name) for name in _NEEDED):
        raise Misuse(
            "tracking.opentelemetry needs opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http.",
            "pip install 'tidegate[opentelemetry]'",
        )


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # nor is the package that it would be in
        return False


@contextmanager
def metered(config: TrackingConfig) -> Iterator[Callable[[Receipt], None]]:
    """Count what the block does, and send it. The block says by a call what came of it, or else logs that it failed."""
    meter = _Meter.open() if config.opentelemetry else None
    if meter is None:
        yield lambda receipt: None
        return
    before = counting.set(meter.heard)
    try:
        yield meter.integrated
    except SubmissionRejected as error:
        meter.integrated(error.report)
        raise
    finally:
        counting.reset(before)
        meter.send()


class _Meter:
    """The instruments. Whatever becomes of them, the rows are published: no method raises.

    Args:
        provider: the process's own, or the sender's.
        sender: None where the process sends what it counts itself.
    """

    def __init__(self, provider: MeterProvider, sender: Sender | None) -> None:
        meter = provider.get_meter("tidegate", __version__)
        self._sender, self._begun = sender, time.monotonic()
        self._counters = {name: meter.create_counter(name, *told) for name, told in COUNTERS.items()}
        self._durations = {
            name: meter.create_histogram(name, *told, explicit_bucket_boundaries_advisory=_BOUNDS)
            for name, told in DURATIONS.items()
        }

    @classmethod
    def open(cls) -> _Meter | None:
        """None, and a warning, where it cannot be set up."""
        try:
            from opentelemetry.metrics import get_meter_provider
            from opentelemetry.sdk.metrics import MeterProvider

            own = get_meter_provider()
            if isinstance(own, MeterProvider):
                return cls(own, None)
            from tidegate.tracking.otlp import sender

            ours = sender()
            return cls(ours.provider, ours)
        except Exception as error:  # noqa: BLE001 - a configuration that is wrong must not cost the publish
            _warn(type(error).__name__)
            return None

    def heard(self, name: str, level: int, fields: dict[str, Any]) -> None:
        """An event was logged."""
        if name == "step done":
            self._took("tidegate.step.duration", fields["seconds"], {"tidegate.step": fields["step"]})
            if fields["step"] == "acquire":
                self._add("tidegate.source.io", fields["bytes"])
        elif name == "fetching again":
            self._add("tidegate.source.retries", 1)
        elif name == "overtaken":
            self._add("tidegate.publish.retries", 1)
        elif name == "failed":
            self._add("tidegate.failures", 1, {"error.type": fields["error"]})
            self._ended({"error.type": fields["error"]})
        if level >= logging.WARNING:
            self._add("tidegate.warnings", 1, {"tidegate.event": name})

    def integrated(self, told: Receipt | Report) -> None:
        """The integration came to a verdict. Rows that were published before are not counted again."""
        of = {
            "tidegate.contract.name": told.contract.name,
            "tidegate.contract.version": told.contract.version,
            "tidegate.verdict": told.verdict,
        }
        again = isinstance(told, Receipt) and told.already_published
        self._add("tidegate.integrations", 1, of | {"tidegate.already_published": again})
        self._ended({"tidegate.verdict": told.verdict})
        if not again:
            for outcome, rows in told.rows.model_dump(exclude={"read"}).items():
                self._add("tidegate.rows", rows, of | {"tidegate.outcome": outcome})

    def send(self) -> None:
        """Send what was counted, if nobody else does."""
        if self._sender is not None and (error := self._sender.send()) is not None:
            _warn(error)

    def _ended(self, attributes: dict[str, Any]) -> None:
        self._took("tidegate.integration.duration", time.monotonic() - self._begun, attributes)

    def _add(self, name: str, amount: float, attributes: dict[str, Any] | None = None) -> None:
        with suppress(Exception):  # of a provider that is not ours
            self._counters[name].add(amount, attributes)

    def _took(self, name: str, seconds: float, attributes: dict[str, Any]) -> None:
        with suppress(Exception):  # as above
            self._durations[name].record(seconds, attributes)


def _warn(error: str) -> None:
    """By its kind alone: messages of HTTP libraries quote credentials."""
    event(log, "opentelemetry failed", level=logging.WARNING, error=error)
