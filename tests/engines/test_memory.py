"""The engine's memory: what is configured, or a share of what machine or container has."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engines.test_staging import outcome, plan, write

from tidegate.config import Resources, load_config
from tidegate.engines import DataFile, StagePlan, open_engine, rows_of
from tidegate.engines.duckdb import worker
from tidegate.engines.duckdb.connection import connect
from tidegate.engines.duckdb.memory import default_limit, in_bytes, limit_of, memory_of_machine, no_room
from tidegate.errors import NoRoom

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


def limited(asked: StagePlan, **resources: str | int) -> StagePlan:
    return asked.model_copy(update={"resources": Resources.model_validate(resources)})


@pytest.mark.parametrize(
    ("name", "text", "too_little", "enough"),
    [("x.csv", "a\n1\n2\n", "45MB", "60MB"), ("x.jsonl", '{"a": 1}\n{"a": 2}\n', "2MB", "12MB")],
)
def test_what_is_too_little_memory_for_any_file_is_told_before_it_is_read(
    tmp_path: Path, name: str, text: str, too_little: str, enough: str
) -> None:
    asked = plan(tmp_path, {"a": "int64"}, write(tmp_path, name, text))
    little = limited(asked, memory_limit=too_little, threads=1)
    with pytest.raises(NoRoom, match=rf"is {in_bytes(too_little):,} bytes; .* cannot stage") as told:
        outcome(little)
    assert told.value.hint is not None
    assert told.value.hint.startswith("Set resources.memory_limit to 512MiB or more")
    assert list(asked.folder.iterdir()) == []
    with pytest.raises((duckdb.OutOfMemoryException, NoRoom)):
        worker.stage(little)  # it is true
    (tmp_path / "again").mkdir()
    asked = plan(tmp_path / "again", {"a": "int64"}, tmp_path / name)
    assert outcome(limited(asked, memory_limit=enough, threads=1)).read == 2


def test_more_than_may_be_spilled_is_told_with_what_to_raise(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(2**62, size=(2, 6_000_000))
    file = DataFile(path=tmp_path / "x.parquet", rows=numbers.shape[1])
    pq.write_table(pa.table({"a": numbers[0], "b": numbers[1]}), file.path)
    for allowed in (1_000_000, None):
        resources = {"memory_limit": "90MB", "threads": 1, "max_spill_bytes": allowed}
        config = load_config({"schema_config": "sample", "resources": resources})
        with open_engine(config, tmp_path) as engine:
            rows = engine.table("x", (file,)).order_by("a")
            if allowed is None:
                assert rows_of(engine.write(rows, tmp_path / "sorted.parquet")) == file.rows
                continue
            with pytest.raises(
                NoRoom, match=r"more to disk than the 1,000,000 bytes of resources\.max_spill_bytes"
            ) as told:
                engine.write(rows, tmp_path / "sorted.parquet")
            assert told.value.hint is not None
            assert told.value.hint.startswith("Raise resources.max_spill_bytes")


def test_where_no_limit_was_set_it_is_the_free_disk_that_is_too_little() -> None:
    error = duckdb.OutOfMemoryException("failed\nThis limit was set by the 'max_temp_directory_size' setting.")
    assert "nine tenths of the free disk" in no_room(error, Resources()).fact
    assert no_room(MemoryError(), Resources()).fact.endswith("than there is: no memory")
