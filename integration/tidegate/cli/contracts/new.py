"""`tidegate contracts new`: the draft of a contract and its suite, from data or from an ODCS document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.options import RegistryOption

if TYPE_CHECKING:
    from tidegate.drafts.write import Written
    from tidegate.registry import Registry

_ODCS = "odcs:"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the dataset is to be called.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FILE",
            help="A file of data, or an ODCS document: odcs:FILE, or a name that ends .odcs.yaml.",
        ),
    ],
    registry: RegistryOption = None,
    null_values: Annotated[
        list[str] | None, typer.Option("--null-value", metavar="TEXT", help="A text that means null, such as NA.")
    ] = None,
) -> None:
    """Write a contract and a suite that fit a file. Every guess is marked; read them before you release it."""
    from tidegate.drafts.write import check_name, write_draft

    found = _own_registry(registry)
    check_name(found, name)
    if source.startswith(_ODCS) or source.endswith((".odcs.yaml", ".odcs.yml")):
        from tidegate.drafts.of_odcs import draft_of_odcs

        draft = draft_of_odcs(source.removeprefix(_ODCS), name)
        written = write_draft(draft, found)
    else:
        from tidegate.drafts.of_data import draft_of_data

        draft = draft_of_data(source, name, null_values or ())
        written = write_draft(draft, found, source, tuple(null_values or ()))
    from tidegate.reports.safe import shown

    for what in draft.left_out:
        typer.echo(f"not brought over  {shown(what, 500)}")
    _tell(written, name)


def _own_registry(registry: str | None) -> Registry:
    from tidegate.errors import Misuse
    from tidegate.registry import find_registry, shipped_registry

    found = find_registry(registry)
    if registry is None and found.root == shipped_registry():
        raise Misuse(
            "There is no registry of yours to write to.", "Make one with tidegate init, or name it: --registry DIR."
        )
    return found


def _tell(written: Written, name: str) -> None:
    guesses = sum("guess: confirm" in line for line in written.contract.read_text(encoding="utf-8").splitlines())
    guesses += written.suite.read_text(encoding="utf-8").count("guess: confirm")
    typer.echo(f"wrote {written.contract}")
    typer.echo(f"wrote {written.suite}")
    typer.echo(f"{guesses} guesses to confirm: look for 'guess: confirm', and describe every column.")
    report = written.verdict
    if report is None:
        return
    file = report.submission.files[0].uri
    typer.echo(f"{report.verdict.upper()}  {file}  by {name}@{report.contract.version}")
    for reason in report.reasons:
        typer.echo(f"  because {reason}")
    raise typer.Exit(0 if report.verdict == "accepted" else 1)
