"""docs/monitoring.md has every event, field and step of the code, and none that is not there."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.test_complete import names, rows

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/monitoring.md"


def calls(*functions: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of these in the package, with where it is."""
    for path in sorted((ROOT / "integration").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
                yield f"{path.name}:{node.lineno}", node


def texts(node: ast.expr) -> set[str]:
    """The texts that an argument may be: a constant, or one of two."""
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def logged() -> dict[str, tuple[str, set[str], bool]]:
    """Level and fields of every event, and whether it has more fields than are written out."""
    found: dict[str, tuple[str, set[str], bool]] = {}
    for where, call in calls("event", "_warned"):
        argument = call.args[-1]
        if isinstance(argument, ast.Name):  # the one event whose name is an argument, in _warned
            assert where.startswith("__init__.py"), where
            continue
        given = {one.arg: ast.unparse(one.value) for one in call.keywords if one.arg is not None}
        warned = isinstance(call.func, ast.Name) and call.func.id == "_warned"
        level = "warning" if warned else given.pop("level", "logging.INFO").rpartition(".")[2].lower()
        fields = {"error"} if warned else set(given)
        assert texts(argument), where
        for name in texts(argument):
            known = found.get(name, (level, set(), False))
            assert known[0] == level, where
            found[name] = (level, known[1] | fields, known[2] or any(one.arg is None for one in call.keywords))
    return found


def test_every_event_has_its_level_and_fields() -> None:
    table = rows("monitoring.md", "Events")  # and behind it that of the fields, which has two columns
    documented = {name: (row[1], names(row[2])) for name, row in table.items() if len(row) == 4}
    found = logged()
    assert set(documented) == set(found)
    for name, (level, fields, more) in found.items():
        assert documented[name][0] == level, name
        if name in ("step done", "judged"):
            assert fields < documented[name][1], name
        else:
            assert (fields, more) == (documented[name][1], False), name


def test_every_field_is_explained_once() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("| field | what |")[2].partition("\n\n")[0]
    explained = [name for line in table.splitlines()[2:] for name in sorted(names(line.split("|")[1]))]
    used = {name for row in rows("monitoring.md", "Events").values() if len(row) == 4 for name in names(row[2])}
    assert sorted(explained) == sorted(used)


def test_every_step_is_named() -> None:
    steps = {name: call for _, call in calls("step") for name in texts(call.args[0]) or {ast.unparse(call.args[0])}}
    fetched = {name for name in steps if name.strip() == "fetch"}
    assert fetched
    documented = {name for cell in rows("monitoring.md", "Steps") for name in names(f"`{cell}`")}
    assert documented == (set(steps) - fetched) | {"fetch pool", "fetch holdout"}


def test_a_program_logs_json_as_the_page_shows() -> None:
    (example,) = re.findall(r"```py\n(.+?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    logger = logging.getLogger("tidegate")
    level, handlers = logger.level, logger.handlers[:]
    try:
        exec(compile(example, "monitoring.md", "exec"), {})
        (handler,) = [one for one in logger.handlers if one not in handlers]
        line = handler.format(logging.LogRecord("tidegate", logging.INFO, "", 0, "judged", None, None))
    finally:
        logger.level, logger.handlers[:] = level, handlers
    text = PAGE.read_text(encoding="utf-8")
    shown = text.partition("| on every line | what |")[2].partition("\n\n")[0]
    assert re.findall(r'"(\w+)": ', line) == re.findall(r"^\| `(\w+)`", shown, flags=re.MULTILINE)
