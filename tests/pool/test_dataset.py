"""The handle on a dataset: which columns, which rows, in what form, and that no more is read than that."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.pool.test_publish import receipt

from tidegate.engines import DataFile
from tidegate.errors import Misuse, PoolError, TidegateError
from tidegate.pool import Dataset, history, publish

FIRST = pa.schema(
    [
        ("trip", pa.int64()),
        ("cars", pa.float64()),
        ("pier", pa.string()),
        ("_submission", pa.string()),
        ("_contributor", pa.string()),
    ]
)
SECOND = FIRST.append(pa.field("late", pa.bool_()))
GROUP = 10
"""Rows in a row group."""


def rows(schema: pa.Schema, trips: range, name: str) -> pa.Table:
    cells = {
        "trip": list(trips),
        "cars": [None if trip == 3 else trip / 2 for trip in trips],
        "pier": [f"pier {trip % 3}" for trip in trips],
        "_submission": pa.array([name] * len(trips)).dictionary_encode(),
        "_contributor": pa.array([name] * len(trips)).dictionary_encode(),
        "late": [trip % 2 == 0 for trip in trips],
        "sample_weight": [1.0 if trip < 10 else 2.0 for trip in trips],
    }
    return pa.table({field: cells[field] for field in schema.names})


def put(pool: Path, name: str, trips: range, schema: pa.Schema) -> Dataset:
    path = pool.parent / f"{name}.parquet"
    pq.write_table(rows(schema, trips, name), path, row_group_size=GROUP)
    publish(pool, [DataFile(path=path, rows=len(trips))], schema, receipt(name, len(trips)), fresh=False)
    return Dataset(str(pool), history(pool)[0].version)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Trips 0 to 24, and 25 to 59 in a file with one more column."""
    pool = tmp_path_factory.mktemp("dataset") / "pool"
    put(pool, "a", range(25), FIRST)
    return put(pool, "b", range(25, 60), SECOND)


def trips(table: pa.Table | pa.RecordBatch) -> list[int]:
    found: list[int] = table["trip"].to_pylist()
    return found


def test_batches_are_even_and_in_order(dataset: Dataset) -> None:
    """Also where a file or a row group ends."""
    batches = list(dataset.to_batches(batch_size=7))
    assert [batch.num_rows for batch in batches] == [7] * 8 + [4]
    assert [trip for batch in batches for trip in trips(batch)] == list(range(60))
    few = dataset.to_batches(["trip"], filters=[("pier", "=", "pier 1")], batch_size=15)
    assert [trips(batch) for batch in few] == [list(range(1, 45, 3)), list(range(46, 60, 3))]


def test_columns_are_those_that_are_asked_for(dataset: Dataset) -> None:
    assert dataset.to_arrow().column_names == ["trip", "cars", "pier", "late"]
    assert dataset.to_pandas(["late", "trip"]).columns.tolist() == ["late", "trip"]
    assert dataset.to_arrow(["trip"], lineage=True).column_names == ["trip", "_submission", "_contributor"]
    assert dataset.to_arrow(["_contributor"]).column("_contributor").unique().to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([("trip", ">", 57)], [58, 59]),
        ([("trip", "in", [3, 30, 300]), ("pier", "==", "pier 0")], [3, 30]),
        ([[("trip", "<", 1)], [("trip", ">=", 59)]], [0, 59]),
        ((pc.field("trip") < 26) & pc.field("late").is_valid(), [25]),
        (pc.field("cars").is_null(), [3]),
        ([("cars", "<", 2)], [0, 1, 2]),
        ([("late", "=", True), ("trip", "<", 30)], [26, 28]),
        ([("_contributor", "=", "a"), ("trip", ">", 23)], [24]),
        ([("trip", "<", 0)], []),
    ],
)
def test_filters_are_expressions_or_tuples(dataset: Dataset, filters: Any, found: list[int]) -> None:
    """A null passes no comparison, and a column that a file lacks is null there."""
    assert trips(dataset.to_arrow(["trip"], filters=filters)) == found
    assert dataset.count(filters=filters) == len(found)
    assert dataset.to_polars(["trip"], filters=filters).collect()["trip"].to_list() == found


