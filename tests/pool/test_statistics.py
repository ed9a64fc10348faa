"""Statistics of the pool: right by pandas and NumPy, the same on any number of threads, and measured once."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from tidegate.columns import RECORD, Column
from tidegate.config import load_config
from tidegate.engines import DataFile, open_engine
from tidegate.pool import pool_files, rollback, statistics
from tidegate.pool.statistics import measure, pool_statistics
from tidegate.receipt import digest_of
from tidegate.registry.statistics import MOST_CATEGORIES, QUANTILES, Measure, PoolStatistics, family

NUMBERS = frozenset({"null_fraction", "mean", "std", "min", "max", "distinct", "quantiles", "partition"})
MEASURES = {
    "integer": NUMBERS | {"categories"},
    "real": NUMBERS,
    "category": frozenset({"null_fraction", "distinct", "categories"}),
    "time": frozenset({"null_fraction", "distinct", "min", "max"}),
    "other": frozenset({"null_fraction"}),
}


def measured(bench: Any, column: Column, cells: Any) -> dict[str, Any]:
    """All measures of a column, those that have a value or are null."""
    cells = cells if isinstance(cells, pa.Array | pa.ChunkedArray) else pa.array(cells)
    table = bench.table(pa.table({column.name: cells}))
    asked = frozenset({"null_fraction"}) if column.personal else MEASURES[family(column)]
    found = measure(table, {column: asked})[column]
    return {name: one.fault or one.value for name, one in found.items()}


NUMERIC = [
    ("int64", [random.Random(1).randrange(-50, 900) for _ in range(5_000)]),
    ("int8", [1, 2, None, 2, 2, 127]),
    ("uint64", [2**64 - 1, 0, 5]),
    ("int64", [2**62, 2**62, -(2**62)]),
    ("float64", [random.Random(2).lognormvariate(0, 3) for _ in range(5_000)] + [None] * 100),
    ("float32", [1.5, None, -2.25]),
    ("float64", [1e200, -1e200, 5.0]),
    ("float64", [7.0]),
    ("decimal(10, 2)", [Decimal("1.25"), None, Decimal("-3.50"), Decimal("8.00")]),
]


@pytest.mark.parametrize(("kind", "cells"), NUMERIC, ids=lambda value: value if isinstance(value, str) else "")
def test_numbers_are_as_pandas_and_numpy_have_them(bench: Any, kind: str, cells: list[Any]) -> None:
    types = {"decimal(10, 2)": pa.decimal128(10, 2), "float64": pa.float64(), "float32": pa.float32()}
    array = pa.array(cells, types.get(kind) or getattr(pa, kind)())
    found = measured(bench, Column("x", kind), array)
    there = pd.Series([float(cell) for cell in cells if cell is not None])
    assert found["null_fraction"] == pytest.approx(sum(cell is None for cell in cells) / len(cells))
    assert found["mean"] == pytest.approx(float(np.mean(there)), rel=1e-11)
    expected = float((there / 1e100).std() * 1e100) if there.abs().max() > 1e100 else float(there.std())
    assert found["std"] == (pytest.approx(expected, rel=1e-9) if len(there) > 1 else None)
    whole = family(Column("x", kind)) == "integer"
    assert (found["min"], found["max"]) == (
        (min(c for c in cells if c is not None), max(c for c in cells if c is not None)) if whole
        else (there.min(), there.max())
    )  # fmt: skip
    assert found["distinct"] == there.nunique()
    assert found["quantiles"] == pytest.approx([there.quantile(int(name[1:]) / 100) for name in QUANTILES])
    bins, weights, tails = (found["partition"][key] for key in ("bins", "weights", "tail_weights"))
    counts = [(there < bins[0]).sum(), *np.histogram(there, bins)[0], (there > bins[-1]).sum()]
    assert [tails[0], *weights, tails[1]] == pytest.approx((np.array(counts) + 0.5) / (len(there) + len(counts) / 2))
    if whole:
        counted = sorted(Counter(cell for cell in cells if cell is not None).items())
        assert found["categories"]["values"] == [value for value, _ in counted]
        assert found["categories"]["weights"] == pytest.approx([rows / len(there) for _, rows in counted])


def test_half_of_the_rows_a_partition_has_below_its_median(bench: Any) -> None:
    found = measured(bench, Column("x", "int64"), list(range(1000)))["partition"]
    assert len(found["weights"]) == 8
    assert [*found["weights"], *found["tail_weights"]] == pytest.approx([0.1] * 10, abs=0.002)


@pytest.mark.parametrize("cells", [[5.0] * 20, [0.0] * 95 + [1.0] * 5])
def test_a_column_of_one_value_has_one_bin(bench: Any, cells: list[float]) -> None:
    found = measured(bench, Column("x", "float64"), cells)["partition"]
    assert found["bins"] == [cells[0], math.nextafter(cells[0], math.inf)]
    assert found["weights"][0] == pytest.approx(cells.count(cells[0]) / len(cells), abs=0.05)
    assert sum(found["weights"]) + sum(found["tail_weights"]) == pytest.approx(1)


def test_nan_is_null_and_infinity_no_value(bench: Any) -> None:
    found = measured(bench, Column("x", "float64"), [math.nan, None, math.inf, -math.inf, 1.0, 3.0])
    assert (found["null_fraction"], found["mean"], found["min"], found["max"]) == (pytest.approx(2 / 6), 2.0, 1.0, 3.0)


def test_what_is_too_large_for_a_number_is_told(bench: Any) -> None:
    found = measured(bench, Column("x", "float64"), [1.7e308, -1.7e308])
    assert {found["std"], found["quantiles"], found["partition"]} == {"it is too large for a number"}
    assert found["mean"] == 0


@pytest.mark.parametrize(
    ("kind", "cells", "values", "weights"),
    [
        ("string", ["b", "a", "b", None, ""], ["", "a", "b"], [0.25, 0.25, 0.5]),
        ("boolean", [True, False, True, None], [False, True], [1 / 3, 2 / 3]),
    ],
)
def test_categories_have_shares_of_the_rows_with_a_value(
    bench: Any, kind: str, cells: list[Any], values: list[Any], weights: list[float]
) -> None:
    found = measured(bench, Column("x", kind), cells)
    assert found["categories"]["values"] == values
    assert found["categories"]["weights"] == pytest.approx(weights)
    assert found["distinct"] == len(values)


def test_a_thousand_categories_and_no_more(bench: Any) -> None:
    cells = [f"v{number}" for number in range(MOST_CATEGORIES)]
    assert len(measured(bench, Column("x", "string"), cells)["categories"]["values"]) == MOST_CATEGORIES
    found = measured(bench, Column("x", "string"), [*cells, "one more"])
    assert found["categories"] == "it has more than 1,000 different values"
    assert found["distinct"] == MOST_CATEGORIES + 1


def test_times_have_extremes_as_text(bench: Any) -> None:
    days = [dt.date(2020, 1, 2), None, dt.date(1999, 12, 31)]
    assert measured(bench, Column("x", "date"), days)["min"] == "1999-12-31"
    moments = pa.array([dt.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))
    found = measured(bench, Column("x", "timestamp('UTC', 6)"), moments)
    assert (found["max"], found["distinct"]) == ("2020-01-02T03:04:05.000006+00:00", 1)
    bare = pa.array([0], pa.timestamp("us"))
    assert measured(bench, Column("x", "timestamp(6)"), bare)["max"] == "1970-01-01T00:00:00"


@pytest.mark.parametrize("rows", [0, 3])
@pytest.mark.parametrize("kind", ["int64", "float64", "string", "boolean", "date", "decimal(10, 2)"])
def test_without_a_value_there_is_nothing_but_the_part_of_nulls(bench: Any, kind: str, rows: int) -> None:
    types = {"decimal(10, 2)": pa.decimal128(10, 2), "date": pa.date32(), "boolean": pa.bool_()}
    cells = pa.array([None] * rows, types.get(kind) or getattr(pa, kind)())
    found = measured(bench, Column("x", kind), cells)
    assert found.pop("null_fraction") == (1 if rows else None)
    assert found.pop("distinct") == 0
    assert set(found.values()) == {None}


def test_of_a_personal_column_nothing_is_read_but_its_nulls(bench: Any) -> None:
    assert measured(bench, Column("x", "int64", personal=True), [1, None]) == {"null_fraction": 0.5}


def test_of_lists_only_nulls_are_counted(bench: Any) -> None:
    assert measured(bench, Column("x", "array<string>"), [["a"], None]) == {"null_fraction": 0.5}


def test_names_may_hold_anything_but_do_not_matter(bench: Any) -> None:
    for name in ('départ "retard"', "rows", "min_0", "value", "place", "select", "it's; --"):
        found = measured(bench, Column(name, "int64"), [1, 2, 3, None])
        assert (found["mean"], found["quantiles"][49], found["categories"]["values"]) == (2, 2, [1, 2, 3])


def test_a_sample_is_the_same_on_any_number_of_threads_and_off_by_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "SAMPLE", 20_000)
    values = np.random.default_rng(3).lognormal(0, 2, 400_000)
    pq.write_table(pa.table({"x": np.sort(values)}), tmp_path / "x.parquet", row_group_size=10_000)
    told = []
    for threads in (1, 4):
        config = load_config({"schema_config": "sample", "resources": {"threads": threads}})
        with open_engine(config, tmp_path) as engine:
            table = engine.table("x", (DataFile(path=tmp_path / "x.parquet", rows=400_000),), record=RECORD)
            told.append(measure(table, {Column("x", "float64"): NUMBERS})[Column("x", "float64")])
    assert told[0] == told[1]
    ranks = np.searchsorted(np.sort(values), told[0]["quantiles"].value) / 400_000
    assert np.abs(ranks - np.arange(1, 100) / 100).max() < 0.002
    assert told[0]["quantiles"].value != np.quantile(values, np.arange(1, 100) / 100).tolist(), "it was no sample"


X = Column("x", "int64")
MEAN = {X: frozenset({"mean"})}


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    write_deltalake(str(tmp_path / "pool"), pa.table({"x": [1, 2, 3], "y": ["a", "b", "b"]}))
    return tmp_path / "pool"


def asked(pool: Path, wanted: Any = MEAN, **more: Any) -> PoolStatistics:
    """The statistics of the pool as it stands, by an engine that is opened for it."""
    files, version, _ = pool_files(pool)
    assert version is not None
    folder = pool.parent / "work"
    folder.mkdir(exist_ok=True)
    with open_engine(load_config({"schema_config": "sample", "training_data": str(pool)}), folder) as engine:
        table = engine.table("pool", files, record=RECORD)
        return pool_statistics(pool, version, sum(file.rows for file in files), table, wanted, **more)


def kept(pool: Path, version: int) -> Path:
    return pool / "_tidegate" / "statistics" / f"{version}.json"


def plant(path: Path, mean: float) -> None:
    """Change the mean that is kept, so that it shows where a mean was read and not measured."""
    content = json.loads(path.read_text())["statistics"]
    content["columns"]["x"]["measures"]["mean"]["value"] = mean
    path.write_text(json.dumps({"digest": digest_of(content), "statistics": content}))


def test_what_is_kept_is_read_and_not_measured_again(pool: Path) -> None:
    assert asked(pool).statistic("x", "mean") == Measure(value=2.0)
    plant(kept(pool, 0), 1234.5)
    assert asked(pool).statistic("x", "mean") == Measure(value=1234.5)
    of_no_engine = ibis.table({"x": "int64"})  # which raises if it is run
    assert pool_statistics(pool, 0, 3, of_no_engine, MEAN).statistic("x", "mean") == Measure(value=1234.5)


def test_what_is_kept_already_stays_where_more_is_asked(pool: Path) -> None:
    asked(pool)
    plant(kept(pool, 0), 1234.5)
    asked(pool, {X: frozenset({"quantiles"}), Column("y", "string"): frozenset({"categories"})})
    found = asked(pool, {X: frozenset({"mean", "quantiles"}), Column("y", "string"): frozenset({"categories"})})
    assert [found.statistic("x", name).value for name in ("mean", "q50")] == [1234.5, 2.0]
    assert found.statistic("y", "shares", "b").value == pytest.approx(2 / 3)
    assert found.statistic("y", "shares", "c").value == 0
    assert found.statistic("y", "values").value == ["a", "b"]
    assert found.statistic("y", "partition").value == {"values": ["a", "b"], "weights": [1 / 3, 2 / 3]}


def test_every_version_is_measured_anew_also_after_a_rollback(pool: Path) -> None:
    asked(pool)
    plant(kept(pool, 0), 1234.5)
    write_deltalake(str(pool), pa.table({"x": [10], "y": ["c"]}), mode="append")
    assert asked(pool).statistic("x", "mean").value == 4.0
    rollback(pool, 0)
    found = asked(pool)
    assert (found.version, found.statistic("x", "mean").value) == (2, 2.0)
    assert sorted(path.name for path in kept(pool, 0).parent.iterdir()) == ["0.json", "1.json", "2.json"]


@pytest.mark.parametrize("how", ["torn", "edited", "empty", "list", "of another table", "of other rows", "a folder"])
def test_a_file_that_is_not_sound_is_measured_anew(pool: Path, how: str) -> None:
    asked(pool)
    path = kept(pool, 0)
    plant(path, 1234.5)
    content = json.loads(path.read_text())
    if how == "torn":
        path.write_text(path.read_text()[:-5])
    elif how == "edited":
        path.write_text(path.read_text().replace("1234.5", "1235.5"))
    elif how in ("empty", "list"):
        path.write_text({"empty": "", "list": "[1]"}[how])
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    else:
        content["statistics"] |= {"table": "another"} if how == "of another table" else {"rows": 7}
        path.write_text(json.dumps(content | {"digest": digest_of(content["statistics"])}))
    assert asked(pool).statistic("x", "mean").value == 2.0


def test_a_column_of_another_type_is_another_column(pool: Path) -> None:
    asked(pool)
    plant(kept(pool, 0), 1234.5)
    other = Column("x", "int32")
    assert asked(pool, {other: frozenset({"mean"})}).statistic("x", "mean").value == 2.0


def test_who_only_looks_leaves_nothing(pool: Path) -> None:
    assert asked(pool, keep=False).statistic("x", "mean").value == 2.0
    assert not (pool / "_tidegate").exists()


def test_a_pool_that_cannot_be_written_is_measured_all_the_same(pool: Path) -> None:
    (pool / "_tidegate").touch()
    assert asked(pool).statistic("x", "mean").value == 2.0


def test_delta_passes_over_what_is_kept(pool: Path) -> None:
    asked(pool)
    DeltaTable(pool).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert kept(pool, 0).is_file()
    assert DeltaTable(pool).to_pyarrow_table().num_rows == 3
