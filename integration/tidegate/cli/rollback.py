"""`tidegate rollback`: make a pool what it was."""

from __future__ import annotations

from typing import Annotated

import typer


def rollback(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="The pool, a Delta table.")],
    to: Annotated[int, typer.Option("--to", metavar="VERSION", help="The version to go back to.")],
) -> None:
    """Make a pool what it was at an earlier version. That is a new commit, and can be undone the same way."""
    from tidegate.pool import pool_location
    from tidegate.pool import rollback as restore

    version = restore(pool_location(pool), to)
    typer.echo(f"{pool} is at version {version}, with the rows of version {to}.")
