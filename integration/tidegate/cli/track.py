"""`tidegate track`: what the tracking server is still to be told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.options import Format, FormatOption
from tidegate.errors import Misuse, TidegateError

if TYPE_CHECKING:
    from tidegate.tracking.deliver import Delivery


def track(
    pending: Annotated[bool, typer.Option("--pending", help="Deliver what waits; without, it is only listed.")] = False,
    state_dir: Annotated[
        str, typer.Option("--state-dir", metavar="DIR", help="The state folder of the integrations.")
    ] = ".tidegate",
    to: Annotated[
        str | None, typer.Option("--to", metavar="URI", help="The server, if it is another than it was meant for.")
    ] = None,
    output_format: FormatOption = Format.text,
) -> None:
    """List what waits for the tracking server, or deliver it.

    Exit code 0: nothing waits any more, or it was only listed. 4: something still waits.
    """
    from pathlib import Path

    from tidegate.config import TrackingConfig
    from tidegate.telemetry import silence_dependencies
    from tidegate.tracking.deliver import deliver_waiting, not_delivered
    from tidegate.tracking.to_mlflow import installed
    from tidegate.workspace import Workspace

    if not Path(state_dir).is_dir():
        raise Misuse(f"There is no state folder {state_dir}.", "Name the state_dir of the integrations by --state-dir.")
    silence_dependencies()
    workspace = Workspace(Path(state_dir))
    if pending and not installed():
        raise Misuse("MLflow is not installed.", "pip install 'tidegate[pipeline]'")
    found = deliver_waiting(TrackingConfig(), workspace, to) if pending else not_delivered(workspace)
    told, late = [], 0
    for delivery in found:
        told.append(_document(delivery))
        late += not delivery.delivered
        if output_format is Format.text:
            typer.echo(_line(delivery))
    if output_format is Format.json:
        typer.echo(json.dumps(told, indent=2))
    elif not told:
        typer.echo("Nothing waits.")
    if pending and late:
        raise TidegateError(
            f"{late} of {len(told)} could not be delivered, and wait in {workspace.outbox}.",
            "Run it again when the tracking server is there.",
        )


def _line(delivery: Delivery) -> str:
    state = "delivered" if delivery.delivered else "waits"
    to = delivery.run.server or "the embedded store"
    why = f" ({delivery.error})" if delivery.error else ""
    return f"{state}  {delivery.run.integration[:12]}  {delivery.run.name}  to {to}{why}"


def _document(delivery: Delivery) -> dict[str, object]:
    run = delivery.run
    return {
        "integration": run.integration,
        "name": run.name,
        "server": run.server,
        "experiment": run.experiment,
        "delivered": delivery.delivered,
        "error": delivery.error,
    }
