"""What the engine promises of itself: places of rows, types, order, and what becomes of work that fails."""

from __future__ import annotations

import datetime
import decimal
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.audit import judge_rules
from tidegate.audit.shape import Shape
from tidegate.columns import RECORD
from tidegate.config import Resources
from tidegate.deadline import OutOfTime, deadline
from tidegate.engines import DataFile
from tidegate.engines.spark.engine import SparkEngine
from tidegate.engines.spark.stage import _stage
from tidegate.engines.spark.waiting import interruptible
from tidegate.engines.spark.workers import _apart
from tidegate.errors import EngineFailed, Misuse
from tidegate.registry import Contract

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


NUMBERED = pa.schema([("v", pa.int64()), (RECORD, pa.int64())])
NESTED = pa.list_(pa.struct([("x", pa.uint16()), ("y", pa.string())]))


@pytest.fixture
def engine(spark: SparkSession) -> Iterator[SparkEngine]:
    """An engine beside the tests' session."""
    opened = SparkEngine(Resources(threads=2))
    yield opened
    opened.close()


def written(path: Path, table: pa.Table) -> DataFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=3)
    return DataFile(path=path, rows=table.num_rows)


@pytest.mark.parametrize("name", ["plain", "a=b", "sp ace", "é[x]{y}*?", "100%25", "a+b;c,d"])
def test_a_row_is_numbered_by_its_place_through_all_files(engine: SparkEngine, tmp_path: Path, name: str) -> None:
    """Also where folders have names that Spark takes for patterns, partitions or escapes."""
    files, start = [], 1
    for number, size in enumerate((5, 1, 0, 7)):
        rows = pa.table({"v": range(start, start + size), RECORD: [0] * size}, NUMBERED)
        files.append(written(tmp_path / name / f"{9 - number}" / "same.parquet", rows))
        start += size
    read = engine.table("rows", tuple(files), record=RECORD)
    found = read.order_by(RECORD).to_pyarrow()
    assert found[RECORD].to_pylist() == found["v"].to_pylist() == list(range(1, 14))


def test_columns_of_several_files_are_those_of_any_in_the_widest_type(engine: SparkEngine, tmp_path: Path) -> None:
    one = written(tmp_path / "1.parquet", pa.table({"a": pa.array([1], pa.int32()), "b": ["x"]}))
    other = written(tmp_path / "2.parquet", pa.table({"c": [True], "a": pa.array([2**40], pa.int64())}))
    found = engine.table("rows", (one, other), record=RECORD).order_by(RECORD).to_pyarrow()
    assert found.schema.field("a").type == pa.int64()
    assert found.to_pylist() == [
        {"a": 1, "b": "x", "c": None, RECORD: 1}, {"a": 2**40, "b": None, "c": True, RECORD: 2},
    ]  # fmt: skip


def test_what_is_written_has_the_types_and_names_of_the_expression(engine: SparkEngine, tmp_path: Path) -> None:
    first = datetime.datetime(1, 1, 1)  # noqa: DTZ001 - it is one without and with a zone
    cells = {
        "u8": pa.array([0, 255], pa.uint8()), "u64": pa.array([0, 2**64 - 1], pa.uint64()),
        "f32": pa.array([0.1, None], pa.float32()), "f64": pa.array([5e-324, -0.0]),
        "dec": pa.array([decimal.Decimal("0.10"), None], pa.decimal128(38, 2)),
        "day": pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]),
        "at": pa.array([first, None], pa.timestamp("us")), "utc": pa.array([first, None], pa.timestamp("us", "UTC")),
        "a.b`c d": ["é\n\0", None], "list": pa.array([[{"x": None, "y": "z"}], []], NESTED),
    }  # fmt: skip
    table = pa.table(cells)
    read = engine.table("rows", (written(tmp_path / "in.parquet", table),), record=RECORD)
    files = engine.write(read.order_by(RECORD).drop(RECORD), tmp_path / "out.parquet")
    assert pa.concat_tables([pq.read_table(file.path) for file in files]).cast(table.schema).equals(table)


def test_rows_are_written_in_order_over_many_partitions(
    engine: SparkEngine, spark: SparkSession, tmp_path: Path
) -> None:
    numbers = [n * 7919 % 20_011 for n in range(20_011)]
    read = engine.table("rows", (written(tmp_path / "in.parquet", pa.table({"v": numbers, "w": numbers})),))
    engine._session.conf.set("spark.sql.adaptive.enabled", "false")  # which would join small partitions
    engine._session.conf.set("spark.sql.shuffle.partitions", "5")
    files = engine.write_in_order(read, ("v",), "none", tmp_path / "sorted")
    assert len(files) == 5
    came = pa.concat_tables([pq.read_table(file.path) for file in files])
    assert came.column_names == ["w"]
    assert came["w"].to_pylist() == list(range(20_011))


def test_no_rows_are_a_file_with_its_columns(engine: SparkEngine, tmp_path: Path) -> None:
    read = engine.table("rows", (written(tmp_path / "in.parquet", pa.table({"v": [1]})),))
    (file,) = engine.write(read.filter(read["v"] > 1), tmp_path / "out.parquet")
    assert (file.rows, pq.read_table(file.path).to_pydict()) == (0, {"v": []})