def test_a_count_needs_no_filter(dataset: Dataset) -> None:
    assert dataset.count() == 60


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"columns": ["pir"]}, r"(?s)There is no column 'pir' in .*Did you mean 'pier'\?"),
        ({"columns": "trip"}, "columns is a list of names"),
        ({"columns": []}, "columns is a list of names"),
        ({"filters": [("Trip", ">", 1)]}, r"(?s)no column 'Trip'.*Did you mean 'trip'\?"),
        ({"filters": pc.field("lte")}, r"(?s)no column 'lte'.*Did you mean 'late'\?"),
        ({"filters": [("trip", "=", "secret")]}, r"(?s)another type.*trip \(int64\)"),
        ({"filters": [("trip", "~", 1)]}, "neither an expression"),
        ({"filters": "trip > 1"}, "neither an expression"),
        ({"filters": []}, "neither an expression"),
        ({"filters": pc.field("trip")}, "filters gives int64"),
    ],
)
def test_what_cannot_be_asked_is_told_at_once(dataset: Dataset, asked: dict[str, Any], message: str) -> None:
    """Before anything is read, and without the value."""
    for ask in (dataset.to_batches, dataset.to_polars):
        with pytest.raises(Misuse, match=message) as error:
            ask(**asked)
        assert "secret" not in str(error.value)


def test_a_batch_has_a_row_and_a_version_is_there(dataset: Dataset) -> None:
    with pytest.raises(Misuse, match="A batch of 0 rows"):
        dataset.to_batches(batch_size=0)
    with pytest.raises(PoolError, match=r"(?s)Version 9 of .* cannot be opened.*newest version is 2"):
        Dataset(dataset.uri, 9).to_arrow()
    with pytest.raises(PoolError, match="no dataset at"):
        Dataset(f"{dataset.uri}-gone", 0).count()


def test_a_handle_is_small_and_keeps_its_version(dataset: Dataset) -> None:
    stored = pickle.dumps(Dataset(dataset.uri, 0))
    assert len(stored) < 300
    assert trips(pickle.loads(stored).to_arrow()) == list(range(25))
    assert pickle.loads(stored).to_polars().collect().shape == (25, 3)


