"""`tidegate init`: a registry of one's own, in an empty repository or beside what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where; made if it is not there.")] = Path(),
) -> None:
    """Make a registry: one example contract with its suite and rows, and what GitHub Actions and pre-commit run."""
    from tidegate.starter import EXAMPLE_DATA, start

    for step in start(folder):
        typer.echo(f"{step.done}  {step.path}{'  ' + step.why if step.why else ''}")
    typer.echo(f"\nNext: cd {folder}" if folder != Path() else "\nNext:")
    typer.echo("  tidegate contracts list")
    if (folder / EXAMPLE_DATA).exists():
        typer.echo(f"  tidegate validate {EXAMPLE_DATA} --contract trips")
    typer.echo("  tidegate contracts new NAME --from FILE")
