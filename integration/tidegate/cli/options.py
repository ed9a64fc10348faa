"""Options that several commands share, and how a report is put out."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tidegate.errors import Misuse

if TYPE_CHECKING:
    from tidegate.receipt import Report


class Format(StrEnum):
    """How a report is put out."""

    text = "text"
    json = "json"


class Form(StrEnum):
    """How the verdict of `validate` is put out."""

    text = "text"
    json = "json"
    html = "html"
    junit = "junit"
    github = "github"
    sarif = "sarif"
    gitlab = "gitlab"


Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE...",
        help="The submission: files, folders, globs, s3://..., az://..., https://...",
        show_default=False,
    ),
]
DataSource = Annotated[
    str | None,
    typer.Option("--data-source", metavar="KIND", help="Where every FILE lies: local_path, blob_storage or url."),
]
Contract = Annotated[
    str | None,
    typer.Option("--contract", metavar="NAME[@VERSION]", help="The contract: flights, flights@1, flights@1.0."),
]
MigrateTo = Annotated[
    str | None,
    typer.Option(
        "--migrate-to", metavar="NAME@VERSION", help="The later version that rows are migrated to: flights@2."
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="duckdb, on this machine; spark, on a cluster that is there already; auto, by size.",
    ),
]
RegistryOption = Annotated[
    str | None, typer.Option("--registry", metavar="DIR", help="The folder with contracts/ and expectations/.")
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="A YAML file of parameters; what is given here goes first."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the verdict is put out.")]
Output = Annotated[str | None, typer.Option("--output", metavar="FILE", help="Write the verdict there instead.")]


def given(
    files: list[str] | None,
    contract: str | None,
    registry: str | None,
    migrate_to: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The parameters that stand on the command line. Raises `Misuse` where there is nothing to migrate from."""
    if migrate_to is not None and contract is None:
        raise Misuse(f"--migrate-to is {migrate_to!r}, and there is no --contract.", "Name the version of the files.")
    return {
        "data_path": files or None,
        "schema_config": {"contract": contract, "migrate_to": migrate_to} if contract is not None else None,
        "registry": registry,
        **more,
    }


def put_out(report: Report, form: Format | Form, output: str | None) -> None:
    """Print a report, or write it to a file. Raises `Misuse` where the file cannot be written."""
    from tidegate.reports import print_text, rendered

    if output is not None:
        write(output, rendered(report, form))
    elif form == "text":
        from rich.console import Console

        print_text(report, Console())
    else:
        sys.stdout.write(rendered(report, form))


def write(path: str, text: str, how: Literal["w", "a"] = "w") -> None:
    """Write a text, or add it to a file. Raises `Misuse` where that cannot be."""
    try:
        with Path(path).open(how, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}.") from None
