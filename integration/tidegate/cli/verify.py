"""`tidegate verify`: is a pool what its log says?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from tidegate.cli.options import Format, FormatOption


def verify(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="The pool, a Delta table.")],
    output_format: FormatOption = Format.text,
) -> None:
    """Check a pool's files, receipts and row accounting against its log. Nothing is changed.

    Exit code 0: sound. 1: something is wrong, and is listed.
    """
    from tidegate.pool import pool_location
    from tidegate.pool import verify as verified

    found = verified(pool_location(pool))
    if output_format is Format.json:
        typer.echo(json.dumps({"sound": found.sound, **asdict(found)}, indent=2))
    else:
        for finding in found.findings:
            place = f"version {finding.version}" + (f", {finding.file}" if finding.file else "")
            typer.echo(f"{finding.code}: {place}: {finding.detail}")
        looked = f"version {found.version}, {found.files:,} files, {found.rows:,} rows, {found.receipts:,} receipts"
        typer.echo(f"{'sound' if found.sound else f'{len(found.findings)} findings'}: {looked}")
    raise typer.Exit(0 if found.sound else 1)
