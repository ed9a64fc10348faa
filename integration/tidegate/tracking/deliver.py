"""From the outbox to the tracking server, in bounded time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass

from tidegate.config import TrackingConfig
from tidegate.telemetry import event
from tidegate.tracking.outbox import Entry, Run, waiting
from tidegate.tracking.servers import uri_of
from tidegate.tracking.to_mlflow import Unreachable, push
from tidegate.workspace import Workspace

log = logging.getLogger(__name__)

_LATE = "TimeoutError"
_turn = threading.Lock()  # one delivery at a time: MLflow's settings are of the whole process


@dataclass(frozen=True)
class Delivery:
    """What became of one entry. `error` is the kind of what went wrong: messages of HTTP libraries quote credentials.

    Attributes:
        run: what was to be delivered.
        delivered: whether it was.
        error: None where it was, and where it was not tried.
    """

    run: Run
    delivered: bool
    error: str | None = None


def deliver(entry: Entry, config: TrackingConfig, workspace: Workspace, to: str | None = None) -> str | None:
    """Deliver one entry and remove it.

    A server gets `max_seconds`; a store in a file is no server. What is under way then goes on in a thread, which ends
    with the process, and removes the entry if it comes to its end.

    Args:
        to: another server than the one that the entry names.

    Returns:
        None where it was delivered, or else the kind of what went wrong.
    """
    run = entry.run()
    if run is None:
        return None
    uri = to or uri_of(run, config, workspace)
    import mlflow  # noqa: F401 - what the import takes is not the server's fault

    until = time.monotonic() + config.max_seconds
    if not _turn.acquire(timeout=config.max_seconds):
        return _LATE
    outcome: list[str | None] = []
    arguments = (entry, run, uri, workspace, outcome)
    thread = threading.Thread(target=copy_context().run, args=(_deliver, *arguments), daemon=True)
    thread.start()
    thread.join(None if uri.startswith("sqlite:") else max(until - time.monotonic(), 0))
    return outcome[0] if outcome else _LATE


def _deliver(entry: Entry, run: Run, uri: str, workspace: Workspace, outcome: list[str | None]) -> None:
    try:
        with entry.claimed() as ours:
            if ours:
                push(run, entry.files, uri, workspace)
                entry.remove()
            outcome.append(None if ours or not entry.folder.exists() else "Busy")
    except Unreachable as error:
        outcome.append(f"Unreachable: {error}")
    except Exception as error:  # noqa: BLE001 - whatever a tracking server does, the rows are published
        outcome.append(type(error).__name__)
    finally:
        _turn.release()


def deliver_waiting(config: TrackingConfig, workspace: Workspace, to: str | None = None) -> Iterator[Delivery]:
    """Deliver everything that waits, oldest first. A server that does not answer is not asked again."""
    given_up: dict[str, str] = {}
    for entry in waiting(workspace.outbox):
        run = entry.run()
        if run is None:  # another has delivered it just now
            continue
        uri = to or uri_of(run, config, workspace)
        error = given_up.get(uri) or deliver(entry, config, workspace, to)
        if error is not None and error.startswith(("Unreachable", _LATE)):
            given_up[uri] = error
        event(log, "delivered" if error is None else "still waiting", integration=run.integration, error=error)
        yield Delivery(run, error is None, error)


def not_delivered(workspace: Workspace) -> Iterator[Delivery]:
    """Everything that waits, oldest first."""
    for entry in waiting(workspace.outbox):
        run = entry.run()
        if run is not None:
            yield Delivery(run, False)
