"""An integration as one MLflow run.

MLflow waits for minutes on a server that is down, so its patience is cut; it keeps a global active run, so only
`MlflowClient` is used; and several processes that make one SQLite store at once all fail, so the first touch is locked.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.config import TrackingConfig
from tidegate.receipt import Receipt
from tidegate.telemetry import event
from tidegate.tracking.outcome import Outcome
from tidegate.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

log = logging.getLogger(__name__)

INTEGRATION = "tidegate.integration"
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
_DIGEST = 36  # characters that MLflow allows a dataset's digest; the whole one is a tag


def push(outcome: Outcome, bundle: Path, config: TrackingConfig, workspace: Workspace) -> None:
    """Log an outcome to MLflow, once. Raises what MLflow raises."""
    if not _installed():
        return
    with _quietly():
        client, experiment = _open(config, workspace)
        found = client.search_runs([experiment], f"tags.`{INTEGRATION}` = '{outcome.receipt.integration}'")
        if any(run.data.tags.get("tidegate.verdict") == "accepted" for run in found):
            return
        run = client.create_run(experiment, tags=_tags(outcome), run_name=_name(outcome.receipt))
        try:
            _log(client, run.info.run_id, outcome, bundle)
        except BaseException:
            client.set_terminated(run.info.run_id, "FAILED")
            raise
        client.set_terminated(run.info.run_id)
        event(log, "mlflow recorded", mlflow_run=run.info.run_id)


def push_scores(
    scores: dict[str, float], versions: dict[str, int], config: TrackingConfig, workspace: Workspace
) -> None:
    """Log a model's scores with the dataset versions that they belong to. Raises what MLflow raises."""
    if not _installed():
        return
    from mlflow.entities import Metric

    with _quietly():
        client, experiment = _open(config, workspace)
        tags = {name: str(version) for name, version in versions.items()}
        run = client.create_run(experiment, tags=tags, run_name="evaluation")
        now = int(time.time() * 1000)
        client.log_batch(run.info.run_id, [Metric(name, value, now, 0) for name, value in scores.items()])
        client.set_terminated(run.info.run_id)


def _installed() -> bool:
    if find_spec("mlflow") is None:
        event(log, "mlflow not installed")
        return False
    for name, value in _IMPATIENT.items():
        os.environ.setdefault(name, value)
    return True


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warnings of MLflow on pandas 3 and SQLAlchemy 2.1, which nobody here can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tracking_uri(config: TrackingConfig, workspace: Workspace) -> str:
    """Where runs go: what is configured, what the environment says, or the embedded store."""
    embedded = f"sqlite:///{workspace.root / 'mlflow.db'}"
    return config.mlflow_uri or os.environ.get("MLFLOW_TRACKING_URI") or embedded


def _open(config: TrackingConfig, workspace: Workspace) -> tuple[MlflowClient, str]:
    uri = tracking_uri(config, workspace)
    with (workspace.root / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        from mlflow import MlflowClient

        for noisy in ("mlflow", "alembic"):  # only now: the import sets their levels
            logging.getLogger(noisy).setLevel(logging.WARNING)
        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(config.experiment)
        if experiment is not None:
            return client, experiment.experiment_id
        # Beside the embedded store, and not wherever the process happens to stand.
        artifacts = (workspace.root / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
        return client, client.create_experiment(config.experiment, artifact_location=artifacts)


def _log(client: MlflowClient, run: str, outcome: Outcome, bundle: Path) -> None:
    from mlflow.entities import Metric, Param

    receipt, now = outcome.receipt, int(time.time() * 1000)
    metrics = [Metric(name, float(value), now, 0) for name, value in outcome.statistics.items()]
    parameters = {
        "contract": outcome.metadata["contract"],
        "suite": outcome.metadata["suite"],
        "merge_strategy": receipt.merge_strategy,
    }
    client.log_batch(run, metrics, [Param(name, str(value)) for name, value in parameters.items()])
    client.log_inputs(run, _datasets(outcome))
    client.log_artifacts(run, str(bundle), "tidegate")


def _tags(outcome: Outcome) -> dict[str, str]:
    receipt = outcome.receipt
    tags = {
        INTEGRATION: receipt.integration,
        "tidegate.verdict": receipt.verdict,
        "tidegate.submission": receipt.submission.id,
        "tidegate.contributor": receipt.submission.contributor,
        "tidegate.contract": outcome.metadata["contract"],
        "tidegate.contract_digest": receipt.contract.digest,
        "tidegate.suite_digest": receipt.suite.digest if receipt.suite is not None else None,
        "tidegate.report_digest": receipt.report_digest,
        "tidegate.receipt_digest": receipt.digest,
        "tidegate.dataset_uri": receipt.dataset_uri,
        "tidegate.dataset_version": receipt.dataset_version,
        "tidegate.pool_version_before": outcome.pool_before[1],
        "mlflow.parentRunId": os.environ.get("MLFLOW_RUN_ID"),
    }
    return {name: str(value) for name, value in tags.items() if value is not None}


def _datasets(outcome: Outcome) -> list[DatasetInput]:
    """The pool before, the contribution, and the dataset after. MLflow loses version 0, so it stands in the name."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    def one(context: str, name: str, digest: str, kind: str, source: dict[str, Any]) -> DatasetInput:
        dataset = Dataset(name=name, digest=digest[:_DIGEST], source_type=kind, source=json.dumps(source))
        return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])

    def delta(context: str, uri: str, version: int) -> DatasetInput:
        source = {"path": uri, "delta_table_version": version}
        return one(context, f"{Path(uri).name}@{version}", f"version {version}", "delta_table", source)

    receipt, (pool, version) = outcome.receipt, outcome.pool_before
    inputs = [delta("pool_before", pool, version)] if version is not None else []
    for file in receipt.submission.files:
        inputs.append(one("contribution", Path(file.uri).name, file.sha256, "local", {"uri": file.uri}))
    if receipt.dataset_uri is not None and receipt.dataset_version is not None:
        inputs.append(delta("pool_after", receipt.dataset_uri, receipt.dataset_version))
    return inputs


def _name(receipt: Receipt) -> str:
    return f"{receipt.contract.name} {receipt.submission.id[:8]} {receipt.verdict}"
