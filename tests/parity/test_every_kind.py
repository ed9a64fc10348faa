"""Every lowered rule on every kind of column, at every boundary: a fault planted in any of them is noticed here."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pytest
from tests.parity.cases import Case
from tests.parity.compare import contract_for, differences, ours, theirs
from tests.parity.kinds import KINDS

from tidegate.audit.lowering import lower
from tidegate.config import load_config
from tidegate.engines import Engine, open_engine

UTC = datetime.UTC
DAYS = [datetime.datetime.fromisoformat(f"2026-01-0{day}T12:00:00.000001") for day in (1, 2, 3, 4)]
FLOATS = [-1.5, 0.0, 0.1, 0.5, 2.0, float("inf"), float("-inf")]
SAMPLES: dict[str, list[Any]] = {
    "float": FLOATS,
    "bool": [True, False],
    "decimal": [decimal.Decimal(text) for text in ("-1.50", "0.00", "0.01", "9999.99")],
    "date": [day.date() for day in DAYS],
    "stamp": DAYS,
    "zoned": [day.replace(tzinfo=UTC) for day in DAYS],
    "duration": [datetime.timedelta(hours=hours, microseconds=1) for hours in (-1, 0, 1, 2)],
    "category": ["a", "b", "ab", "ä"],
    "ordered": ["low", "mid", "high"],
    "numbered": [3, 1, 2],
    "text": ["", "a", "ab", "ab\n", "b", "ä", "aé", "A"],
    "signed": [-2, -1, 0, 1, 2, 100],
    "unsigned": [0, 1, 2, 100, 200],
}
ORDERED = ["eq", "ne", "gt", "ge", "lt", "le", "range", "isin", "notin"]
UNORDERED = ["eq", "ne", "isin", "notin"]
COMPARED = ["eq", "ne", "gt", "ge", "lt", "le", "range"]


def family(name: str) -> str:
    for word, found in {
        "double": "float", "float": "float", "Float": "float", "bool": "bool", "decimal": "decimal", "date3": "date",
        "datetime64": "stamp", "Berlin": "zoned", "stamp UTC": "zoned", "UTC": "zoned", "timestamp": "stamp",
        "timedelta": "duration", "duration": "duration", "numbered": "numbered", "ordered": "ordered",
        "category": "category", "str": "text", "object": "text", "date": "date",
    }.items():  # fmt: skip
        if word in name:
            return found
    return "unsigned" if "uint" in name.lower() else "signed"


def lowered(name: str) -> set[str]:
    """Which families of checks an engine judges; Pandera has the rest."""
    if name in ("arrow list", "arrow struct"):
        return set()
    if name in ("bool", "boolean", "arrow bool") or "category" in name:
        return set(UNORDERED)
    if name == "arrow float":
        return set()
    return set(COMPARED) if name == "arrow double" else set(ORDERED)


SCALARS = [name for name in KINDS if name not in ("arrow list", "arrow struct")]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    folder = tmp_path_factory.mktemp("kinds")
    with open_engine(load_config({"schema_config": "case"}), folder) as opened:
        yield opened, folder


def checks_of(values: list[Any]) -> dict[str, list[pa.Check]]:
    """Per family of checks, one at each boundary."""
    pairs = [(low, high) for low in values for high in values if low < high]
    flags = [(True, True), (True, False), (False, True), (False, False)]
    found = {
        name: [getattr(pa.Check, name)(value) for value in values] for name in ("eq", "ne", "gt", "ge", "lt", "le")
    }
    found["range"] = [pa.Check.in_range(*pairs[n % len(pairs)], *flag) for n, flag in enumerate(flags)] if pairs else []
    for name in ("isin", "notin"):
        found[name] = [getattr(pa.Check, name)(values[:1]), getattr(pa.Check, name)(values[1:3])]
    return found


def judged(engine: tuple[Engine, Path], name: str, checks: list[pa.Check], cells: list[Any]) -> tuple[Any, list[Any]]:
    """The contract, and where the two judges differ."""
    opened, folder = engine
    kind = KINDS[name]
    staged = pyarrow.array(cells, kind.stage)
    staged = staged.cast(pyarrow.int64()) if pyarrow.types.is_duration(kind.stage) else staged
    schema = pa.DataFrameSchema({"a": pa.Column(kind.dtype, checks, nullable=True)})
    case = Case(schema, pd.DataFrame({"a": kind.series(cells)}), pyarrow.table({"a": staged}))
    contract = contract_for(case, folder)
    other = theirs(contract, case.frame)
    assert other is not None
    return contract, differences(contract, ours(opened, contract, case.table, folder), other)


def is_lowered(contract: Any, index: int) -> bool:
    rule = [rule for rule in contract.rules if rule.definition is not None][index]
    column = contract.column("a")
    kind = "timestamp('UTC', 6)" if "UTC" in column.type else column.type
    cell = ibis.table({"a": kind}, name="t")["a"]
    return lower(rule, column, contract.definitions["a"].dtype.type, cell) is not None


@pytest.mark.parametrize("name", SCALARS)
def test_comparisons(engine: tuple[Engine, Path], name: str) -> None:
    values = SAMPLES[family(name)]
    families = checks_of(values if "category" not in name else values[:2])
    wanted = lowered(name)
    families = {which: checks for which, checks in families.items() if which in wanted or name.startswith("arrow")}
    checks = [check for each in families.values() for check in each]
    cells = [*values, *values[:1], None] if KINDS[name].nulls else values
    contract, differing = judged(engine, name, checks, cells)
    assert differing == []
    names = [which for which, each in families.items() for _ in each]
    assert {which for n, which in enumerate(names) if is_lowered(contract, n)} == wanted & set(families)
    assert {which for n, which in enumerate(names) if not is_lowered(contract, n)} == set(families) - wanted


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.text])
def test_text(engine: tuple[Engine, Path], name: str) -> None:
    lengths = [(0, None), (1, None), (2, 2), (1, 2), (None, 1), (None, 0)]
    checks = [pa.Check.str_length(low, high) for low, high in lengths] + [pa.Check.str_length(exact_value=2)]
    checks += [pa.Check.str_startswith(text) for text in ("", "a", "ab", "ä")]
    checks += [pa.Check.str_endswith(text) for text in ("", "b", "\n", "é")]
    for pattern in ("a", "^a", "a$", "b$", "^ab$", "a|b", "[ab]{2}", r"\.", "(a)b"):
        checks += [pa.Check.str_matches(pattern), pa.Check.str_contains(pattern)]
    text = SAMPLES["text"] if name != "category" else SAMPLES["category"]
    contract, differing = judged(engine, name, checks, [*text, None])
    assert differing == []
    assert all(is_lowered(contract, n) for n in range(len(checks)))


@pytest.mark.parametrize(
    "pattern", ["", "^", "$", "^$", "a|", "|a", "(a|)", "()", "a||b", r"\d", "(?i)a", "[^a]", "a+?"]
)
def test_patterns_that_an_engine_reads_otherwise_go_to_pandera(engine: tuple[Engine, Path], pattern: str) -> None:
    checks = [pa.Check.str_matches(pattern), pa.Check.str_contains(pattern)]
    contract, differing = judged(engine, "str", checks, [*SAMPLES["text"], None])
    assert differing == []
    assert not any(is_lowered(contract, n) for n in range(2))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("int64", [1.5, True, "1", 2**53, -(2**53), None, np.float64(0.5)]),
        ("uint16", [-1]),
        ("float64", ["1", True, float("nan"), 2**53]),
        ("float32", [1e39, -1e39, float("nan")]),
        ("str", [1, "a\0", None]),
        ("bool", [1, 0, "True"]),
        ("date", [DAYS[0], pd.Timestamp(DAYS[0]), "2026-01-01"]),
        (
            "datetime64[us]",
            [DAYS[0].replace(tzinfo=UTC), pd.Timestamp("2026-01-01 00:00:00.000000001"), pd.NaT, "x", 1],
        ),
        ("UTC", [DAYS[0], "2026-01-01"]),
        ("timedelta64[us]", [1, "1h", np.timedelta64(1, "ns")]),
        ("decimal", [1.5, True, decimal.Decimal("0.001"), decimal.Decimal(10000), decimal.Decimal("NaN")]),
        ("arrow float", [0.5]),
    ],
)
def test_what_an_engine_could_read_otherwise_goes_to_pandera(
    engine: tuple[Engine, Path], name: str, values: list[Any]
) -> None:
    for value in values:
        schema = pa.DataFrameSchema({"a": pa.Column(KINDS[name].dtype, pa.Check.eq(value), nullable=True)})
        contract = contract_for(Case(schema, pd.DataFrame(), pyarrow.table({})), engine[1])
        assert not is_lowered(contract, 0), value


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("int64", [2**53 - 1, -(2**53) + 1, np.int64(3), 2.0]),
        ("float64", [2**53 - 1, np.float32(0.5)]),
        ("float32", [0.1, 1]),
        ("datetime64[us]", [np.datetime64("2026-01-01"), pd.Timestamp("2026-01-01")]),
        ("UTC", [pd.Timestamp("2026-01-01", tz="Europe/Berlin")]),
        ("timedelta64[us]", [np.timedelta64(1, "us"), pd.Timedelta("1h")]),
        ("decimal", [1, decimal.Decimal("1.5"), decimal.Decimal("1.500")]),
    ],
)
def test_the_same_value_in_another_dress_is_lowered(engine: tuple[Engine, Path], name: str, values: list[Any]) -> None:
    cells = SAMPLES[family(name)]
    contract, differing = judged(engine, name, [pa.Check.ge(value) for value in values], cells)
    assert differing == []
    assert all(is_lowered(contract, n) for n in range(len(values)))


@pytest.mark.parametrize(
    "check", [pa.Check.ge(0, ignore_na=False), pa.Check.ge(0, element_wise=True), pa.Check(lambda cells: cells >= 0)]
)
def test_options_that_change_the_question_go_to_pandera(engine: tuple[Engine, Path], check: pa.Check) -> None:
    schema = pa.DataFrameSchema({"a": pa.Column("float64", check, nullable=True)})
    assert not is_lowered(contract_for(Case(schema, pd.DataFrame(), pyarrow.table({})), engine[1]), 0)
