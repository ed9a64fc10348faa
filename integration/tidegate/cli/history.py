"""`tidegate history`: what was published into a pool, and when."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.options import Format, FormatOption

if TYPE_CHECKING:
    from tidegate.pool.log import Revocation


def history(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="The pool, a Delta table.")],
    output_format: FormatOption = Format.text,
) -> None:
    """List a pool's versions, newest first."""
    from tidegate.pool import history as commits
    from tidegate.pool import pool_location

    entries = commits(pool_location(pool))
    if output_format is Format.json:
        listed = [
            {
                "version": entry.version,
                "time": entry.time,
                "operation": entry.operation,
                "rows": entry.rows,
                "revoked": _revoked(entry.revoked),
                "receipt": entry.receipt.model_dump(mode="json") if entry.receipt is not None else None,
            }
            for entry in entries
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tidegate.reports.safe import shown

    table = Table(box=None, pad_edge=False)
    for name in ("version", "time", "operation", "rows", "contract", "submission", "report", "contributor"):
        table.add_column(name, justify="right" if name in ("version", "rows") else "left", overflow="fold")
    for entry in entries:
        cells = [str(entry.version), entry.time, entry.operation, f"{entry.rows:+,}" if entry.rows is not None else ""]
        contract, whose, report, contributor = "", None, "", None
        if entry.receipt is not None:
            contract = f"{entry.receipt.contract.name}@{entry.receipt.contract.version}"
            if entry.receipt.migrated_from is not None:
                contract += f" from {entry.receipt.migrated_from.version}"
            whose, contributor = entry.receipt.submission.id, entry.receipt.submission.contributor
            report = entry.receipt.report_digest[:12]
        elif entry.revoked is not None:
            whose, contributor = entry.revoked.submission, entry.revoked.contributor
        cells += [contract, (whose or "")[:12], report, shown(contributor or "")]
        table.add_row(*(Text(cell) for cell in cells))
    # Without a terminal there is no edge at which a line would have to be folded.
    Console(width=None if sys.stdout.isatty() else 1_000).print(table)


def _revoked(revoked: Revocation | None) -> dict[str, Any] | None:
    return None if revoked is None else {"submission": revoked.submission, "contributor": revoked.contributor}