@pytest.fixture(scope="module")
def spoilt(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The dataset with noise in place of all cells but `trip` and `cars` of trips 10 to 19. Its footers are whole."""
    pool = tmp_path_factory.mktemp("spoilt") / "pool"
    shutil.copytree(dataset.uri, pool)
    for path in pool.glob("*.parquet"):
        content = bytearray(path.read_bytes())
        footer = pq.read_metadata(path)
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            kept = ("trip", "cars") if group.column(0).statistics.min == 10 else ()
            for chunk in map(group.column, range(group.num_columns)):
                if chunk.path_in_schema not in kept:
                    begin = chunk.dictionary_page_offset or chunk.data_page_offset
                    content[begin : begin + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
        path.write_bytes(content)
    return Dataset(str(pool), dataset.version)


ASKED: dict[str, Any] = {"columns": ["trip", "cars"], "filters": [("trip", ">=", 12), ("cars", "<", 9)]}
HERE = (pl.col("trip") >= 12) & (pl.col("cars") < 9)


@pytest.mark.parametrize(
    "read",
    [
        lambda of: trips(of.to_arrow(**ASKED)),
        lambda of: of.to_pandas(**ASKED)["trip"].tolist(),
        lambda of: [trip for batch in of.to_batches(**ASKED, batch_size=2) for trip in trips(batch)],
        lambda of: of.to_polars(**ASKED).collect()["trip"].to_list(),
        lambda of: of.to_polars().filter(HERE & (pl.col("trip") < 18)).select("trip").collect()["trip"].to_list(),
        lambda of: of.to_polars(filters=ASKED["filters"]).select("trip").collect()["trip"].to_list(),
        lambda of: [
            trip for x, _, _ in of.training_batches("cars", ["trip"], filters=ASKED["filters"]) for trip in x.trip
        ],
        lambda of: list(range(12, 12 + of.count(filters=ASKED["filters"]))),
    ],
    ids=["arrow", "pandas", "batches", "polars", "polars' own filter", "selected", "training", "count"],
)
def test_columns_and_filters_go_down_to_parquet(
    dataset: Dataset, spoilt: Dataset, read: Callable[[Dataset], list[int]]
) -> None:
    """Nothing can have been read but the columns and the row group that are asked for: all else is spoilt."""
    assert read(dataset) == read(spoilt) == list(range(12, 18))


def test_what_is_spoilt_cannot_be_read(spoilt: Dataset) -> None:
    """Else the test above would tell nothing."""
    for asked in ({"columns": ["trip"]}, {"columns": ["pier"], "filters": [("trip", "=", 12)]}):
        with pytest.raises(PoolError, match="cannot be read: it is no sound Parquet file"):
            spoilt.to_arrow(**asked)
        with pytest.raises((TidegateError, pl.exceptions.PolarsError)):
            spoilt.to_polars(**asked).collect()


def test_shares_are_of_row_groups_and_no_row_is_in_two(dataset: Dataset) -> None:
    reading = dataset._reading(["trip"], [("trip", ">", 15)], lineage=False)
    shares = [[trip for batch in reading.batches(4, (number, 3)) for trip in trips(batch)] for number in range(3)]
    assert shares == [
        [*range(16, 20), *range(35, 45)],
        [*range(20, 25), *range(45, 55)],
        [*range(25, 35), *range(55, 60)],
    ]


def test_batches_are_bounded_in_memory(tmp_path: Path) -> None:
    cells = pa.table({"a": np.arange(400_000), "b": np.arange(400_000)})
    file = DataFile(path=tmp_path / "rows.parquet", rows=cells.num_rows)
    pq.write_table(cells, file.path, row_group_size=20_000)
    publish(tmp_path / "pool", [file], cells.schema, receipt("a", file.rows), fresh=False)
    del cells
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for batch in Dataset(str(tmp_path / "pool"), 0).to_batches(batch_size=1_000):
        most, rows = max(most, pa.total_allocated_bytes() - before), rows + batch.num_rows
    assert rows == 400_000
    assert most < 400_000 * 16 / 4


def test_a_lazy_frame_reads_when_it_is_collected(dataset: Dataset, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    shutil.copytree(dataset.uri, pool)
    of = Dataset(str(pool), dataset.version)
    frames = [of.to_polars(lineage=True), of.to_polars(lineage=True, filters=[("trip", ">=", 0)])]
    for frame in frames:
        assert frame.head(12).collect().equals(pl.DataFrame(of.to_arrow(lineage=True)).head(12))
        assert frame.group_by("_contributor").len().sort("len").collect().rows() == [("a", 25), ("b", 35)]
        late = frame.filter(pl.col("late")).select("pier", "trip").sort("trip").tail(2).collect()
        assert late.rows() == [("pier 2", 56), ("pier 1", 58)]
        assert frame.filter(pl.col("trip") > 20).head(2).collect()["trip"].to_list() == [21, 22]
        assert frame.head(30).filter(pl.col("trip") > 20).collect().height == 9
        assert frame.select(pl.len()).collect().item() == 60
    shutil.rmtree(pool)
    for frame in frames:
        with pytest.raises((PoolError, FileNotFoundError, pl.exceptions.PolarsError)):
            frame.collect()


def test_training_batches_go_into_partial_fit(dataset: Dataset) -> None:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(random_state=0)
    seen = 0
    for x, y, weights in dataset.training_batches("pier", filters=pc.field("late").is_valid(), batch_size=10):
        assert (x.columns.tolist(), weights) == (["trip", "cars", "late"], None)
        model.partial_fit(x.astype("float64"), y, classes=["pier 0", "pier 1", "pier 2"], sample_weight=weights)
        seen += len(x)
    assert (seen, model.t_) == (35, 36)
    with pytest.raises(Misuse, match="'cars' cannot be an input"):
        dataset.training_batches("cars", ["trip", "cars"])
    with pytest.raises(Misuse, match="'late'"):
        dataset.training_batches("lat")


def test_weights_of_a_weighted_output_come_apart(tmp_path: Path) -> None:
    of = put(tmp_path / "output", "a", range(20), FIRST.append(pa.field("sample_weight", pa.float64())))
    ((x, y, weights),) = of.training_batches("cars", filters=[("trip", ">=", 9)])
    assert weights is not None
    assert (x.columns.tolist(), y.tolist()[:2], weights.tolist()) == (["trip", "pier"], [4.5, 5.0], [1.0] + [2.0] * 10)
    assert of.to_arrow().column_names == ["trip", "cars", "pier", "sample_weight"]
