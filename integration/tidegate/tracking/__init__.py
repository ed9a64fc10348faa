"""Recorders of an integration's outcome: a bundle on disk first, then MLflow and the Metaflow task.

What cannot be recorded costs seconds, and never the publish: it waits in the outbox until `deliver_waiting`.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tidegate.config import IntegrationConfig, TrackingConfig
from tidegate.impact import Impact
from tidegate.pool import Dataset
from tidegate.receipt import Receipt
from tidegate.telemetry import event
from tidegate.tracking import to_openlineage, to_opentelemetry
from tidegate.tracking.derived import Derived, derived_datasets
from tidegate.tracking.outbox import Entry, put
from tidegate.tracking.outcome import Outcome, add_impact, has_bundle, keep_bundle, write_bundle, write_data_docs
from tidegate.tracking.to_openlineage import announced
from tidegate.tracking.to_opentelemetry import metered
from tidegate.workspace import Workspace

__all__ = [
    "Derived",
    "Outcome",
    "announced",
    "attach_to_task",
    "check_installed",
    "copy_page",
    "derived_datasets",
    "has_bundle",
    "metered",
    "record",
    "record_impact",
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
        if config.report.data_docs and outcome.expectations is not None and outcome.suite is not None:
            with _warned("data docs not written"):
                write_data_docs(outcome.expectations, outcome.suite, bundle)
        entry = None
        with _warned("mlflow failed"):  # first into the outbox: a kill in between must lose neither
            entry = _put(outcome, config, workspace, bundle)
        kept = keep_bundle(bundle, outcome.receipt, workspace)
        if entry is not None:
            with _warned("mlflow failed"):
                _deliver(entry, config, workspace, kept)


def attach_to_task(outcome: Outcome, config: IntegrationConfig) -> None:
    """Attach the outcome to the Metaflow task that is under way, if there is one. Never raises.

    Also one that was recorded before: a step that is run again, as by `resume`, is a new task.
    """
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


def record_impact(
    impact: Impact,
    receipts: Sequence[Receipt],
    state_dir: str | Path,
    trained_on: Dataset | None = None,
    tracking: TrackingConfig | None = None,
) -> None:
    """Record what contributions did for a model: in the pages among the receipts, and in MLflow.

    Each contribution's run gets its own figures, and a run of its own, `evaluation`, those of all. What was not
    recorded is logged, and the same call again records it, once.

    Args:
        receipts: of the contributions; whose receipt is kept elsewhere, or who is not in `impact`, is left out.
        trained_on: what the model was trained on: `tidegate lineage` finds the run by it.
        tracking: where the integrations were recorded; None for where they are without a configuration.

    Raises:
        Misuse: the state folder cannot be made. Nothing else is raised.
    """
    from tidegate.tracking.to_mlflow import push_impact

    workspace, config = Workspace(Path(state_dir)), tracking or TrackingConfig()
    pages = {}
    for receipt in receipts:
        with _warned("report not written"):
            pages[receipt.integration] = add_impact(receipt, impact, workspace)
    if config.mlflow:
        with _warned("mlflow failed"):
            push_impact(impact, receipts, pages, config, workspace, trained_on)
