"""Metrics over OTLP: to a receiver on this machine, held against the receipts, and to some that fail."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import opentelemetry.metrics
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from tests.docs.test_complete import names, rows
from tests.sources.site import Page, Site
from tests.tracking.otlp_receiver import Attributes, Receiver, receiving

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.config import TrackingConfig
from tidegate.data_integration import IntegrationResult
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.receipt import Receipt, Report
from tidegate.telemetry import step
from tidegate.tracking import check_installed, metered, otlp, to_opentelemetry
from tidegate.tracking.to_opentelemetry import COUNTERS, DURATIONS

ROOT = Path(__file__).resolve().parents[2]
ROW = {"query_id": "q1", "query_text": "boots", "feature_1": 1.0, "feature_2": 2.0, "feature_3": 3.0, "label": 1}
ON = TrackingConfig(mlflow=False, metaflow=False, opentelemetry=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, in a process that has sent nothing so far."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(ROOT))
    otlp._made.cache_clear()
    yield tmp_path
    otlp._made.cache_clear()


def lines(*changes: dict[str, Any]) -> bytes:
    return "".join(json.dumps(ROW | change) + "\n" for change in changes).encode()


def integrate(path: str, **more: Any) -> IntegrationResult:
    options = {
        "training_data": "pool",
        "contributor": "grace",
        "tracking": {"mlflow": False, "metaflow": False, "opentelemetry": True} | more,
        "source_config": {"allowed_networks": ["127.0.0.0/8"]},
        "validation_config": {"max_failing_fraction": 0.3},
    }
    return integrate_contributed_data(data_path=path, schema_config="query_relevance@1.0", **options)


def of(told: Receipt | Report, **more: Any) -> Attributes:
    """Attributes as they are received."""
    known = {"contract.name": told.contract.name, "contract.version": told.contract.version, "verdict": told.verdict}
    return tuple(sorted((f"tidegate.{name}", value) for name, value in (known | more).items()))


def test_what_is_received_is_what_the_receipts_say(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="tidegate")
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(folder / "openlineage.yml"))
    Path("openlineage.yml").write_text("transport: {type: carrier pigeon}")
    Path("bad.jsonl").write_bytes(lines({"query_id": "q5", "label": 7}))
    with receiving() as (url, received), Site().running() as site:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
        good = lines({}, {"query_id": "q2"}, {"query_id": "q2"}, {"query_id": "q3", "label": 7})
        site.pages["/good.jsonl"] = Page(good, busy=1)
        accepted = integrate(site.url("/good.jsonl"))
        again = integrate(site.url("/good.jsonl"), openlineage=True)
        with pytest.raises(SubmissionRejected) as rejected:
            integrate("bad.jsonl")
        with pytest.raises(SourceUnreadable):
            integrate("missing.jsonl")

    assert (received.headers["path"], received.headers["authorization"]) == ("/v1/metrics", "s3cret")
    named = {"service.name": "tidegate", "deployment.environment.name": "staging"}
    assert named.items() <= received.resource.items()
    assert "service.instance.id" in received.resource
    metrics = received.metrics
    bad = rejected.value.report
    assert again.receipt.already_published
    assert metrics["tidegate.integrations"] == {
        of(accepted.receipt, already_published=False): 1,
        of(again.receipt, already_published=True): 1,
        of(bad, already_published=False): 1,
    }
    counted = accepted.receipt.rows
    assert (counted.read, counted.failed, counted.duplicate, counted.accepted) == (4, 1, 1, 2)
    assert metrics["tidegate.rows"] == {
        of(told, outcome=outcome): count
        for told in (accepted.receipt, bad)
        for outcome, count in told.rows.model_dump(exclude={"read"}).items()
    }
    sizes = [file.bytes for told in (accepted.receipt, again.receipt, bad) for file in told.submission.files]
    assert metrics["tidegate.source.io"] == {(): sum(sizes)}
    assert metrics["tidegate.source.retries"] == {(): 1}
    assert metrics["tidegate.failures"] == {(("error.type", "source-unreadable"),): 1}
    assert metrics["tidegate.warnings"] == {(("tidegate.event", "openlineage failed"),): 1}
    ended = {attributes: count for attributes, (count, _) in metrics["tidegate.integration.duration"].items()}
    assert ended == {
        (("tidegate.verdict", "accepted"),): 2,
        (("tidegate.verdict", "rejected"),): 1,
        (("error.type", "source-unreadable"),): 1,
    }
    steps = {attributes[0][1]: told for attributes, told in metrics["tidegate.step.duration"].items()}
    assert (steps["acquire"][0], steps["stage"][0], steps["publish"][0], steps["record"][0]) == (3, 2, 1, 2)
    assert steps["publish"][1] == pytest.approx(accepted.statistics["seconds_publish"])
    assert "seconds_acquire" in accepted.statistics

    _holds_nothing_of_the_contributor(received, [accepted.receipt.submission.id, "grace", "jsonl", "boots", "q1"])
    _is_as_documented(received)
    _logs_what_is_documented(caplog)
    assert "s3cret" not in " ".join(str(vars(record)) for record in caplog.records)


def _holds_nothing_of_the_contributor(received: Receiver, theirs: list[str]) -> None:
    told = repr([received.metrics, received.resource])
    assert [one for one in theirs if one in told] == []


def _is_as_documented(received: Receiver) -> None:
    documented = rows("monitoring.md", "Metrics")
    assert {
        name: (row[1].partition(", ")[2].strip("`"), row[3])
        for name, row in documented.items()
        if name.startswith("tidegate.") and len(row) == 4
    } == COUNTERS | DURATIONS
    assert received.described.items() <= (COUNTERS | DURATIONS).items()
    assert set(received.metrics) == set(COUNTERS | DURATIONS) - {"tidegate.publish.retries"}
    for name, points in received.metrics.items():
        used = {attribute for attributes in points for attribute, _ in attributes}
        assert used == names(documented[name][2]), name


def _logs_what_is_documented(caplog: pytest.LogCaptureFixture) -> None:
    documented = rows("monitoring.md", "Events")
    told = [record for record in caplog.records if record.name.startswith("tidegate")]
    assert {"step done", "judged", "fetching again", "failed"} <= {record.getMessage() for record in told}
    for record in told:
        row = documented[record.getMessage()]
        assert (record.levelname.lower(), set(vars(record)["fields"]) - names(row[2])) == (row[1], set()), row[0]


def test_a_receiver_that_never_answers_costs_two_seconds_and_not_the_publish(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Path("good.jsonl").write_bytes(lines({}))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}/s3cret")
        begun = time.monotonic()
        assert integrate("good.jsonl").receipt.dataset_version == 0
        took = time.monotonic() - begun
    assert took < 20  # on a machine that is busy with others
    _warned_without_words(caplog)


def test_a_receiver_that_is_down_costs_seconds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://ada:s3cret@127.0.0.1:{port}/s3cret")
    begun = time.monotonic()
    with metered(ON), step("select"):
        pass
    assert time.monotonic() - begun < 8
    _warned_without_words(caplog)


def _warned_without_words(caplog: pytest.LogCaptureFixture) -> None:
    (warned,) = [record for record in caplog.records if record.getMessage() == "opentelemetry failed"]
    assert vars(warned)["fields"]["error"] in ("TimeoutError", "NotDelivered")
    assert "s3cret" not in " ".join(str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize(
    ("variable", "error"),
    [("OTEL_EXPORTER_OTLP_ENDPOINT", "NotDelivered"), ("OTEL_METRICS_EXEMPLAR_FILTER", "ValueError")],
)
def test_a_configuration_that_is_wrong_costs_the_metrics_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str, error: str
) -> None:
    monkeypatch.setenv(variable, "carrier pigeon")
    with metered(ON), step("select"):
        pass
    told = [vars(record).get("fields") for record in caplog.records]
    assert (caplog.messages, told) == (["opentelemetry failed"], [{"error": error}])


def test_the_process_keeps_the_provider_that_it_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    before = opentelemetry.metrics.get_meter_provider()
    monkeypatch.setattr(opentelemetry.metrics, "get_meter_provider", lambda: provider)
    monkeypatch.setattr(otlp, "_made", lambda: pytest.fail("a sender of our own was made"))
    with pytest.raises(SourceUnreadable):
        integrate("missing.jsonl")
    counted = {m.name for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert counted == {"tidegate.failures", "tidegate.integration.duration"}
    monkeypatch.undo()
    assert opentelemetry.metrics.get_meter_provider() is before


def test_without_the_package_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed(TrackingConfig(opentelemetry=True))
    for missing in ("opentelemetry.sdk", "opentelemetry_of_nobody.exporter"):
        monkeypatch.setattr(to_opentelemetry, "_NEEDED", (missing,))
        monkeypatch.setattr(to_opentelemetry, "find_spec", _without_the_sdk)
        check_installed(TrackingConfig())
        with pytest.raises(Misuse, match=r"tidegate\[opentelemetry\]"):
            check_installed(TrackingConfig(opentelemetry=True))


def _without_the_sdk(name: str) -> None:
    if not name.startswith("opentelemetry."):
        raise ModuleNotFoundError(name)
