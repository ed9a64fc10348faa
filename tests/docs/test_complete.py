"""The documentation has every key, code, command and option, and none that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tidegate.audit import CODES, KINDS
from tidegate.cli import app
from tidegate.config import IntegrationConfig
from tidegate.errors import TidegateError
from tidegate.receipt import Report
from tidegate.registry.statistics import OFFERED, QUANTILES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The table under a heading, by its first cell."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if "|" in line]
    return {row[0].strip("`"): row for row in cells[2:]}


def names(cell: str) -> set[str]:
    """The names in a cell: what stands in backticks."""
    return set(re.findall(r"`([^`]+)`", cell))


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield prefix + name, field
        if is_section(field):
            yield from keys(field.annotation, f"{prefix}{name}.")  # type: ignore[arg-type]


def is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "" if is_section(field) else f"`{json.dumps(field.get_default(call_default_factory=True))}`"


def test_every_configuration_key_is_documented_as_the_code_describes_it() -> None:
    documented = {key: (row[2], row[3]) for key, row in rows("configuration.md", "Every key").items()}
    assert documented == {key: (default(field), field.description) for key, field in keys(IntegrationConfig)}


def test_every_budget_of_the_threat_model_has_its_default() -> None:
    told = {key: row[1] for key, row in rows("threat-model.md", "Admission budgets").items()}
    defaults = {key: default(field) for key, field in keys(IntegrationConfig)}
    assert told == {key: defaults[key] for key in told}
    assert {key for key in defaults if key.startswith("resources.max_")} <= told.keys()


def test_every_test_that_the_threat_model_names_is_there() -> None:
    text = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.]+)`", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/hostile").glob("test_*.py"))
    assert [name for name in re.findall(r"`(test_\d+_\w+)`", text) if f"def {name}(" not in tests] == []


def test_every_field_of_the_report_is_documented() -> None:
    table = (DOCS / "cli.md").read_text(encoding="utf-8").partition("| field |")[2].partition("\n\n")[0]
    names = [name for first in re.findall(r"^\| (.+?) \|", table, flags=re.MULTILINE) for name in first.split(", ")]
    assert {name.strip("`").removesuffix("[]") for name in names[1:]} == set(Report.model_fields)


def test_every_statistic_of_the_pool_is_documented() -> None:
    names = {name for cell in rows("suites.md", "Drift gates") for name in re.findall(r"\.(\w+)", cell)}
    offered = frozenset().union(*OFFERED.values()) - set(QUANTILES)
    assert names == offered | {"rows", QUANTILES[0], QUANTILES[-1]}


def test_the_readme_names_what_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", readme)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
    house = readme.partition("## The house")[2].partition("```text\n")[2].partition("```")[0]
    rooms = [room for line in house.splitlines() for room in re.findall(r"[\w./]+/(?=\s)", line.partition("  the ")[0])]
    places = (ROOT, ROOT / "integration" / "tidegate")
    assert {"integration/tidegate/", "engines/", "readers/"} <= set(rooms)
    assert [room for room in rooms if not any((place / room).is_dir() for place in places)] == []


def test_every_code_of_the_quarantine_is_documented() -> None:
    assert {code: row[1] for code, row in rows("codes.md", "Codes of the quarantine").items()} == CODES


def test_every_kind_of_personal_data_is_documented() -> None:
    assert {kind: row[1] for kind, row in rows("codes.md", "Kinds of personal data").items()} == {
        kind.name: kind.means for kind in KINDS
    }


def test_every_error_is_documented_with_its_code_and_exit_code() -> None:
    documented = {name: row[1:3] for name, row in rows("codes.md", "Errors").items()}
    assert documented == {
        error.__name__: [f"`{error.code}`", str(error.exit_code)] for error in TidegateError.__subclasses__()
    }


def commands(command: Any, path: str) -> dict[str, list[str]]:
    """Every command below this one, with its options. Typer brings its own Click, so classes are not asked."""
    below = getattr(command, "commands", None)
    if below is None:
        return {path: [p.opts[0] for p in command.params if p.param_type_name == "option"]}
    found: dict[str, list[str]] = {}
    for name, sub in below.items():
        found |= commands(sub, f"{path} {name}")
    return found


def test_every_command_and_option_is_documented() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    found = commands(typer.main.get_command(app), "tidegate")
    assert {"tidegate validate", "tidegate contracts show"} <= set(found)
    assert "--quarantine" in found["tidegate validate"]
    for path, options in found.items():
        assert f"`{path}" in page, path
        section = page.partition(f"`{path}")[2].partition("\n## ")[0]
        if path == "tidegate integrate":  # which takes some of those of validate
            section += page.partition("`tidegate validate")[2].partition("\n## ")[0]
        assert [option for option in options if f"`{option}" not in section and f" {option}" not in section] == [], path
