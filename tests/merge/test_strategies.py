"""Interleave, weighted, shuffle: which rows come, and in which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.config import MergeStrategy
from tidegate.merge import ORDER, SHARE, merged

INTERLEAVE = MergeStrategy(name="interleave")


def weighted(base: float, sampling: str = "without_replacement", seed: int = 0) -> MergeStrategy:
    weights = {"base": base, "contributed": 1 - base}
    return MergeStrategy.model_validate({"name": "weighted", "weights": weights, "sampling": sampling, "seed": seed})


def together(*arguments: Any) -> Any:
    table = merged(*arguments)
    return table.order_by(*ORDER).drop(*ORDER, SHARE)


def rows(bench: Any, base: int, contributed: int, strategy: MergeStrategy, shuffle: int | None = None) -> list[str]:
    schema = pyarrow.schema([("v", pyarrow.string())])
    ours = bench.table(pyarrow.table([[f"b{n}" for n in range(base)]], schema=schema))
    theirs = bench.table(pyarrow.table([[f"c{n}" for n in range(contributed)]], schema=schema))
    table = together(ours, theirs, (base, contributed), strategy, shuffle).to_pyarrow()
    return [str(value) for value in table.column("v").to_pylist()]


def test_interleave_spreads_both_sides_evenly_and_in_order(bench: Any) -> None:
    assert rows(bench, 6, 2, INTERLEAVE) == ["b0", "b1", "c0", "b2", "b3", "b4", "c1", "b5"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(base=st.integers(0, 30), contributed=st.integers(0, 30))
def test_interleave_keeps_every_row_once_and_each_side_in_order(bench: Any, base: int, contributed: int) -> None:
    came = rows(bench, base, contributed, INTERLEAVE)
    for side, count in (("b", base), ("c", contributed)):
        assert [value for value in came if value[0] == side] == [f"{side}{n}" for n in range(count)]
    # Even: the side's n-th row stands within one row of its share of the whole.
    for place, value in enumerate(came):
        side, number = (base, int(value[1:])) if value[0] == "b" else (contributed, int(value[1:]))
        assert abs(place + 0.5 - (number + 0.5) * len(came) / side) <= 1


def test_weighted_leaves_out_rows_of_the_side_that_has_too_many(bench: Any) -> None:
    came = rows(bench, 100, 15, weighted(0.7))
    assert Counter(value[0] for value in came) == {"b": 35, "c": 15}
    assert len(set(came)) == 50


def test_weighted_oversampling_repeats_rows_of_the_scarcer_side(bench: Any) -> None:
    came = rows(bench, 70, 12, weighted(0.7, "oversample"))
    assert Counter(value[0] for value in came) == {"b": 70, "c": 30}
    repeats = Counter(value for value in came if value[0] == "c")
    assert set(repeats.values()) == {2, 3}
    assert len(repeats) == 12


def test_sample_weight_keeps_all_rows_and_their_weights_have_the_shares(bench: Any) -> None:
    ours, theirs = bench.table({"v": [1] * 8}), bench.table({"v": [2] * 2})
    table = together(ours, theirs, (8, 2), weighted(0.5, "sample_weight"), None).to_pyarrow().to_pylist()
    shares = Counter[int]()
    for row in table:
        shares[row["v"]] += row["sample_weight"]
    assert len(table) == 10
    assert shares == pytest.approx({1: 5.0, 2: 5.0})


def test_the_seed_decides_which_rows_are_sampled(bench: Any) -> None:
    first, again, other = (rows(bench, 50, 5, weighted(0.5, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert set(first) != set(other)


def test_shuffle_is_a_permutation_that_its_seed_decides(bench: Any) -> None:
    first, again, other = (rows(bench, 40, 10, INTERLEAVE, shuffle=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other) == sorted(rows(bench, 40, 10, INTERLEAVE))


@pytest.mark.parametrize("sampling", ["without_replacement", "oversample"])
def test_weighted_with_an_empty_side_keeps_the_other(bench: Any, sampling: str) -> None:
    assert rows(bench, 3, 0, weighted(0.7, sampling)) == ["b0", "b1", "b2"]
    assert rows(bench, 0, 2, weighted(0.7, sampling)) == ["c0", "c1"]
    assert rows(bench, 0, 0, weighted(0.7, sampling)) == []


def test_weights_of_all_rows_are_floats_also_where_a_side_has_one_row(bench: Any) -> None:
    ours, theirs = bench.table({"v": [1]}), bench.table({"v": [2] * 3})
    table = together(ours, theirs, (1, 3), weighted(0.5, "sample_weight"), None)
    assert str(table.schema()["sample_weight"]).startswith("float64")
    weights = table.to_pyarrow().to_pylist()
    assert sorted({(row["v"], row["sample_weight"]) for row in weights}) == [(1, 2.0), (2, pytest.approx(2 / 3))]


def test_what_is_drawn_is_the_same_on_every_machine_and_in_every_version(bench: Any) -> None:
    """A seed that someone wrote down gives the rows that it gave: these are what version 0.1 drew."""
    assert rows(bench, 9, 3, weighted(0.5, seed=7)) == ["b1", "c0", "b2", "c1", "b6", "c2"]
    repeated = rows(bench, 4, 1, weighted(0.5, "oversample", seed=7))
    assert repeated == ["b0", "c0", "b1", "c0", "b2", "c0", "b3", "c0"]
    assert rows(bench, 4, 2, INTERLEAVE, shuffle=7) == ["b2", "b0", "b3", "c0", "b1", "c1"]


def test_both_sides_are_drawn_from_by_draws_of_their_own(bench: Any) -> None:
    """Were it one draw for both, the same places of both sides would be taken."""
    both = rows(bench, 40, 40, weighted(0.5, "oversample"))
    assert len(both) == 80
    ours = {value[1:] for value in rows(bench, 40, 20, weighted(0.5)) if value[0] == "b"}
    theirs = {value[1:] for value in rows(bench, 20, 40, weighted(0.5)) if value[0] == "c"}
    assert len(ours) == len(theirs) == 20
    assert ours != theirs


def test_rows_come_once_each_before_any_comes_again(bench: Any) -> None:
    came = [value for value in rows(bench, 14, 4, weighted(0.7, "oversample")) if value[0] == "c"]
    assert len(came) == 6
    assert came[:4] == ["c0", "c1", "c2", "c3"]
    assert came[4] < came[5]


def test_lineage_goes_with_its_row_and_other_columns_of_the_stage_do_not(bench: Any) -> None:
    ours, theirs = (
        bench.table({"v": [side], "_submission": [f"s{side}"], "_contributor": [f"p{side}"], "_problems": ["x"]})
        for side in (1, 2)
    )
    table = together(ours, theirs, (1, 1), INTERLEAVE, None).to_pyarrow()
    assert table.to_pylist() == [{"v": n, "_submission": f"s{n}", "_contributor": f"p{n}"} for n in (1, 2)]


def test_one_row_is_repeated_as_often_as_is_asked(bench: Any) -> None:
    assert Counter(value[0] for value in rows(bench, 6, 1, weighted(0.75, "oversample"))) == {"b": 6, "c": 2}


def test_positions_do_not_reach_the_outcome(bench: Any) -> None:
    ours, theirs = bench.table({"v": [1] * 8}), bench.table({"v": [2]})
    for sampling in ("without_replacement", "oversample"):
        assert together(ours, theirs, (8, 1), weighted(0.5, sampling), 3).columns == ("v",)


@pytest.mark.duckdb("Spark has its own way to sort what does not fit")
@pytest.mark.parametrize("at_once", ["all", "two"])
def test_what_is_sorted_in_parts_is_sorted_as_a_whole(
    bench: Any, monkeypatch: pytest.MonkeyPatch, at_once: str
) -> None:
    ours = bench.table({"v": [f"b{n}" for n in range(5000)]})
    theirs = bench.table({"v": [f"c{n}" for n in range(700)]})
    for shuffle in (None, 7):
        table = merged(ours, theirs, (5000, 700), INTERLEAVE, shuffle)
        wanted = table.order_by(*ORDER).drop(*ORDER, SHARE).to_pyarrow()
        monkeypatch.setattr("tidegate.engines.duckdb.engine._SORTED", 50_000 / 2**32)
        if at_once == "two":
            monkeypatch.setattr("tidegate.engines.duckdb.engine._WAITING", 0)
        files = bench.engine.write_in_order(table, ORDER, SHARE, bench.folder / f"parts-{shuffle}")
        assert len(files) > 3
        assert max(file.rows for file in files) < 2 * min(file.rows for file in files), "evenly"
        came = pyarrow.concat_tables([pyarrow.parquet.read_table(file.path) for file in files])
        assert came.column_names == ["v"]
        assert came.column("v").to_pylist() == wanted.column("v").to_pylist()
        monkeypatch.undo()


def test_the_share_of_a_shuffled_row_is_where_its_hash_lies(bench: Any) -> None:
    """Rows are dealt out by it to parts that are sorted each, so it may never fall where the order rises."""
    side = bench.table(pyarrow.table({"v": [str(n) for n in range(5_000)]}))
    table = merged(side, side, (5_000, 5_000), INTERLEAVE, 3).select(ORDER[0], SHARE).to_pyarrow()
    for order, share in zip(*(column.to_pylist() for column in table.columns), strict=True):
        assert share == int(order[:3], 16) / 4096


def test_a_weight_is_its_share_to_the_last_bit(bench: Any) -> None:
    """DuckDB takes a number that is written out for a decimal, and its cast to a float may be off by one."""
    ours, theirs = bench.table({"v": [1] * 6}), bench.table({"v": [2]})
    table = together(ours, theirs, (6, 1), weighted(0.7, "sample_weight"), None).to_pyarrow()
    assert set(table["sample_weight"].to_pylist()) == {0.7 * 7 / 6, (1 - 0.7) * 7}
