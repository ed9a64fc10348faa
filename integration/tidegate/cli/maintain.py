"""`tidegate maintain`: the upkeep of a pool."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from tidegate.cli.options import Format, FormatOption


def maintain(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="The pool, a Delta table.")],
    keep_versions: Annotated[
        int | None, typer.Option("--keep-versions", metavar="N", help="How many of the newest versions are kept.")
    ] = None,
    keep: Annotated[
        list[int] | None, typer.Option("--keep", metavar="VERSION", help="A version to keep; may be given often.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    output_format: FormatOption = Format.text,
) -> None:
    """Put a pool's small files together, and remove files that no kept version needs.

    Kept are, if nothing else is said, versions that were the newest one within the last 30 days.
    """
    from tidegate.pool import maintain as keep_up
    from tidegate.pool import pool_location

    done = keep_up(pool_location(pool), keep_newest=keep_versions, keep=keep or (), dry_run=dry_run)
    if output_format is Format.json:
        typer.echo(json.dumps({"dry_run": dry_run, **asdict(done)}, indent=2))
        return
    would = "would be " if dry_run else ""
    typer.echo(f"{done.compacted:,} small files {would}put together into {done.into:,}.")
    typer.echo(f"{len(done.removed):,} files {would}removed, {done.bytes:,} bytes.")
    typer.echo(f"{pool} {would or 'is '}at version {done.version}. Kept: {_ranges(done.kept)}.")


def _ranges(versions: tuple[int, ...]) -> str:
    """Such as `0, 3 to 7`."""
    runs: list[list[int]] = []
    for version in versions:
        if runs and version == runs[-1][-1] + 1:
            runs[-1].append(version)
        else:
            runs.append([version])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
