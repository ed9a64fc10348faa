"""`tidegate contracts release`: put a version into contracts.lock, after which it does not change."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tidegate.cli.options import Format, FormatOption, RegistryOption


def release(
    contract: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="The version; without one the newest.")],
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="You have looked at the changes that only a person can judge.")
    ] = False,
    registry: RegistryOption = None,
    output_format: FormatOption = Format.text,
) -> None:
    """Release a version: if it passes the check, its digest and its suite's are written into contracts.lock.

    Exit code 0: released, or released before. 1: something is wrong with it, and is listed. 2: misuse.
    """
    from tidegate.cli.contracts.check import document_of, print_finding
    from tidegate.evolution import LOCK
    from tidegate.evolution.release import release as put_into_the_lock
    from tidegate.registry import find_registry

    found = find_registry(registry)
    done = put_into_the_lock(found, contract, reviewed=reviewed)
    if output_format is Format.json:
        told = {"contract": done.name, "released": done.released, "already": done.already,
                "findings": [document_of(finding) for finding in done.findings]}  # fmt: skip
        typer.echo(json.dumps(told, indent=2))
    else:
        for finding in done.findings:
            print_finding(finding)
        where = found.root / LOCK
        if not done.released:
            typer.echo(f"{done.name} is not released: see above.")
        else:
            typer.echo(
                f"{done.name} was released before." if done.already else f"{done.name} is released: see {where}."
            )
    raise typer.Exit(0 if done.released else 1)
