"""A tracking server that is down, refuses or hangs: the publish stands, and what it should have had waits for it."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from tidegate import integrate_contributed_data
from tidegate.cli import app
from tidegate.errors import TidegateError
from tidegate.telemetry import Listener, Step, listen

ROW = {"query_id": "q1", "query_text": "boots", "feature_1": 1.0, "feature_2": 2.0, "feature_3": 3.0, "label": 1}
SECONDS = 2


@contextmanager
def down() -> Iterator[int]:
    with socket.socket() as closed:  # bound and not listening: every connection is refused
        closed.bind(("127.0.0.1", 0))
        yield closed.getsockname()[1]


@contextmanager
def hangs() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


@contextmanager
def refuses() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class Recorded(Listener):
    """How long the step took in which the tracking server is asked."""

    def ended(self, step: Step) -> None:
        if step.name == "record":
            self.seconds = step.seconds


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(Path(__file__).resolve().parents[2]))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def integrate(query: str, port: int) -> float:
    """Publish one row; returns what the tracking took."""
    Path("x.jsonl").write_text(json.dumps(ROW | {"query_id": query}) + "\n")
    recorded = Recorded()
    tracking = {"mlflow_uri": f"http://ada:s3cret@127.0.0.1:{port}", "max_seconds": SECONDS}
    with listen(recorded):
        result = integrate_contributed_data(
            data_path="x.jsonl", schema_config="query_relevance@1.0", training_data="pool", tracking=tracking
        )
    assert result.receipt.rows.accepted == 1
    assert result.dataset.count() >= 1
    return recorded.seconds


def track(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code, and what `tidegate track` tells."""
    done = CliRunner().invoke(app, ["track", "--format", "json", *arguments])
    code = done.exception.exit_code if isinstance(done.exception, TidegateError) else done.exit_code
    return code, json.loads(done.stdout)


def runs(store: str) -> list[Any]:
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("tidegate")
    return list(client.search_runs([experiment.experiment_id]))


@pytest.mark.parametrize("server", [down, hangs, refuses])
def test_a_server_that_takes_nothing_costs_seconds_and_its_run_waits(
    server: Callable[[], Any], folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")  # so that it is not MLflow that gives up
    with server() as port:
        assert integrate("q1", port) < SECONDS + 30  # on a machine that is busy with others
        (entry,) = (folder / ".tidegate" / "outbox").iterdir()
        assert (entry.stat().st_mode & 0o777, (entry / "run.json").stat().st_mode & 0o777) == (0o700, 0o600)
        assert "s3cret" not in (entry / "run.json").read_text() + caplog.text
        (warned,) = [record for record in caplog.records if record.getMessage() == "mlflow failed"]
        assert warned.fields["waits"] == str(entry)  # type: ignore[attr-defined]
        assert [(one["server"], one["delivered"]) for one in track()[1]] == [(f"http://127.0.0.1:{port}", False)]


def test_what_waits_is_delivered_once(folder: Path) -> None:
    """Also where a delivery was killed: before it was done, and before the entry was taken out."""
    with down() as port:
        for query in ("q1", "q2"):
            integrate(query, port)
        code, told = track("--pending")
        assert (code, [one["delivered"] for one in told]) == (4, [False, False])
        assert all(one["error"] for one in told)
    outbox, store = folder / ".tidegate" / "outbox", f"sqlite:///{folder / 'store.db'}"
    shutil.copytree(outbox, folder / "before")
    client = MlflowClient(store)
    tags = json.loads((next(outbox.iterdir()) / "run.json").read_text())["tags"]
    cut_off = client.create_run(client.create_experiment("tidegate"), tags=tags).info.run_id
    code, told = track("--pending", "--to", store)
    assert (code, [one["delivered"] for one in told]) == (0, [True, True])
    assert list(outbox.iterdir()) == []
    assert track("--pending", "--to", store) == (0, [])
    shutil.copytree(folder / "before", outbox, dirs_exist_ok=True)
    assert track("--pending", "--to", store)[0] == 0
    found = runs(store)
    assert len({run.data.tags["tidegate.integration"] for run in found}) == len(found) == 2
    assert {run.info.status for run in found} == {"FINISHED"}
    assert cut_off in {run.info.run_id for run in found}
    assert [run.data.metrics["accepted"] for run in found] == [1, 1]


def test_a_receipt_that_was_lost_is_made_again_from_the_log(folder: Path) -> None:
    for _ in range(2):
        Path("x.jsonl").write_text(json.dumps(ROW) + "\n")
        result = integrate_contributed_data(
            data_path="x.jsonl", schema_config="query_relevance@1.0", training_data="pool", tracking=False
        )
        (kept,) = (folder / ".tidegate" / "receipts").iterdir()
        assert json.loads((kept / "receipt.json").read_text())["integration"] == result.receipt.integration
        shutil.rmtree(kept)
    assert result.receipt.already_published
    assert result.receipt.dataset_uri == str(Path("pool").resolve()), "by which lineage finds it"


def test_a_state_folder_that_fails_after_the_commit_costs_no_publish(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / ".tidegate").mkdir()
    (folder / ".tidegate" / "outbox").touch()  # so that it can be no folder
    with down() as port:
        integrate("q1", port)
    assert "mlflow failed" in caplog.messages
    assert len(list((folder / ".tidegate" / "receipts").iterdir())) == 1


def test_without_a_state_folder_nothing_can_wait(folder: Path) -> None:
    assert CliRunner().invoke(app, ["track"]).exception.exit_code == 2  # type: ignore[union-attr]
    assert list(folder.iterdir()) == []
