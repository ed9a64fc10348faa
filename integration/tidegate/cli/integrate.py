"""`tidegate integrate`: judge a submission and publish it into the training data."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli.options import Config, Contract, Files, Format, FormatOption, RegistryOption, given, put_out
from tidegate.errors import Misuse, SubmissionRejected


def integrate(
    files: Files = None,
    contract: Contract = None,
    into: Annotated[
        str | None, typer.Option("--into", metavar="POOL", help="The training data, a Delta table; made if new.")
    ] = None,
    merge_strategy: Annotated[
        str | None, typer.Option("--merge-strategy", metavar="NAME", help="append, interleave or weighted.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="SHARES", help="For weighted: base=0.7,contributed=0.3.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", metavar="DIR", help="Where interleave and weighted write the dataset.")
    ] = None,
    holdout: Annotated[
        str | None, typer.Option("--holdout", metavar="PATH", help="Rows that must not get in: a file or Delta table.")
    ] = None,
    contributor: Annotated[
        str | None, typer.Option("--contributor", metavar="NAME", help="Who sent it; kept with every row.")
    ] = None,
    registry: RegistryOption = None,
    config: Config = None,
    output_format: FormatOption = Format.text,
) -> None:
    """Judge a submission and, if it is accepted, publish it in one commit.

    Exit code 0: published, or published before. 1: rejected. 2: misuse. 3: a file cannot be read.
    """
    from tidegate.data_integration import integrate_contributed_data

    named = given(files, contract, registry)
    strategy: str | dict[str, object] | None = merge_strategy
    if weights is not None:
        strategy = {"name": merge_strategy or "weighted", "weights": _shares(weights)}
    try:
        result = integrate_contributed_data(
            **named, merge_strategy=strategy, training_data=into, output=output, holdout=holdout,
            contributor=contributor, config=config,
        )  # fmt: skip
    except SubmissionRejected as error:
        put_out(error.report, output_format, None)
        raise
    if result.report is not None:
        put_out(result.report, output_format, None)
    elif output_format is Format.json:
        typer.echo(result.receipt.model_dump_json(indent=2))
    if output_format is Format.text:
        receipt = result.receipt
        if receipt.already_published:
            typer.echo(
                f"Published before, in version {receipt.dataset_version} of {result.dataset.uri}. Nothing was added."
            )
        elif not receipt.rows.accepted:
            typer.echo(f"Nothing new: {result.dataset.uri} stays as it was.")
        else:
            typer.echo(
                f"Published as version {receipt.dataset_version} of {result.dataset.uri}:"
                f" {receipt.rows.accepted:,} rows added, {receipt.dataset_rows:,} in all."
            )


def _shares(text: str) -> dict[str, float]:
    try:
        return {side.strip(): float(share) for side, share in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise Misuse(f"--weights is {text!r}.", "Write --weights base=0.7,contributed=0.3.") from None
