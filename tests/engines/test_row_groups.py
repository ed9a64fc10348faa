"""Long rows make small row groups: an engine holds whole ones in memory."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.columns import RECORD, Column
from tidegate.config import Resources, load_config
from tidegate.engines import DataFile, StagePlan, StageSource, open_engine
from tidegate.engines.duckdb import worker
from tidegate.engines.duckdb.row_groups import bytes_of_record, rows_of_group, widest

LIMIT = 4 * 10**9


@pytest.mark.parametrize(
    ("row_bytes", "columns", "rows"),
    [(94, 19, 122_880), (1_000_000, 2, 250), (10_000, 2_000, 7_812), (0, 0, 122_880), (10**12, 1, 1)],
)
def test_a_group_takes_a_sixteenth_of_the_limit(row_bytes: float, columns: int, rows: int) -> None:
    assert rows_of_group(row_bytes, columns, LIMIT) == rows


@pytest.mark.parametrize("length", [10, 1_000, 1_000_000])
@pytest.mark.parametrize("size", [100, 300_000, 20_000_000])
def test_the_length_of_a_record_is_told_by_samples(tmp_path: Path, length: int, size: int) -> None:
    text = (b"x" * (length - 1) + b"\n") * max(size // length, 1)
    (tmp_path / "x").write_bytes(text)
    assert bytes_of_record(tmp_path / "x", b"\n") == pytest.approx(length, rel=0.6)


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert bytes_of_record(tmp_path / "x", b"\n") == 0


def test_what_is_written_again_has_small_groups_too(tmp_path: Path) -> None:
    cells = pa.table({"body": [str(n) + "x" * 20_000 for n in range(5_000)]})
    pq.write_table(cells, tmp_path / "x.parquet")
    small = DataFile(path=tmp_path / "small.parquet", rows=1)
    pq.write_table(cells.slice(0, 1).set_column(0, "body", [["x"]]), small.path)
    config = load_config({"schema_config": "x", "resources": {"memory_limit": "500MB"}})
    file = DataFile(path=tmp_path / "x.parquet", rows=5_000)
    assert widest((small, file)) > 20_000
    with open_engine(config, tmp_path) as engine:
        table = engine.table("t", (small, file), record=RECORD)
        (whole,) = engine.write(table, tmp_path / "y.parquet")
    written = pq.read_metadata(whole.path)
    assert max(written.row_group(n).num_rows for n in range(written.num_row_groups)) <= 2_048  # a vector


def test_what_is_staged_has_small_groups(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("body\n" + ("x" * 20_000 + "\n") * 3_000)
    plan = StagePlan(
        sources=(StageSource(uri="x", path=tmp_path / "x.csv", format="csv", compression="none"),),
        folder=tmp_path, columns=(Column("body", "string"),), strict=True,
        resources=Resources(memory_limit="500MB"),
    )  # fmt: skip
    (file,) = worker.stage(plan).files
    written = pq.read_metadata(file.path)
    assert max(written.row_group(n).num_rows for n in range(written.num_row_groups)) <= 2_048
