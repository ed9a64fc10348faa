"""`tidegate contracts template`: a file with the right columns and a few made-up rows, to be filled."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.options import RegistryOption


class FileFormat(StrEnum):
    """The formats that a template comes in."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"


def template(
    contract: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="The contract.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; none is overwritten.")],
    file_format: Annotated[FileFormat, typer.Option("--format", help="The format of the file.")] = FileFormat.csv,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=0, max=50, help="How many made-up rows.")] = 3,
    registry: RegistryOption = None,
) -> None:
    """Write a file with the contract's columns and a few made-up rows that are valid."""
    from tidegate.errors import Misuse
    from tidegate.registry import find_registry, load_contract
    from tidegate.templates import made_up_rows, write_template

    if out.exists():
        raise Misuse(f"{out} is there already, and nothing is overwritten.", "Name another file.")
    found = find_registry(registry)
    loaded = load_contract(found.contract_file(contract))
    made_up = made_up_rows(found, loaded, rows, file_format.value)
    write_template(made_up, loaded.columns, file_format.value, out)
    typer.echo(f"{out}: {len(loaded.columns)} columns and {rows} made-up rows of {loaded.name}@{loaded.version}.")
    typer.echo(f"Replace the rows by yours, and ask: tidegate validate {out} --contract {loaded.name}")
