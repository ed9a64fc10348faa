"""Which tracking server is meant, and how it is named without a password."""

from __future__ import annotations

import os
from urllib.parse import urlsplit, urlunsplit

from tidegate.config import TrackingConfig
from tidegate.tracking.outbox import Run
from tidegate.workspace import Workspace


def uri_of(run: Run, config: TrackingConfig, workspace: Workspace) -> str:
    """Where a run goes: to the server that it names, with the password of what is configured now."""
    if run.server is None:
        return embedded(workspace)
    now = configured(config)
    return now if now is not None and without_password(now) == run.server else run.server


def embedded(workspace: Workspace) -> str:
    """The store that is there without a server."""
    return f"sqlite:///{workspace.root / 'mlflow.db'}"


def configured(config: TrackingConfig) -> str | None:
    """The server that configuration or environment names; None where neither does."""
    return config.mlflow_uri or os.environ.get("MLFLOW_TRACKING_URI") or None


def without_password(uri: str) -> str:
    """The server as it may be shown and kept: without user and password, and without a query, which may hold them.

    What is no URI at all is named by its beginning.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return f"{uri.partition(':')[0]}://***"
    if "@" not in parts.netloc and not parts.query:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
