"""`tidegate contracts show`: what a contract asks of every column, for people and in other languages."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from tidegate.cli.options import RegistryOption


class Language(StrEnum):
    """How a contract is put out."""

    text = "text"
    json = "json"
    markdown = "markdown"
    json_schema = "json-schema"
    odcs = "odcs"
    sql = "sql"
    pandera_yaml = "pandera-yaml"


def show(
    contract: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="The contract.")],
    registry: RegistryOption = None,
    output_format: Annotated[
        Language, typer.Option("--format", help="For people: text, markdown. For tools: the others.")
    ] = Language.text,
) -> None:
    """Show what a contract asks of every column, and what its suite expects of the whole."""
    from tidegate.describe import describe, facts
    from tidegate.registry import find_registry, load_contract, load_suite
    from tidegate.registry.deprecation import deprecation_of

    found = find_registry(registry)
    loaded = load_contract(found.contract_file(contract))
    file = found.suite_beside(loaded.path)
    suite = load_suite(file, loaded.columns, loaded.patterns) if file is not None else None
    deprecation = deprecation_of(found.root, loaded.name, loaded.version)
    if output_format is Language.text:
        plan = deprecation.plan(f"{loaded.name}@{loaded.version}") if deprecation is not None else None
        _print(facts(loaded, suite), plan)
    elif output_format is Language.json:
        document = facts(loaded, suite) | {"deprecation": asdict(deprecation) if deprecation is not None else None}
        sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")
    else:
        sys.stdout.write(describe(loaded, suite, output_format.value))
    if output_format is Language.markdown:
        from tidegate.evolution.pages import mark_of

        sys.stdout.write(f"\n{mark_of(loaded)}\n")  # by which `contracts check` knows a page that is stale


def _print(described: dict[str, Any], deprecation: str | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tidegate.reports.safe import shown

    console = Console()
    console.print(Text(f"{described['name']}@{described['version']}  {described['digest'][:12]}", style="bold"))
    if deprecation is not None:
        console.print(Text(deprecation, style="yellow"))
    console.print(Text(described["description"]))
    key = ", ".join(described["key"]) or "the whole record"
    console.print(Text(f"\nDedupe key: {key}. Unknown columns: {'refused' if described['strict'] else 'ignored'}.\n"))
    table = Table(box=None, pad_edge=False)
    for name in ("column", "type", "may be", "rules", "description"):
        table.add_column(name, overflow="fold")
    for column in described["columns"]:
        may = [word for word, so in (("absent", not column["required"]), ("null", column["nullable"])) if so]
        marks = " (personal)" if column["personal"] else ""
        rules = "; ".join(column["rules"])
        cells = (
            shown(column["name"], len(column["name"])) + marks,  # of anyone's header, as the values of rules may be
            column["type"],
            ", ".join(may),
            shown(rules, len(rules)),
            column["description"],
        )
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    if described["rules"]:
        console.print(Text(f"\nRules across columns: {', '.join(described['rules'])}"))
    for source, written in described["migrations"].items():
        console.print(Text(f"\nMigration from {source}:"))
        for column, how in written.items():
            console.print(Text(f"  {column} = {how}"))
    if described["suite"]:
        console.print(Text("\nSuite:"))
        for expectation in described["suite"]:
            console.print(Text(f"  {expectation['severity']}  {expectation['id']}  {expectation['notes']}"))
