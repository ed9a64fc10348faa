"""The engine's memory: what is configured, or a share of what machine or container has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.config import Resources
from tidegate.engines.duckdb.connection import connect
from tidegate.engines.duckdb.memory import default_limit, in_bytes, limit_of, memory_of_machine

GIB = 2**30


@pytest.mark.parametrize(
    ("memory", "limit"),
    [(GIB, GIB // 2), (4 * GIB, GIB), (8 * GIB, 2 * GIB), (16 * GIB, 4 * GIB), (512 * GIB, 4 * GIB)],
)
def test_the_default_is_a_quarter_within_bounds(memory: int, limit: int) -> None:
    assert default_limit(memory) == limit


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
def test_a_container_has_what_it_may_use(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(f"{64 * 2**20}\n")
    assert memory_of_machine(tmp_path) == 64 * 2**20


@pytest.mark.parametrize("told", ["max", str(2**62)])
def test_without_a_limit_it_is_the_machine(tmp_path: Path, told: str) -> None:
    machine = memory_of_machine(tmp_path)
    (tmp_path / "memory.max").write_text(told)
    assert memory_of_machine(tmp_path) == machine > 2**26


def test_what_is_configured_holds(tmp_path: Path) -> None:
    assert limit_of(Resources(memory_limit="600MB")) == 600 * 10**6
    found = connect(tmp_path, Resources()).execute("SELECT current_setting('memory_limit')").fetchone()
    assert found is not None
    assert in_bytes(found[0]) == pytest.approx(0.7 * default_limit(memory_of_machine()), rel=0.06)  # it is told rounded
