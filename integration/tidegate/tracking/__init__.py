"""Recorders of an integration's outcome: a bundle on disk first, then MLflow and the Metaflow task.

What cannot be recorded costs seconds, and never the publish: it waits in the outbox until `deliver_waiting`.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.config import IntegrationConfig, TrackingConfig
from tidegate.pool import Dataset
from tidegate.receipt import Receipt
from tidegate.telemetry import event
from tidegate.tracking import to_openlineage, to_opentelemetry
from tidegate.tracking.derived import Derived, derived_datasets
from tidegate.tracking.outbox import Entry, put
from tidegate.tracking.outcome import Outcome, has_bundle, keep_bundle, write_bundle
from tidegate.tracking.to_openlineage import announced
from tidegate.tracking.to_opentelemetry import metered
from tidegate.workspace import Workspace

__all__ = [
    "Derived",
    "Outcome",
    "announced",
    "check_installed",
    "copy_page",
    "derived_datasets",
    "has_bundle",
    "metered",
    "record",
    "record_scores",
]

log = logging.getLogger(__name__)


def check_installed(config: TrackingConfig) -> None:
    """Raises `Misuse` where something is asked for whose package is not there."""
    to_openlineage.check_installed(config)
    to_opentelemetry.check_installed(config)


def record(outcome: Outcome, config: IntegrationConfig, workspace: Workspace, folder: Path) -> None:
    """Write the bundle to disk, then push it to where the configuration says. Never raises: the rows are published.

    A receipt that could not be kept is in the commit, and the same call again keeps it.

    Args:
        folder: where the bundle is made; of the same file system as the workspace.
    """
    with _warned("receipt not kept"):
        bundle = write_bundle(outcome, folder)
        entry = None
        with _warned("mlflow failed"):  # first into the outbox: a kill in between must lose neither
            entry = _put(outcome, config, workspace, bundle)
        kept = keep_bundle(bundle, outcome.receipt, workspace)
        if entry is not None:
            with _warned("mlflow failed"):
                _deliver(entry, config, workspace, kept)
    if config.tracking.metaflow:
        from tidegate.tracking.to_metaflow import attach

        attach(outcome)


def copy_page(receipt: Receipt, config: IntegrationConfig, workspace: Workspace) -> None:
    """Copy the page among the receipts to where the configuration says. Never raises: the rows are published."""
    if config.report.file is not None:
        with _warned("report not written"):
            shutil.copyfile(workspace.receipts / receipt.integration[:32] / "report.html", config.report.file)


def _put(outcome: Outcome, config: IntegrationConfig, workspace: Workspace, bundle: Path) -> Entry | None:
    from tidegate.tracking.mlflow_run import run_of
    from tidegate.tracking.to_mlflow import installed

    if not config.tracking.mlflow or not installed():
        return None
    return put(workspace.outbox, run_of(outcome, config.tracking), bundle)


def _deliver(entry: Entry, config: IntegrationConfig, workspace: Workspace, kept: Path) -> None:
    from tidegate.tracking.deliver import deliver

    error = deliver(entry, config.tracking, workspace)
    if error is not None:
        where = str(entry.folder)
        event(log, "mlflow failed", level=logging.WARNING, error=error, bundle=str(kept), waits=where)


@contextmanager
def _warned(name: str) -> Iterator[None]:
    """An error is logged, by its kind: messages of HTTP libraries quote credentials."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever a disk or a tracking server does, the rows are published
        event(log, name, level=logging.WARNING, error=type(error).__name__)


def record_scores(
    state_dir: str, scores: dict[str, float], versions: dict[str, int], trained_on: Dataset | None = None
) -> None:
    """Log what a dataset version did for a model, as a run of its own beside the integrations.

    Args:
        trained_on: what the model was trained on: `tidegate lineage` finds the run by it.
    """
    from tidegate.tracking.to_mlflow import push_scores

    with _warned("mlflow failed"):
        push_scores(scores, versions, TrackingConfig(), Workspace(Path(state_dir)), trained_on)
