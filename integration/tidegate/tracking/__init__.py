"""Recorders of an integration's outcome: a bundle on disk first, then MLflow and the Metaflow task.

What cannot be recorded costs seconds, and never the publish: the bundle waits on disk.
"""

from __future__ import annotations

import logging
from pathlib import Path

from tidegate.config import IntegrationConfig, TrackingConfig
from tidegate.telemetry import event
from tidegate.tracking.derived import Derived, derived_datasets
from tidegate.tracking.outcome import Outcome, write_bundle
from tidegate.workspace import Workspace

__all__ = ["Derived", "Outcome", "derived_datasets", "record", "record_scores"]

log = logging.getLogger(__name__)


def record(outcome: Outcome, config: IntegrationConfig, workspace: Workspace) -> None:
    """Write the bundle to disk, then push it to where the configuration says.

    A recorder that fails is logged, by the kind of its error: messages of HTTP libraries quote credentials.
    """
    bundle = write_bundle(outcome, workspace)
    if config.tracking.mlflow:
        from tidegate.tracking.to_mlflow import push

        try:
            push(outcome, bundle, config.tracking, workspace)
        except Exception as error:  # noqa: BLE001 - whatever a tracking server does, the rows are published
            event(log, "mlflow failed", level=logging.WARNING, error=type(error).__name__, bundle=str(bundle))
    if config.tracking.metaflow:
        from tidegate.tracking.to_metaflow import attach

        attach(outcome)


def record_scores(state_dir: str, scores: dict[str, float], versions: dict[str, int]) -> None:
    """Log what a dataset version did for a model, as a run of its own beside the integrations."""
    from tidegate.tracking.to_mlflow import push_scores

    try:
        push_scores(scores, versions, TrackingConfig(), Workspace(Path(state_dir)))
    except Exception as error:  # noqa: BLE001 - as above
        event(log, "mlflow failed", level=logging.WARNING, error=type(error).__name__)
