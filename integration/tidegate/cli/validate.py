"""`tidegate validate`: would this submission be accepted?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.options import (
    Config,
    Contract,
    DataSource,
    EngineOption,
    Files,
    Form,
    MigrateTo,
    Output,
    RegistryOption,
    given,
    put_out,
    write,
)
from tidegate.cli.progress import progress
from tidegate.errors import Misuse, nearest

if TYPE_CHECKING:
    from tidegate.receipt import Report


def validate(
    files: Files = None,
    contract: Contract = None,
    migrate_to: MigrateTo = None,
    data_source: DataSource = None,
    engine: EngineOption = None,
    registry: RegistryOption = None,
    config: Config = None,
    output_format: Annotated[Form, typer.Option("--format", help="How the verdict is put out.")] = Form.text,
    output: Output = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="FORMAT=FILE", help="Write the verdict in another format besides; repeatable."),
    ] = None,
    quarantine: Annotated[
        str | None,
        typer.Option("--quarantine", metavar="FILE", help="Write the records that did not go in, as Parquet."),
    ] = None,
    fix: Annotated[
        str | None,
        typer.Option(
            "--fix", metavar="FILE", help="Write a mended copy, where mending is certain. None is overwritten."
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option("--pool", metavar="POOL", help="A pool or its published profile, for duplicates and drift gates."),
    ] = None,
) -> None:
    """Check a submission before sending it. Nothing is published, and nothing leaves this machine.

    Exit code 0: accepted, or a mended copy is. 1: rejected. 2: misuse or a broken contract. 3: a file cannot be read.
    """
    from tidegate.config import load_config
    from tidegate.engines import warm_up

    besides = [_form_and_file(each) for each in also or ()]
    drawn = True if Form.html in (output_format, *(form for form, _ in besides)) else None
    named = given(files, contract, registry, migrate_to, data_source=data_source, engine=engine, report=drawn)
    settings = load_config(named, config)
    if settings.engine != "spark":
        warm_up()
    from tidegate.data_integration import validate_contributed_data

    with progress():
        report = validate_contributed_data(settings, quarantine, fix=fix, pool=pool)
    put_out(report, output_format, output)
    for form, file in besides:
        put_out(report, form, file)
    if output_format is Form.github:
        _summarise(report)
    raise typer.Exit(0 if _accepted(report) else 1)


def _form_and_file(text: str) -> tuple[Form, str]:
    form, _, file = text.partition("=")
    if form not in tuple(Form) or not file:
        raise Misuse(
            f"--also is {text!r}.",
            f"Write FORMAT=FILE, such as sarif=report.sarif; {nearest(form, [each.value for each in Form])}",
        )
    return Form(form), file


def _accepted(report: Report) -> bool:
    return report.verdict == "accepted" or (report.mended is not None and report.mended.path is not None)


def _summarise(report: Report) -> None:
    """GitHub Actions names a file for the summary of the job; elsewhere there is none."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        from tidegate.reports.github import summary

        write(path, summary(report), "a")
