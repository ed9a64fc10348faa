"""Publishing into a real Delta table: once, atomically, and so that it can be undone."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from tidegate.engines import DataFile
from tidegate.errors import Misuse, PoolError
from tidegate.pool import Dataset, find_published, history, publish, rollback
from tidegate.receipt import Receipt, RowCounts, SourceFile, Submission, Versioned

SCHEMA = pa.schema([("a", pa.int64()), ("_submission", pa.string())])


def receipt(integration: str, rows: int) -> Receipt:
    file = SourceFile(uri="x.csv", sha256="0" * 64, bytes=1, format="csv", compression="none")
    return Receipt(
        integration=integration * 64,
        verdict="accepted",
        submission=Submission(id=integration, files=(file,), contributor="ada"),
        contract=Versioned(name="sample", version="1.0", digest="1" * 64),
        suite=None,
        rows=RowCounts(read=rows, malformed=0, failed=0, duplicate=0, leaked=0, accepted=rows),
        merge_strategy="append",
        report_digest="2" * 64,
        tidegate="0",
        created_at="2026-01-01T00:00:00+00:00",
    )


def rows_file(folder: Path, name: str, values: list[int], schema: pa.Schema = SCHEMA) -> DataFile:
    folder.mkdir(exist_ok=True, parents=True)
    cells = [values, [name] * len(values)] + [[None] * len(values)] * (len(schema) - 2)
    pq.write_table(pa.table(cells, schema=schema), folder / f"{name}.parquet")
    return DataFile(path=folder / f"{name}.parquet", rows=len(values))


def put(pool: Path, name: str, values: list[int], schema: pa.Schema = SCHEMA, fresh: bool = False) -> int:
    file = rows_file(pool.parent / "work", name, values, schema)
    return publish(pool, [file], schema, receipt(name, len(values)), fresh=fresh).version


def values(pool: Path, version: int | None = None) -> list[int]:
    version = history(pool)[0].version if version is None else version
    return sorted(Dataset(str(pool), version).to_arrow().column("a").to_pylist())


def test_first_publish_makes_the_pool_and_the_second_adds(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    assert [put(pool, "a", [1, 2]), put(pool, "b", [3])] == [0, 1]
    assert values(pool) == [1, 2, 3]
    assert values(pool, 0) == [1, 2]


def test_the_same_integration_publishes_once(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1, 2])
    again = publish(pool, [rows_file(tmp_path / "work", "a", [1, 2])], SCHEMA, receipt("a", 2), fresh=False)
    assert (again.already, again.version, again.receipt.rows.accepted) == (True, 0, 2)
    assert values(pool) == [1, 2]


def test_history_names_submission_contributor_and_rows(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1, 2])
    put(pool, "b", [3])
    told = [(e.version, e.operation, e.rows, e.receipt.submission.contributor) for e in history(pool) if e.receipt]
    assert told == [(1, "publish", 1, "ada"), (0, "publish", 2, "ada")]


def test_rollback_is_a_commit_that_can_be_undone(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1])
    put(pool, "b", [2])
    assert rollback(pool, 0) == 2
    assert values(pool) == [1]
    assert rollback(pool, 1) == 3
    assert values(pool) == [1, 2]


def test_what_was_rolled_back_can_be_published_again(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1])
    put(pool, "b", [2])
    rollback(pool, 0)
    assert find_published(pool, "b" * 64) is None
    assert find_published(pool, "a" * 64) is not None
    assert put(pool, "b", [2]) == 3
    assert values(pool) == [1, 2]


def test_rollback_to_no_version(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1])
    with pytest.raises(Misuse, match="has no version 7"):
        rollback(pool, 7)
    with pytest.raises(Misuse, match="no pool"):
        rollback(tmp_path / "nowhere", 0)


def test_a_rollback_that_another_writer_overtakes_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1])
    put(pool, "b", [2])
    stale = DeltaTable(pool)
    put(pool, "c", [3])
    monkeypatch.setattr(sys.modules["tidegate.pool.history"], "open_table", lambda _: stale)
    with pytest.raises(PoolError, match="nothing was rolled back"):
        rollback(pool, 0)
    monkeypatch.undo()
    assert values(pool) == [1, 2, 3]


def test_an_output_is_written_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, "a", [1], fresh=True)
    with pytest.raises(PoolError, match="already"):
        put(out, "b", [2], fresh=True)
    assert values(out) == [1]


def test_a_folder_of_something_else_is_no_pool(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "precious.txt").write_text("mine")
    with pytest.raises(PoolError, match="no Delta table"):
        put(tmp_path / "pool", "a", [1])


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = rows_file(tmp_path / "work", "a", [1])
    with pytest.raises(PoolError, match="cannot be written: Not a directory"):
        publish(tmp_path / "file" / "pool", [file], SCHEMA, receipt("a", 1), fresh=False)


def test_a_new_column_widens_the_pool_and_another_type_is_refused(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1])
    put(pool, "b", [2], SCHEMA.append(pa.field("c", pa.string())))
    assert Dataset(str(pool), history(pool)[0].version).to_arrow().column_names == ["a", "c"]
    assert values(pool) == [1, 2]
    with pytest.raises(PoolError, match="Column 'a' is long in the pool and string"):
        put(pool, "c", [], pa.schema([("a", pa.string()), ("_submission", pa.string())]))


def test_a_file_that_is_gone_is_noticed(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1])
    next(pool.glob("part-*.parquet")).unlink()
    with pytest.raises(PoolError, match="which is gone"):
        values(pool)


def test_dataset_reads_the_columns_asked_for_in_batches(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", list(range(10)))
    dataset = Dataset(str(pool), 0)
    assert [batch.num_rows for batch in dataset.to_batches(batch_size=4)] == [4, 4, 2]
    assert dataset.to_pandas(lineage=True).columns.tolist() == ["a", "_submission"]
    assert dataset.to_pandas().columns.tolist() == ["a"]
    assert dataset.count() == 10


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
import tests_publish as t
sys.modules["tidegate.pool.publish"]._commit = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
t.put(Path({pool!r}), "b", [2, 3])
"""


def test_killed_just_before_the_commit_the_pool_is_as_it_was(tmp_path: Path, warm: Path) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1])
    (tmp_path / "tests_publish.py").write_text(Path(__file__).read_text())
    script = textwrap.dedent(KILLED).format(path=[str(tmp_path)], pool=str(pool))
    killed = subprocess.run([warm, "-c", script], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(pool.glob("part-*.parquet"))) == 2, "the files were in place, only the commit was not"
    assert (values(pool), history(pool)[0].version) == ([1], 0)
    put(pool, "b", [2, 3])
    assert (values(pool), history(pool)[0].version) == ([1, 2, 3], 1)


def test_a_file_that_does_not_fit_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = tmp_path / "pool"
    put(pool, "a", [1, 2])
    there = sorted(pool.rglob("*"))
    large = rows_file(tmp_path / "work", "b", list(range(100_000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(os, "link", lambda *_: (tmp_path / "on another disk").stat())  # so it is copied
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(PoolError, match=r"cannot be written: File too large"):
            publish(pool, [large], SCHEMA, receipt("b", 100_000), fresh=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(pool.rglob("*")) == there
    assert values(pool) == [1, 2]
