"""Small staged files become few, and no row changes its place."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.engines import DataFile
from tidegate.engines.duckdb.gather import Gathering


def write(path: Path, **columns: list[int]) -> DataFile:
    table = pa.table(columns)
    pq.write_table(table, path)
    return DataFile(path=path, rows=table.num_rows)


@pytest.mark.parametrize(("enough", "rows"), [(0, [2, 2, 2, 2, 2]), (2.5, [4, 4, 2]), (100, [10])])
def test_neighbours_become_one_file(tmp_path: Path, enough: float, rows: list[int]) -> None:
    files = [write(tmp_path / f"{n}.parquet", x=[2 * n, 2 * n + 1]) for n in range(5)]
    size = files[0].path.stat().st_size
    with duckdb.connect() as connection:
        gathering = Gathering(connection, tmp_path, 10**9, enough=int(enough * size))
        for file in files:
            gathering.add(file)
        gathered = gathering.files()
    assert [file.rows for file in gathered] == rows
    assert [x for file in gathered for x in pq.read_table(file.path)["x"].to_pylist()] == list(range(10))
    assert sorted(tmp_path.iterdir()) == sorted(file.path for file in gathered)


def test_a_large_file_stays_as_it_is_between_small_ones(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{n}.parquet", x=list(range(size))) for n, size in enumerate([2, 3, 20_000, 4])]
    with duckdb.connect() as connection:
        gathering = Gathering(connection, tmp_path, 10**9, enough=20_000)
        for file in files:
            gathering.add(file)
        gathered = gathering.files()
    assert [file.rows for file in gathered] == [5, 20_000, 4]
    assert gathered[1:] == tuple(files[2:])


def test_a_column_that_a_file_lacks_is_null_for_its_rows(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        gathering = Gathering(connection, tmp_path, 10**9)
        gathering.add(write(tmp_path / "a.parquet", x=[1], y=[2]))
        gathering.add(write(tmp_path / "b.parquet", x=[3]))
        (file,) = gathering.files()
    assert pq.read_table(file.path).to_pydict() == {"x": [1, 3], "y": [2, None]}
