"""The documentation has every key, code, command and option, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main
from click import Command, Group, Option
from pydantic import BaseModel

from tidegate.audit import CODES
from tidegate.cli import app
from tidegate.config import IntegrationConfig
from tidegate.errors import TidegateError

DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The table under a heading, by its first cell."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if "|" in line]
    return {row[0].strip("`"): row for row in cells[2:]}


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    found = {}
    for name, field in model.model_fields.items():
        found[prefix + name] = field.description or ""
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys(field.annotation, f"{prefix}{name}.")
    return found


def test_every_configuration_key_is_documented_as_the_code_describes_it() -> None:
    documented = {key: row[3] for key, row in rows("configuration.md", "Every key").items()}
    assert documented == keys(IntegrationConfig)


def test_every_code_of_the_quarantine_is_documented() -> None:
    assert {code: row[1] for code, row in rows("codes.md", "Codes of the quarantine").items()} == CODES


def test_every_error_is_documented_with_its_code_and_exit_code() -> None:
    documented = {name: row[1:3] for name, row in rows("codes.md", "Errors").items()}
    assert documented == {
        error.__name__: [f"`{error.code}`", str(error.exit_code)] for error in TidegateError.__subclasses__()
    }


def commands(command: Command, path: str) -> list[tuple[str, Command]]:
    if isinstance(command, Group):
        return [found for name, sub in command.commands.items() for found in commands(sub, f"{path} {name}")]
    return [(path, command)]


def test_every_command_and_option_is_documented() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for path, command in commands(typer.main.get_command(app), "tidegate"):
        assert f"`{path}" in page, path
        for parameter in command.params:
            if isinstance(parameter, Option):
                assert f"`{parameter.opts[0]}" in page, f"{path} {parameter.opts[0]}"
