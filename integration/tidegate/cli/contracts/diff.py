"""`tidegate contracts diff`: what differs between two versions, and for whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.options import Format, FormatOption, RegistryOption

if TYPE_CHECKING:
    from tidegate.evolution import Change, Diff


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="The old version, such as flights@1.0.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The new version, such as flights@1.1.")],
    registry: RegistryOption = None,
    output_format: FormatOption = Format.text,
) -> None:
    """List every difference between two versions, and whether it breaks contributors or consumers.

    Contributors: does what was valid stay valid? Consumers: does what trainers read stay what it was?
    """
    from tidegate.evolution import diff_of, load_release
    from tidegate.registry import find_registry
    from tidegate.registry.deprecation import deprecation_of

    found = find_registry(registry)
    old, new = (load_release(found, found.contract_file(name)) for name in (before, after))
    told = diff_of(old, new)
    versions = (old.contract, new.contract)
    migration = old.contract.version in new.contract.migrations and old.contract.name == new.contract.name
    plans = [
        deprecation.plan(f"{each.name}@{each.version}")
        for each in versions
        if (deprecation := deprecation_of(found.root, each.name, each.version)) is not None
    ]
    if output_format is Format.json:
        document = {"before": told.before, "after": told.after, "contributors": told.contributors,
                    "consumers": told.consumers, "migration": migration, "deprecated": plans,
                    "changes": [asdict(change) for change in told.changes]}  # fmt: skip
        typer.echo(json.dumps(document, indent=2, default=str))
        return
    _print(told, migration, plans)


def _print(told: Diff, migration: bool, plans: Sequence[str]) -> None:
    from tidegate.reports.safe import shown

    typer.echo(f"{told.before} -> {told.after}")
    typer.echo(f"contributors: {told.contributors}")
    typer.echo(f"consumers: {told.consumers}")
    if migration:
        typer.echo(f"migration: files of {told.before} are taken with --migrate-to {told.after}")
    for plan in plans:
        typer.echo(f"deprecated: {plan}")
    if not told.changes:
        typer.echo("\nNothing differs.")
    for change in told.changes:
        typer.echo(f"\n{change.change}  {shown(change.subject, len(change.subject))}")
        typer.echo(f"    contributors {change.contributors}, consumers {change.consumers}")
        typer.echo(f"    {_became(change)}")
        if change.why:
            typer.echo(f"    {change.why}")


def _became(change: Change) -> str:
    before, after = (_short(value) for value in (change.before, change.after))
    return f"{before} -> {after}"


def _short(value: object, most: int = 200) -> str:
    from tidegate.reports.safe import shown

    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return shown(text if len(text) <= most else text[:most] + "...", most + len("..."))