def test_a_pattern_is_re2s_and_a_median_is_duckdbs(engine: SparkEngine, tmp_path: Path) -> None:
    cells = {"t": ["ab\n", "ab", "AB", None, "é", "a" * 20_000], "n": [0.1, 0.2, 0.7, None, None, 1e300]}
    read = engine.table("rows", (written(tmp_path / "in.parquet", pa.table(cells)),))
    told = read.select(
        end=read["t"].re_search(r"\A(?:ab\n?\z)"),
        deep=read["t"].re_search("^(?:a|b)+$"),
        word=read["t"].re_search(r"^\w$"),
    )
    assert told.to_pyarrow().to_pydict() == {
        "end": [True, True, False, None, False, False],
        "deep": [False, True, False, None, False, True],  # Java would overflow its stack
        "word": [False, False, False, None, False, False],  # of letters RE2 knows those of ASCII
    }
    (middle,) = duckdb.execute("SELECT median(n) FROM (SELECT unnest(?) AS n)", [cells["n"]]).fetchone() or ()
    assert read["n"].median().to_pyarrow().as_py() == middle


def test_infinity_is_told_from_numbers(engine: SparkEngine, tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([1e308, float("inf"), float("-inf"), None])})
    read = engine.table("rows", (written(tmp_path / "in.parquet", table),))
    assert read["x"].isinf().to_pyarrow().to_pylist() == [False, True, True, None]


def test_a_task_that_fails_leaves_a_file_that_nobody_uses(engine: SparkEngine, tmp_path: Path) -> None:
    """The first attempt writes its rows and is lost before it answers; the second one's file is the one."""

    from tidegate.engines.spark import workers

    marker = tmp_path / "marker"

    def lost(batches: Any) -> Iterator[Any]:
        yield from batches
        if not marker.exists():
            marker.touch()
            os._exit(9)

    session: SparkSession = engine._session
    frame = session.range(0, 10, 1, 1).mapInArrow(lost, "id long")
    with pytest.raises(Exception, match=r"."):  # local[2] tries once: see test_cluster.py for more
        workers.write_rows(frame, pa.schema([("id", pa.int64())]), tmp_path / "out")
    (file,) = workers.write_rows(frame, pa.schema([("id", pa.int64())]), tmp_path / "out")
    assert pq.read_table(file.path)["id"].to_pylist() == list(range(10))


def test_a_check_that_ends_its_worker_is_not_evaluated(
    engine: SparkEngine, make_contract: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = make_contract(
        """
        a: int

        @pa.check("a")
        def ends(cls, cells):
            if cells.max() > 250_000:
                import os
                os._exit(3)
            return cells >= 0
        """
    )
    rows = engine.table("rows", (written(tmp_path / "in.parquet", pa.table({"a": [1, 2, 300_000]})),), record=RECORD)
    outcome = judge_rules(engine, rows, contract, Shape((), (), (), {}), tmp_path)
    assert list(outcome.not_evaluated) == ["a.ends"]


def test_what_spark_says_of_a_cell_is_not_told(engine: SparkEngine, tmp_path: Path) -> None:
    read = engine.table("rows", (written(tmp_path / "in.parquet", pa.table({"t": ["bob@example.com"]})),))
    with pytest.raises(EngineFailed) as told:
        engine.write(read.select(n=read["t"].cast("int64")), tmp_path / "out.parquet")
    assert "bob" not in f"{told.value}{told.value.__cause__}"
    assert told.value.__suppress_context__


def test_workers_that_do_not_see_the_folder_are_told_of(engine: SparkEngine, tmp_path: Path) -> None:
    missing = tmp_path / "elsewhere" / "a.csv"
    source = {"uri": "a.csv", "path": str(missing), "format": "csv", "compression": "none"}
    plan = {"sources": [source], "folder": str(tmp_path), "columns": [], "strict": False, "resources": {}}
    assert engine.workers(_stage, [plan]) == [{"unshared": str(missing)}]


def test_the_given_session_is_as_it_was(spark: SparkSession, tmp_path: Path) -> None:
    before = {name: spark.conf.get(name) for name in ("spark.sql.session.timeZone", "spark.sql.ansi.enabled")}
    engine = SparkEngine(Resources())
    engine.table("rows", (written(tmp_path / "in.parquet", pa.table({"v": [1]})),))
    assert {name: spark.conf.get(name) for name in before} == before
    assert not spark.catalog.tableExists("rows")
    engine.close()
    assert spark.range(3).count() == 3


def test_the_workers_version_is_this_one(engine: SparkEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.engines.spark.workers.__version__", "0.0.1")
    with pytest.raises(Misuse, match=r"and this is 0\.0\.1"):
        engine.workers(dict, [{"a": 1}])


def test_each_job_is_answered_in_order(engine: SparkEngine) -> None:
    assert engine.workers(dict, []) == []
    jobs = [{"all": [1, None], "own": n, **({"odd": n} if n % 2 else {})} for n in range(5)]
    assert engine.workers(dict, jobs) == jobs
    assert _apart(jobs)[0] == '{"all": [1, null]}', "every task gets what all jobs have, so once is enough"


def test_what_nobody_waits_for_any_more_is_cancelled(engine: SparkEngine) -> None:
    def sleep(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        time.sleep(600)
        yield from batches

    session = engine._session
    frame = session.range(1).mapInArrow(sleep, "id long")
    with pytest.raises(OutOfTime), deadline(3):
        interruptible(session, frame.collect)
    assert session.range(3).count() == 3
    assert session.sparkContext.statusTracker().getActiveJobsIds() == []
