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
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from tidegate.config import TrackingConfig
from tidegate.telemetry import event
from tidegate.tracking.outbox import Input, Run
from tidegate.tracking.outcome import Outcome
from tidegate.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

log = logging.getLogger(__name__)

INTEGRATION, OUTCOME = "tidegate.integration", "tidegate.receipt_digest"
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
_DIGEST = 36  # characters that MLflow allows a dataset's digest; the whole one is a tag


class Unreachable(Exception):
    """The tracking server does not even say whether it has the experiment."""


def installed() -> bool:
    """Whether MLflow is there; where it is, its patience is cut."""
    if find_spec("mlflow") is None:
        event(log, "mlflow not installed")
        return False
    for name, value in _IMPATIENT.items():
        os.environ.setdefault(name, value)
    return True


def run_of(outcome: Outcome, config: TrackingConfig) -> Run:
    """An outcome as MLflow gets it. MLflow need not be there for that."""
    receipt = outcome.receipt
    server = _configured(config)
    return Run(
        integration=receipt.integration,
        receipt_digest=receipt.digest,
        server=_without_password(server) if server is not None else None,
        experiment=config.experiment,
        name=f"{receipt.contract.name} {receipt.submission.id[:8]} {receipt.verdict}",
        time=int(datetime.fromisoformat(receipt.created_at).timestamp() * 1000),
        tags=_tags(outcome),
        parameters={
            "contract": str(outcome.metadata["contract"]),
            "suite": str(outcome.metadata["suite"]),
            "merge_strategy": receipt.merge_strategy,
        },
        metrics={name: float(value) for name, value in outcome.statistics.items()},
        inputs=tuple(_inputs(outcome)),
    )


def push(run: Run, files: Path, uri: str, workspace: Workspace) -> None:
    """Log a run with its files, once: what MLflow has is left alone, and what it has in part is completed.

    Raises:
        Unreachable: nothing can be asked of the server.
        Exception: what MLflow raises else.
    """
    with _quietly():
        try:
            client, experiment = _open(uri, run.experiment, workspace)
            found = client.search_runs([experiment], f"tags.`{INTEGRATION}` = '{run.integration}'")
        except Exception as error:
            raise Unreachable(type(error).__name__) from error
        same = [one for one in found if one.data.tags.get(OUTCOME) == run.receipt_digest]
        if any(one.info.status == "FINISHED" for one in same):
            return
        target = same[0] if same else client.create_run(experiment, tags=dict(run.tags), run_name=run.name)
        _log(client, target.info.run_id, run, files)
        client.set_terminated(target.info.run_id)
        event(log, "mlflow recorded", mlflow_run=target.info.run_id)


def push_scores(
    scores: dict[str, float], versions: dict[str, int], config: TrackingConfig, workspace: Workspace
) -> None:
    """Log a model's scores with the dataset versions that they belong to. Raises what MLflow raises."""
    if not installed():
        return
    from mlflow.entities import Metric

    with _quietly():
        client, experiment = _open(_configured(config) or embedded(workspace), config.experiment, workspace)
        tags = {name: str(version) for name, version in versions.items()}
        run = client.create_run(experiment, tags=tags, run_name="evaluation")
        now = int(time.time() * 1000)
        client.log_batch(run.info.run_id, [Metric(name, value, now, 0) for name, value in scores.items()])
        client.set_terminated(run.info.run_id)


def uri_of(run: Run, config: TrackingConfig, workspace: Workspace) -> str:
    """Where a run goes: to the server that it names, with the password of what is configured now."""
    if run.server is None:
        return embedded(workspace)
    configured = _configured(config)
    return configured if configured is not None and _without_password(configured) == run.server else run.server


def embedded(workspace: Workspace) -> str:
    """The store that is there without a server."""
    return f"sqlite:///{workspace.root / 'mlflow.db'}"


def _configured(config: TrackingConfig) -> str | None:
    return config.mlflow_uri or os.environ.get("MLFLOW_TRACKING_URI") or None


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warnings of MLflow on pandas 3 and SQLAlchemy 2.1, which nobody here can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _open(uri: str, experiment: str, workspace: Workspace) -> tuple[MlflowClient, str]:
    with (workspace.root / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        from mlflow import MlflowClient

        for noisy in ("mlflow", "alembic"):  # only now: the import sets their levels
            logging.getLogger(noisy).setLevel(logging.WARNING)
        client = MlflowClient(tracking_uri=uri)
        there = client.get_experiment_by_name(experiment)
        if there is not None:
            return client, there.experiment_id
        # Beside the embedded store, and not wherever the process happens to stand.
        artifacts = (workspace.root / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
        return client, client.create_experiment(experiment, artifact_location=artifacts)


def _log(client: MlflowClient, target: str, run: Run, files: Path) -> None:
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, value, run.time, 0) for name, value in run.metrics.items()]
    client.log_batch(target, metrics, [Param(name, value) for name, value in run.parameters.items()])
    client.log_inputs(target, [_dataset(one) for one in run.inputs])
    client.log_artifacts(target, str(files), "tidegate")


def _dataset(one: Input) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(name=one.name, digest=one.digest, source_type=one.kind, source=json.dumps(one.source))
    return DatasetInput(dataset, [InputTag("mlflow.data.context", one.context)])


def _tags(outcome: Outcome) -> dict[str, str]:
    receipt = outcome.receipt
    before = receipt.migrated_from
    tags = {
        INTEGRATION: receipt.integration,
        "tidegate.verdict": receipt.verdict,
        "tidegate.submission": receipt.submission.id,
        "tidegate.contributor": receipt.submission.contributor,
        "tidegate.contract": outcome.metadata["contract"],
        "tidegate.migrated_from": f"{before.name}@{before.version}" if before is not None else None,
        "tidegate.contract_digest": receipt.contract.digest,
        "tidegate.suite_digest": receipt.suite.digest if receipt.suite is not None else None,
        "tidegate.report_digest": receipt.report_digest,
        OUTCOME: receipt.digest,
        "tidegate.dataset_uri": receipt.dataset_uri,
        "tidegate.dataset_version": receipt.dataset_version,
        "tidegate.pool_version_before": outcome.pool_before[1],
        "mlflow.parentRunId": os.environ.get("MLFLOW_RUN_ID"),
    }
    return {name: str(value) for name, value in tags.items() if value is not None}


def _inputs(outcome: Outcome) -> Iterator[Input]:
    """The pool before, the contribution, and the dataset after. MLflow loses version 0, so it stands in the name."""

    def delta(context: str, uri: str, version: int) -> Input:
        source: dict[str, Any] = {"path": uri, "delta_table_version": version}
        name = f"{Path(uri).name}@{version}"
        return Input(context=context, name=name, digest=f"version {version}", kind="delta_table", source=source)

    receipt, (pool, version) = outcome.receipt, outcome.pool_before
    if version is not None:
        yield delta("pool_before", pool, version)
    for file in receipt.submission.files:
        name, source = Path(file.uri).name, {"uri": file.uri}
        yield Input(context="contribution", name=name, digest=file.sha256[:_DIGEST], kind="local", source=source)
    if receipt.dataset_uri is not None and receipt.dataset_version is not None:
        yield delta("pool_after", receipt.dataset_uri, receipt.dataset_version)
