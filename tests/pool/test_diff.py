"""Whose rows differ between two versions, told from the files that differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from tests.pool.test_publish import SCHEMA, put, receipt, rows_file
from tests.sources.stores import S3, Azure
from typer.testing import CliRunner

from tidegate.cli import app
from tidegate.errors import Misuse, PoolError
from tidegate.pool import diff, pool_location, publish, rollback
from tidegate.pool.location import Location


def told(pool: Location, before: int, after: int) -> list[list[Any]]:
    return [[change.submission, change.rows] for change in diff(pool, before, after).changes]


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    pool = tmp_path / "pool"
    put(pool, "a", [1, 2])
    put(pool, "b", [3])
    put(pool, "c", [4, 5, 6])
    rollback(pool, 1)
    put(pool, "d", [7])
    return pool


def test_rows_by_submission(pool: Path) -> None:
    assert told(pool, 0, 2) == [["c", 3], ["b", 1]]
    assert told(pool, 2, 0) == [["b", -1], ["c", -3]]
    assert told(pool, 2, 4) == [["d", 1], ["c", -3]]
    assert told(pool, 1, 3) == []
    found = diff(pool, 2, 4)
    assert (found.added, found.removed, found.read) == (1, 3, 2)


def test_only_files_that_differ_are_read(pool: Path) -> None:
    for path in pool.glob("part-[ab]*"):
        path.unlink()
    assert told(pool, 1, 4) == [["d", 1]]
    with pytest.raises(PoolError, match="which is gone"):
        diff(pool, 0, 4)


def test_the_same_rows_in_other_files_are_no_difference(pool: Path) -> None:
    DeltaTable(pool).optimize.compact()
    assert told(pool, 4, 5) == []
    assert told(pool, 0, 5) == [["b", 1], ["d", 1]]


def test_no_such_version(pool: Path) -> None:
    with pytest.raises(Misuse, match="has no version 9"):
        diff(pool, 0, 9)


def test_the_command_line(pool: Path) -> None:
    text = CliRunner().invoke(app, ["diff", str(pool), "2", "4"])
    lines = [" ".join(line.split()) for line in text.stdout.splitlines()]
    assert lines == [
        "rows submission contributor",
        "+1 d",
        "-3 c",
        "version 2 to 4: 1 rows added, 3 removed",
    ]
    parsed = json.loads(CliRunner().invoke(app, ["diff", str(pool), "2", "4", "--format", "json"]).stdout)
    assert parsed["changes"][1] == {"submission": "c", "contributor": None, "rows": -3}
    assert (parsed["added"], parsed["removed"]) == (1, 3)


def test_in_an_object_store(store: S3 | Azure, tmp_path: Path) -> None:
    pool = pool_location(store.uri("data/pool"), tmp_path / "state")
    for name, cells in (("a", [1, 2]), ("b", [3])):
        file = rows_file(tmp_path / "work", name, cells)
        publish(pool, [file], SCHEMA, receipt(name, len(cells)), fresh=False)
    assert told(pool, 0, 1) == [["b", 1]]
