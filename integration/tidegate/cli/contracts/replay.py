"""`tidegate contracts replay`: what would fail of what is there already, were a version released?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.contracts.check import counted
from tidegate.cli.options import Config, Format, FormatOption, RegistryOption
from tidegate.cli.progress import progress

if TYPE_CHECKING:
    from tidegate.evolution.replay import Replay


def replay(
    contract: Annotated[str, typer.Argument(metavar="NEW", help="The version to try, such as flights@1.2.")],
    pool: Annotated[
        str | None, typer.Option("--pool", metavar="POOL", help="The training data whose rows are judged again.")
    ] = None,
    submissions: Annotated[
        Path | None,
        typer.Option("--submissions", metavar="DIR", help="Past submissions: each file or folder in it is one."),
    ] = None,
    registry: RegistryOption = None,
    config: Config = None,
    output_format: FormatOption = Format.text,
) -> None:
    """Judge the pool's newest version, and past submissions, by a version before it is released. Nothing is changed.

    Exit code 0: all would pass. 1: something would fail, and is listed. 2: misuse or a broken contract.
    """
    from tidegate.config import load_config
    from tidegate.evolution.replay import replay as played

    given = {"schema_config": {"contract": contract}, "training_data": pool, "registry": registry}
    with progress():
        told = played(load_config(given, config), submissions)
    if output_format is Format.json:
        typer.echo(json.dumps(_document(told), indent=2))
    else:
        _print(told)
    raise typer.Exit(0 if told.fine else 1)


def _document(told: Replay) -> dict[str, object]:
    pool = asdict(told.pool)
    for rule in pool["rules"]:
        rule["contributors"] = [{"contributor": whose, "rows": rows} for whose, rows in rule["contributors"]]
    sent = [asdict(one) for one in told.submissions]
    for one in sent:
        one["rules"] = [{"rule": rule, "rows": rows} for rule, rows in one["rules"]]
    return {"contract": told.contract, "fine": told.fine, "pool": pool, "submissions": sent}


def _print(told: Replay) -> None:
    pool = told.pool
    typer.echo(f"{told.contract} on version {pool.version} of {pool.uri}")
    typer.echo(f"{pool.failing_rows:,} of {pool.rows:,} rows would fail.")
    for rule in pool.rules:
        whose = ", ".join(f"{_named(name)} {rows:,}" for name, rows in rule.contributors)
        typer.echo(f"    {rule.rule}  {counted(rule.rows, 'row')}: {whose}")
    for rule_id, why in pool.not_evaluated.items():
        typer.echo(f"    {rule_id}  not evaluated: {why}")
    if failing := [one for one in pool.contributors if one.failing_rows]:
        typer.echo("\nBy contributor:")
        for one in failing:
            typer.echo(f"    {_named(one.contributor)}  {one.failing_rows:,} of {one.rows:,} rows")
    for sent in told.submissions:
        typer.echo("")
        by = f", published by {sent.published_by}" if sent.published_by else ""
        typer.echo(f"{(sent.verdict or 'unreadable').upper()}  {sent.path}  {_named(sent.contributor)}{by}")
        typer.echo(f"    {sent.failing_rows:,} of {sent.rows:,} records fail")
        for reason in sent.reasons:
            typer.echo(f"    because {reason}")
        for rule_id, rows in sent.rules:
            typer.echo(f"    {rule_id}  {'not evaluated' if rows is None else counted(rows, 'record')}")


def _named(contributor: str | None) -> str:
    return contributor if contributor is not None else "(contributor unknown)"
