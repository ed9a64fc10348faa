"""`tidegate integrate`: judge a submission and publish it into the training data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.options import (
    Config,
    Contract,
    DataSource,
    EngineOption,
    Files,
    Format,
    FormatOption,
    MigrateTo,
    RegistryOption,
    given,
    put_out,
)
from tidegate.cli.progress import progress
from tidegate.errors import Misuse, SubmissionRejected

if TYPE_CHECKING:
    from tidegate.data_integration import IntegrationResult


def integrate(
    files: Files = None,
    contract: Contract = None,
    migrate_to: MigrateTo = None,
    data_source: DataSource = None,
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
    report: Annotated[
        str | None,
        typer.Option("--report", metavar="FILE", help="Write the report for a browser too, with every column drawn."),
    ] = None,
    engine: EngineOption = None,
    registry: RegistryOption = None,
    config: Config = None,
    output_format: FormatOption = Format.text,
) -> None:
    """Judge a submission and, if it is accepted, publish it in one commit.

    Exit code 0: published, or published before. 1: rejected. 2: misuse. 3: a file cannot be read.
    """
    from tidegate.config import read_yaml
    from tidegate.data_integration import integrate_contributed_data

    told: dict[str, Any] | None = None
    if report is not None:
        said = read_yaml(config).get("report") if config is not None else None
        told = {**(said if isinstance(said, dict) else {}), "distributions": True, "file": report}
    named = given(files, contract, registry, migrate_to, data_source=data_source, engine=engine, report=told)
    strategy: str | dict[str, Any] | None = merge_strategy
    if weights is not None:
        strategy = {"name": merge_strategy or "weighted", "weights": _shares(weights)}
    try:
        with progress():
            result = integrate_contributed_data(
                **named,
                merge_strategy=strategy,
                training_data=into,
                output=output,
                holdout=holdout,
                contributor=contributor,
                config=config,
            )
    except SubmissionRejected as error:
        put_out(error.report, output_format, None)
        raise
    if output_format is Format.json:
        typer.echo(json.dumps(_document(result), indent=2))
        return
    if result.report is not None:
        put_out(result.report, output_format, None)
    typer.echo(_outcome(result))


def _outcome(result: IntegrationResult) -> str:
    receipt, uri = result.receipt, result.dataset.uri
    if receipt.already_published:
        return f"Published before, in version {receipt.dataset_version} of {uri}. Nothing was added."
    if not receipt.rows.accepted:
        return f"Nothing new: {uri} stays as it was."
    added, total = receipt.rows.accepted, receipt.dataset_rows
    return f"Published as version {receipt.dataset_version} of {uri}: {added:,} rows added, {total:,} in all."


def _document(result: IntegrationResult) -> dict[str, Any]:
    """The verdict as `validate` gives it, and where the rows went. Of what was published before, no check is run."""
    from tidegate.reports import to_json

    receipt = result.receipt
    if result.report is not None:
        told: dict[str, Any] = json.loads(to_json(result.report))
    else:
        kept = receipt.model_dump(
            mode="json", include={"verdict", "submission", "contract", "migrated_from", "suite", "rows", "engine"}
        )
        told = kept | {"checks": [], "quarantine": None, "digest": receipt.report_digest}
    dataset = {"uri": result.dataset.uri, "version": receipt.dataset_version, "rows": receipt.dataset_rows}
    return told | {"dataset": dataset, "already_published": receipt.already_published}


def _shares(text: str) -> dict[str, float]:
    try:
        return {side.strip(): float(share) for side, share in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise Misuse(f"--weights is {text!r}.", "Write --weights base=0.7,contributed=0.3.") from None
