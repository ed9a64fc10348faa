"""Runs into MLflow: an integration, and what contributions did for a model.

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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.config import TrackingConfig
from tidegate.impact import Impact, metrics
from tidegate.pool import Dataset
from tidegate.receipt import Receipt, digest_of
from tidegate.telemetry import event
from tidegate.tracking.inputs import delta
from tidegate.tracking.mlflow_run import INTEGRATION, OUTCOME
from tidegate.tracking.outbox import Input, Run
from tidegate.tracking.servers import configured, embedded
from tidegate.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

log = logging.getLogger(__name__)

_IMPACT = "tidegate.impact"
_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}


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


def push(run: Run, files: Path, uri: str, workspace: Workspace) -> None:
    """Log a run with its files, once: what MLflow has is left alone, and what it has in part is completed.

    Raises:
        Unreachable: nothing can be asked of the server.
        Exception: what MLflow raises else.
    """
    with quietly():
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


def push_impact(
    impact: Impact,
    receipts: Sequence[Receipt],
    pages: Mapping[str, Sequence[Path]],
    config: TrackingConfig,
    workspace: Workspace,
    trained_on: Dataset | None = None,
) -> None:
    """Log what contributions did for a model, in a run of its own and in the run of each. Raises what MLflow raises.

    Args:
        pages: per integration, the files that tell of it.
        trained_on: what the model was trained on, which becomes an input of the run.
    """
    if not installed():
        return
    from mlflow.entities import Metric

    now = int(time.time() * 1000)

    def log_metrics(run: str, figures: Mapping[str, float]) -> None:
        client.log_batch(run, [Metric(name, value, now, 0) for name, value in figures.items()])

    with quietly():
        client, experiment = _open(configured(config) or embedded(workspace), config.experiment, workspace)
        told = digest_of([impact.model_dump(mode="json"), trained_on.uri if trained_on is not None else None])
        tags = {
            _IMPACT: told,
            "tidegate.dataset_version": str(impact.version_after),
            "tidegate.pool_version_before": str(impact.version_before),
        }
        # A step that is tried again, or resumed, tells the same: it has one run, which was perhaps left unfinished.
        same = client.search_runs([experiment], f"tags.`{_IMPACT}` = '{told}'")
        again = same[0] if same else client.create_run(experiment, tags=tags, run_name="evaluation")
        run = again.info.run_id
        log_metrics(run, metrics(impact.effects))
        client.log_text(run, impact.model_dump_json(indent=2), "tidegate/impact.json")
        if trained_on is not None:
            client.log_inputs(run, [_dataset(delta("training", trained_on.uri, trained_on.version))])
        client.set_terminated(run)
        for receipt in receipts:
            own = impact.of(receipt.submission.id)
            if own is None:
                continue
            runs = client.search_runs([experiment], f"tags.`{INTEGRATION}` = '{receipt.integration}'")
            if not runs:  # it may wait in the outbox
                event(log, "impact not recorded", level=logging.WARNING, integration=receipt.integration)
            for found in runs:
                log_metrics(found.info.run_id, metrics(own.effects, "impact_"))
                for path in pages.get(receipt.integration, ()):
                    client.log_artifact(found.info.run_id, str(path), "tidegate")


@contextmanager
def quietly() -> Iterator[None]:
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

    figures = [Metric(name, value, run.time, 0) for name, value in run.metrics.items()]
    client.log_batch(target, figures, [Param(name, value) for name, value in run.parameters.items()])
    client.log_inputs(target, [_dataset(one) for one in run.inputs])
    client.log_artifacts(target, str(files), "tidegate")


def _dataset(one: Input) -> DatasetInput:
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    dataset = Entity(
        name=one.name,
        digest=one.digest,
        source_type=one.kind,
        source=json.dumps(one.source),
        schema=json.dumps(one.columns) if one.columns is not None else None,
        profile=json.dumps(one.profile) if one.profile is not None else None,
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", one.context)])
