"""Recorders of an integration's outcome: a bundle on disk first, then MLflow and the Metaflow task.

What cannot be recorded costs seconds, and never the publish: it waits in the outbox until `deliver_waiting`.
"""

from __future__ import annotations

import logging
from pathlib import Path

from tidegate.config import IntegrationConfig, TrackingConfig
from tidegate.telemetry import event
from tidegate.tracking.outcome import Outcome, has_bundle, keep_bundle, write_bundle
from tidegate.workspace import Workspace

__all__ = ["Outcome", "has_bundle", "record", "record_scores"]

log = logging.getLogger(__name__)


def record(outcome: Outcome, config: IntegrationConfig, workspace: Workspace, folder: Path) -> None:
    """Write the bundle to disk, then push it to where the configuration says.

    A recorder that fails is logged, by the kind of its error: messages of HTTP libraries quote credentials.

    Args:
        folder: where the bundle is made; of the same file system as the workspace.
    """
    from tidegate.tracking import to_mlflow
    from tidegate.tracking.outbox import put

    bundle, entry = write_bundle(outcome, folder), None
    if config.tracking.mlflow and to_mlflow.installed():
        entry = put(workspace.outbox, to_mlflow.run_of(outcome, config.tracking), bundle)
    kept = keep_bundle(bundle, outcome.receipt, workspace)
    if entry is not None:
        from tidegate.tracking.deliver import deliver

        error = deliver(entry, config.tracking, workspace)
        if error is not None:
            fields = {"error": error, "bundle": str(kept), "waits": str(entry.folder)}
            event(log, "mlflow failed", level=logging.WARNING, **fields)
    if config.tracking.metaflow:
        from tidegate.tracking.to_metaflow import attach

        attach(outcome)


def record_scores(state_dir: str, scores: dict[str, float], versions: dict[str, int]) -> None:
    """Log what a dataset version did for a model, as a run of its own beside the integrations."""
    from tidegate.tracking.to_mlflow import push_scores

    try:
        push_scores(scores, versions, TrackingConfig(), Workspace(Path(state_dir)))
    except Exception as error:  # noqa: BLE001 - whatever a tracking server does, the model is trained
        event(log, "mlflow failed", level=logging.WARNING, error=type(error).__name__)
