"""OpenLineage events of integrations, to where the library is configured to send them, and held against the schema."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.data_integration import IntegrationResult
from tidegate.errors import Misuse, PoolError
from tidegate.tracking import check_installed
from tidegate.tracking.openlineage_events import named

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((Path(__file__).parent / "schemas/openlineage-2-0-2.json").read_text())
ROW = {"query_id": "q1", "query_text": "boots", "feature_1": 1.0, "feature_2": 2.0, "feature_3": 3.0, "label": 1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(ROOT))
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(tmp_path / "openlineage.yml"))
    send_to({"type": "file", "log_file_path": str(tmp_path / "events.jsonl"), "append": True})
    return tmp_path


def send_to(transport: dict[str, Any]) -> None:
    Path("openlineage.yml").write_text(yaml.safe_dump({"transport": transport}))


def integrate(*changes: dict[str, Any], **more: Any) -> IntegrationResult:
    Path("x.jsonl").write_text("".join(json.dumps(ROW | change) + "\n" for change in changes))
    options = {"training_data": "pool", "tracking": {"mlflow": False, "openlineage": True, "max_seconds": 2}} | more
    return integrate_contributed_data(data_path="x.jsonl", schema_config="query_relevance@1.0", **options)


def events() -> list[dict[str, Any]]:
    """The events that were written, each valid."""
    told = [json.loads(line) for line in Path("events.jsonl").read_text().splitlines()]
    for event in told:
        jsonschema.validate(event, SCHEMA, format_checker=jsonschema.FormatChecker())
    return told


def test_an_integration_begins_and_ends_in_events(folder: Path) -> None:
    result = integrate({}, {"query_id": "q2"}, {"query_id": "q2"})
    with pytest.raises(SubmissionRejected):
        integrate({"label": 7})
    Path("not-a-pool").mkdir()
    Path("not-a-pool/README").touch()
    with pytest.raises(PoolError):
        integrate({}, training_data="not-a-pool")
    told = events()
    assert [event["eventType"] for event in told] == ["START", "COMPLETE", "START", "FAIL", "START", "FAIL"]
    runs = [event["run"]["runId"] for event in told]
    assert (runs[0::2], len(set(runs))) == (runs[1::2], 3)
    assert {event["job"]["name"] for event in told} == {"integrate_contributed_data.query_relevance"}

    _, completed, _, rejected, _, broken = told
    (file,) = completed["inputs"]
    assert (file["namespace"], file["name"]) == ("file", str(folder / "x.jsonl"))
    assert file["facets"]["version"]["datasetVersion"] == result.receipt.submission.files[0].sha256
    assert [field["name"] for field in file["facets"]["schema"]["fields"]][:2] == ["query_id", "query_text"]
    assert file["inputFacets"]["dataQualityMetrics"]["rowCount"] == 3
    assert result.report is not None
    # A row that is there twice fails what deduplication settles, and so few rows the expectations that only warn.
    assert [check["success"] for check in file["inputFacets"]["dataQualityAssertions"]["assertions"]] == [
        check.status == "passed" for check in result.report.checks
    ]
    (output,) = completed["outputs"]
    assert (output["name"], output["facets"]["version"]["datasetVersion"]) == (str(folder / "pool"), "0")
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 2

    assert rejected.get("outputs", []) == []
    assert rejected["run"]["facets"]["errorMessage"]["message"].startswith("The submission was rejected: ")
    assert [each["name"] for each in rejected["inputs"]] == [str(folder / "x.jsonl"), str(folder / "pool")]
    assert not all(c["success"] for c in rejected["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"])
    assert "is not empty and is no Delta table" in broken["run"]["facets"]["errorMessage"]["message"]


def test_events_go_over_http_and_are_not_sent_unasked(folder: Path) -> None:
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            send_to({"type": "http", "url": f"http://127.0.0.1:{server.server_port}"})
            integrate({}, tracking={"mlflow": False, "openlineage": True, "max_seconds": 60})
            integrate({"query_id": "q3"}, tracking=False)
        finally:
            server.shutdown()
            thread.join()
    assert [event["eventType"] for event in received] == ["START", "COMPLETE"]


def test_a_receiver_that_never_answers_costs_seconds_and_not_the_publish(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        send_to({"type": "http", "url": f"http://ada:s3cret@127.0.0.1:{silent.getsockname()[1]}", "timeout": 60})
        begun = time.monotonic()
        assert integrate({}).receipt.dataset_version == 0
        assert time.monotonic() - begun < 32  # on a machine that is busy with others
    (warned,) = [record for record in caplog.records if record.getMessage() == "openlineage failed"]
    assert warned.fields == {"error": "TimeoutError"}  # type: ignore[attr-defined]
    assert "s3cret" not in " ".join(str(vars(r)) for r in caplog.records if r.name.startswith("tidegate"))


def test_a_configuration_that_is_wrong_costs_the_events_alone(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    send_to({"type": "carrier pigeon"})
    assert integrate({}).receipt.dataset_version == 0
    assert "openlineage failed" in caplog.messages


def test_without_the_package_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.config import TrackingConfig
    from tidegate.tracking import to_openlineage

    monkeypatch.setattr(to_openlineage, "find_spec", lambda name: None)
    check_installed(TrackingConfig())
    with pytest.raises(Misuse, match="openlineage-python"):
        check_installed(TrackingConfig(openlineage=True))


@pytest.mark.parametrize(
    ("uri", "named_so"),
    [
        ("/data/x.csv", ("file", "/data/x.csv")),
        ("s3://bucket/a/x.csv", ("s3://bucket", "a/x.csv")),
        ("abfss://c@account.dfs.core.windows.net/pool", ("abfss://c@account.dfs.core.windows.net", "pool")),
        ("https://example.org/x.csv", ("https://example.org", "x.csv")),
    ],
)
def test_places_are_named_as_openlineage_names_them(uri: str, named_so: tuple[str, str]) -> None:
    assert named(uri) == named_so


def test_the_schema_refuses_what_is_misspelt(folder: Path) -> None:
    integrate({})
    event = events()[-1]
    event["inputs"][0]["inputFacets"]["dataQualityMetrics"]["rowcount"] = 1
    with pytest.raises(jsonschema.ValidationError, match="rowcount"):
        jsonschema.validate(event, SCHEMA)
