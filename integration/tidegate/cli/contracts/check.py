"""`tidegate contracts check`: is the registry as it should be?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.options import Format, FormatOption, RegistryOption

if TYPE_CHECKING:
    from tidegate.evolution import Finding
    from tidegate.evolution.check import Checked


def check(
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="GIT_REF", help="A commit, branch or tag to compare with: origin/main."),
    ] = None,
    registry: RegistryOption = None,
    output_format: FormatOption = Format.text,
) -> None:
    """Check all contracts, suites and examples, what versions change, and that nothing released has changed.

    Exit code 0: fine. 1: something is wrong, and is listed. 2: misuse.
    """
    from tidegate.evolution.check import check_registry
    from tidegate.registry import find_registry

    checked = check_registry(find_registry(registry), against)
    if output_format is Format.json:
        typer.echo(json.dumps(_document(checked), indent=2))
    else:
        _print(checked)
    raise typer.Exit(0 if checked.fine else 1)


def _document(checked: Checked) -> dict[str, object]:
    return {
        "fine": checked.fine,
        "registry": str(checked.registry),
        "against": checked.against,
        "datasets": [asdict(dataset) for dataset in checked.datasets],
        "findings": [document_of(finding) for finding in checked.findings],
    }


def document_of(finding: Finding) -> dict[str, object]:
    """A finding as it is put out."""
    return {"severity": finding.severity, **asdict(finding)}


def _print(checked: Checked) -> None:
    for finding in checked.findings:
        print_finding(finding)
    versions = sum(len(dataset.versions) for dataset in checked.datasets)
    released = sum(len(dataset.released) for dataset in checked.datasets)
    errors, warnings = (sum(f.severity == severity for f in checked.findings) for severity in ("error", "warning"))
    typer.echo(
        f"{'fine' if checked.fine else 'not fine'}: {counted(len(checked.datasets), 'dataset')},"
        f" {counted(versions, 'version')}, {released} of them released;"
        f" {counted(errors, 'error')}, {counted(warnings, 'warning')}"
    )


def counted(count: int, what: str) -> str:
    """How many there are, as in ``1 row`` and ``2 rows``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def print_finding(finding: Finding) -> None:
    """A finding in text: where, what, and what to do next."""
    place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    typer.echo(f"{finding.severity}  {finding.code}  {place}")
    typer.echo(f"    {finding.fact}")
    if finding.hint:
        typer.echo(f"    {finding.hint}")
    typer.echo("")
