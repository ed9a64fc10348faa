"""`tidegate validate`: would this submission be accepted?"""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli.options import (
    Config,
    Contract,
    DataSource,
    Files,
    Format,
    FormatOption,
    Output,
    RegistryOption,
    given,
    put_out,
)
from tidegate.cli.progress import progress


def validate(
    files: Files = None,
    contract: Contract = None,
    data_source: DataSource = None,
    registry: RegistryOption = None,
    config: Config = None,
    output_format: FormatOption = Format.text,
    output: Output = None,
    quarantine: Annotated[
        str | None,
        typer.Option("--quarantine", metavar="FILE", help="Write the records that did not go in, as Parquet."),
    ] = None,
) -> None:
    """Check a submission before sending it. Nothing is published, and nothing leaves this machine.

    Exit code 0: accepted. 1: rejected. 2: misuse or a broken contract. 3: a file cannot be read.
    """
    from tidegate.config import load_config
    from tidegate.data_integration import validate_contributed_data

    settings = load_config(given(files, contract, registry, data_source=data_source), config)
    with progress():
        report = validate_contributed_data(settings, quarantine)
    put_out(report, output_format, output)
    raise typer.Exit(0 if report.verdict == "accepted" else 1)
