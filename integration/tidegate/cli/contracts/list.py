"""`tidegate contracts list`: what contracts there are."""

from __future__ import annotations

import json

import typer

from tidegate.cli.options import Format, FormatOption, RegistryOption


def list_contracts(registry: RegistryOption = None, output_format: FormatOption = Format.text) -> None:
    """List every contract and its versions."""
    from tidegate.registry.find import find_registry

    datasets = find_registry(registry).datasets()
    versions = {name: [f"{major}.{minor}" for major, minor in there] for name, there in datasets.items()}
    if output_format is Format.json:
        typer.echo(json.dumps(versions, indent=2))
        return
    for name, there in versions.items():
        typer.echo(f"{name}  {', '.join(there)}")
