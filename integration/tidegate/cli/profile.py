"""`tidegate profile`: what may be known of a pool by those who may not have it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.options import Contract, Format, FormatOption, RegistryOption, given
from tidegate.cli.progress import progress


def profile(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="The pool, a Delta table.")],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Where the profile is written.")],
    contract: Contract = None,
    registry: RegistryOption = None,
    output_format: FormatOption = Format.text,
) -> None:
    """Write a pool's profile: a filter over its keys, and the statistics that the suite asks for. No row is in it.

    Contributors check their files against it: tidegate validate --pool FILE.
    """
    from tidegate.config import load_config
    from tidegate.profiling import write_profile

    config = load_config(given(None, contract, registry, training_data=pool))
    with progress():
        header = write_profile(config, Path(out))
    if output_format is Format.json:
        typer.echo(header.model_dump_json(indent=2))
        return
    statistics, told = header.statistics, header.filter
    measured = ", ".join(statistics.columns) or "no column"
    keys = "no filter, since the key has personal columns" if told is None else f"a filter over {', '.join(header.key)}"
    typer.echo(f"{out}: {header.contract}, version {statistics.version}, {statistics.rows:,} rows")
    typer.echo(f"{keys}; statistics of {measured}")
