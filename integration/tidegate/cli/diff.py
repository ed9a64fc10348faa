"""`tidegate diff`: whose rows came and went between two versions."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from tidegate.cli.options import Format, FormatOption


def diff(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="The pool, a Delta table.")],
    before: Annotated[int, typer.Argument(metavar="V1", help="The version before.")],
    after: Annotated[int, typer.Argument(metavar="V2", help="The version after.")],
    output_format: FormatOption = Format.text,
) -> None:
    """Count the rows that a pool has more or fewer of each submission, from one version to another."""
    from tidegate.pool import diff as differences
    from tidegate.pool import pool_location

    told = differences(pool_location(pool), before, after)
    if output_format is Format.json:
        found = {**asdict(told), "added": told.added, "removed": told.removed}
        typer.echo(json.dumps(found, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tidegate.reports.safe import shown

    table = Table(box=None, pad_edge=False)
    for name in ("rows", "submission", "contributor"):
        table.add_column(name, justify="right" if name == "rows" else "left", overflow="fold")
    for change in told.changes:
        cells = [f"{change.rows:+,}", (change.submission or "unknown")[:12], shown(change.contributor or "")]
        table.add_row(*(Text(cell) for cell in cells))
    if told.changes:
        Console(width=None if sys.stdout.isatty() else 1_000).print(table)
    typer.echo(f"version {before} to {after}: {told.added:,} rows added, {told.removed:,} removed")
