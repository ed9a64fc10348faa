"""`tidegate revoke`: take a submission out of a pool again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.options import Format, FormatOption


def revoke(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="The pool, a Delta table.")],
    submission: Annotated[
        str | None, typer.Option("--submission", metavar="ID", help="The submission, or how its id begins.")
    ] = None,
    contributor: Annotated[
        str | None, typer.Option("--contributor", metavar="NAME", help="All submissions of this contributor.")
    ] = None,
    state_dir: Annotated[
        str,
        typer.Option("--state-dir", metavar="DIR", help="Where receipts of datasets made of the pool are looked for."),
    ] = ".tidegate",
    output_format: FormatOption = Format.text,
) -> None:
    """Take the rows of a submission or contributor out of a pool. That is one commit, which rollback can undo."""
    from tidegate.pool import pool_location, versions_with
    from tidegate.pool import revoke as take_out
    from tidegate.tracking import derived_datasets

    location = pool_location(pool)
    done = take_out(location, submission=submission, contributor=contributor)
    held = versions_with(location, done.submission, done.contributor)
    derived = derived_datasets(Path(state_dir).resolve() / "receipts", str(location), held)
    if output_format is Format.json:
        typer.echo(json.dumps({**asdict(done), "derived": [asdict(dataset) for dataset in derived]}, indent=2))
        return
    typer.echo(
        f"{pool} is at version {done.version}: {done.rows:,} rows taken out, "
        f"{done.files_removed:,} files removed, {done.files_rewritten:,} rewritten."
    )
    for dataset in derived:
        made = f"version {dataset.pool_version} of the pool" if dataset.pool_version is not None else "an unknown pool"
        typer.echo(f"{dataset.uri} ({dataset.strategy}) was made of {made}, and keeps what it has.")
