"""An integration as a run in a real MLflow store."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

import tidegate
from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.config import TrackingConfig
from tidegate.data_integration import IntegrationResult
from tidegate.impact import Impact, measure_impact
from tidegate.pool import as_input
from tidegate.tracking import record_impact
from tidegate.tracking.mlflow_run import parent
from tidegate.tracking.outcome import _replace

ROOT = Path(__file__).resolve().parents[2]
ROW = {"query_id": "q1", "query_text": "boots", "feature_1": 1.0, "feature_2": 2.0, "feature_3": 3.0, "label": 1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(ROOT))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def integrate(*changes: dict[str, Any], **more: Any) -> IntegrationResult:
    Path("x.jsonl").write_text("".join(json.dumps(ROW | change) + "\n" for change in changes))
    return integrate_contributed_data(
        data_path="x.jsonl", schema_config="query_relevance@1.0", training_data="pool", **more
    )


def runs(folder: Path) -> tuple[MlflowClient, list[Any]]:
    client = MlflowClient(f"sqlite:///{folder / '.tidegate' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tidegate")
    return client, list(client.search_runs([experiment.experiment_id], order_by=["start_time ASC"]))


def test_a_run_has_counts_versions_datasets_and_the_bundle(folder: Path) -> None:
    integrate({}, contributor="ada")
    result = integrate({"query_id": "q2"}, {"query_id": "q2"}, contributor="ada")
    client, (_, run) = runs(folder)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["read"] == 2
    assert run.data.metrics["duplicate"] == 1
    assert run.data.metrics["seconds_stage"] > 0
    assert run.data.params["contract"] == "query_relevance@1.0"
    assert run.data.tags["tidegate.verdict"] == "accepted"
    assert run.data.tags["tidegate.contributor"] == "ada"
    assert run.data.tags["tidegate.receipt_digest"] == result.receipt.digest
    assert run.data.tags["tidegate.dataset_version"] == "1"
    inputs = [(i.tags[0].value, i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs]
    assert sorted(inputs) == [
        ("contribution", "x.jsonl", result.receipt.submission.id[:36]),
        ("pool_after", "pool@1", as_input(str(folder / "pool"), 1).digest),
        ("pool_before", "pool@0", as_input(str(folder / "pool"), 0).digest),
    ]
    names = sorted(Path(file.path).name for file in client.list_artifacts(run.info.run_id, "tidegate"))
    assert names == [
        "contract.md", "contract.py", "expectations.json", "expectations_result.json", "quarantine_summary.parquet",
        "receipt.json", "report.html", "report.json", "training_data.json",
    ]  # fmt: skip
    local = Path(client.download_artifacts(run.info.run_id, "tidegate", str(folder)))
    assert json.loads((local / "receipt.json").read_text())["rows"]["accepted"] == 1
    assert pq.read_table(local / "quarantine_summary.parquet").to_pylist() == [
        {"code": "duplicate", "rule": "deduplicate", "column": None, "records": 1}
    ]
    assert "boots" not in "".join(path.read_text(errors="ignore") for path in local.iterdir())


def test_a_rejection_is_recorded_too(folder: Path) -> None:
    with pytest.raises(SubmissionRejected):
        integrate({"label": 7})
    _, (run,) = runs(folder)
    assert (run.info.status, run.data.tags["tidegate.verdict"]) == ("FINISHED", "rejected")
    assert "tidegate.dataset_version" not in run.data.tags


def test_the_same_integration_has_one_run(folder: Path) -> None:
    integrate({})
    integrate({})
    assert len(runs(folder)[1]) == 1


def test_impact_goes_where_integrations_went_and_tells_of_no_other_contributor(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receipts = [
        integrate({"query_id": who}, contributor=who, tracking={"mlflow": False}).receipt for who in ("ada", "bob")
    ]
    one = lambda weights: {"error": float(weights.sum())}  # noqa: E731
    impact = measure_impact(
        one, one, [(receipt, one) for receipt in receipts], better={"error": "lower"}, records=2, versions=(0, 1)
    )
    record_impact(impact, receipts, ".tidegate", tracking=TrackingConfig.model_validate(False))
    assert not (folder / ".tidegate/mlflow.db").exists()
    (kept,) = [
        path.read_text() for path in folder.glob(".tidegate/receipts/*/impact.json") if "ada" in path.read_text()
    ]
    assert (Impact.model_validate_json(kept).effects, "bob" in kept) == (impact.effects, False)
    record_impact(impact, receipts, ".tidegate", tracking=TrackingConfig(experiment="own"))
    assert caplog.messages.count("impact not recorded") == 2
    record_impact(
        impact, receipts, ".tidegate", tracking=TrackingConfig(experiment="own")
    )  # a step that is tried again
    client = MlflowClient(f"sqlite:///{folder / '.tidegate' / 'mlflow.db'}")
    assert client.get_experiment_by_name("tidegate") is None
    (evaluation,) = client.search_runs([client.get_experiment_by_name("own").experiment_id])
    assert (evaluation.info.run_name, evaluation.info.status) == ("evaluation", "FINISHED")


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        _replace(tmp_path / "report.html", "new \ud800")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.html", "old")]


def test_a_run_is_recorded_while_another_thread_imports_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", ModuleType("mlflow"))  # as it is while that goes on
    monkeypatch.setenv("MLFLOW_RUN_ID", "pipeline")
    assert parent() == "pipeline"


def test_off_leaves_only_the_bundle(folder: Path) -> None:
    integrate({}, tracking=False)
    assert not (folder / ".tidegate" / "mlflow.db").exists()
    (bundle,) = (folder / ".tidegate" / "receipts").iterdir()
    assert (bundle / "report.html").is_file()


def test_a_server_that_is_down_costs_the_run_and_not_the_publish(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:  # bound and not listening: every connection is refused
        closed.bind(("127.0.0.1", 0))
        uri = f"http://user:s3cret@127.0.0.1:{closed.getsockname()[1]}"
        result = integrate({}, tracking={"mlflow_uri": uri})
    assert result.receipt.dataset_version == 0
    (warned,) = [record for record in caplog.records if record.getMessage() == "mlflow failed"]
    assert warned.levelno == logging.WARNING
    assert "s3cret" not in str(vars(warned))
    assert Path(warned.fields["bundle"], "receipt.json").is_file()  # type: ignore[attr-defined]


FIRST = """
from tidegate import integrate_contributed_data
integrate_contributed_data(data_path={file!r}, schema_config="query_relevance@1.0", training_data="pool")
"""


def test_processes_that_make_the_store_at_once_all_record(folder: Path, warm: Path) -> None:
    processes = []
    for number in range(2):
        file = f"{number}.jsonl"
        Path(file).write_text(json.dumps(ROW | {"query_id": file}) + "\n")
        environment = os.environ | {"PYTHONPATH": str(Path(tidegate.__file__).parent.parent)}
        processes.append(subprocess.Popen([warm, "-c", FIRST.format(file=file)], env=environment))
    assert [process.wait() for process in processes] == [0, 0]
    assert len(runs(folder)[1]) == 2
