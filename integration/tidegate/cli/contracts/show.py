"""`tidegate contracts show`: what a contract asks of every column, and what its suite expects of the whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.options import Format, FormatOption, RegistryOption

if TYPE_CHECKING:
    from tidegate.registry import Contract, Suite


def show(
    contract: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="The contract.")],
    registry: RegistryOption = None,
    output_format: FormatOption = Format.text,
) -> None:
    """Show what a contract asks of every column, and what its suite expects of the whole."""
    from tidegate.registry import find_registry, load_contract, load_suite

    found = find_registry(registry)
    loaded = load_contract(found.contract_file(contract))
    file = found.suite_beside(loaded.path)
    suite = load_suite(file, loaded.columns, loaded.patterns) if file is not None else None
    described = _described(loaded, suite)
    if output_format is Format.json:
        typer.echo(json.dumps(described, indent=2))
    else:
        _print(described)


def _described(contract: Contract, suite: Suite | None) -> dict[str, Any]:
    return {
        "name": contract.name,
        "version": contract.version,
        "digest": contract.digest,
        "description": contract.description,
        "key": [column.name for column in contract.columns if column.key],
        "strict": contract.strict,
        "columns": [
            {
                "name": column.name,
                "type": "json" if column.json else column.type,
                "required": column.required,
                "nullable": column.nullable,
                "personal": column.personal,
                "description": column.description,
                "rules": [r.expected for r in contract.rules if r.column == column.name and r.check != "not_nullable"],
            }
            for column in contract.columns
        ],
        "rules": [rule.id for rule in contract.rules if rule.column is None],
        "suite": [
            {"id": e.id, "severity": e.severity, "notes": e.notes} for e in (suite.expectations if suite else ())
        ],
    }


def _print(described: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(f"{described['name']}@{described['version']}  {described['digest'][:12]}", style="bold"))
    console.print(Text(described["description"]))
    key = ", ".join(described["key"]) or "the whole record"
    console.print(Text(f"\nDedupe key: {key}. Unknown columns: {'refused' if described['strict'] else 'ignored'}.\n"))
    table = Table(box=None, pad_edge=False)
    for name in ("column", "type", "may be", "rules", "description"):
        table.add_column(name, overflow="fold")
    for column in described["columns"]:
        may = [word for word, so in (("absent", not column["required"]), ("null", column["nullable"])) if so]
        marks = " (personal)" if column["personal"] else ""
        cells = (
            column["name"] + marks,
            column["type"],
            ", ".join(may),
            "; ".join(column["rules"]),
            column["description"],
        )
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    if described["rules"]:
        console.print(Text(f"\nRules across columns: {', '.join(described['rules'])}"))
    if described["suite"]:
        console.print(Text("\nSuite:"))
        for expectation in described["suite"]:
            console.print(Text(f"  {expectation['severity']}  {expectation['id']}  {expectation['notes']}"))
