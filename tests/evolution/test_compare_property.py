"""What is called compatible is: rows that are valid by one contract are valid by the other, as Pandera judges them.

``make parity`` holds Tidegate's verdicts to Pandera's, so here Pandera is asked; it is quick. ``EVOLUTION_CASES`` and
``EVOLUTION_SEED`` try more, and others.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow
from hypothesis import HealthCheck, assume, given, seed, settings
from tests.evolution.pairs import Drawn, Pair, pairs, series

from tidegate.errors import BrokenContract
from tidegate.evolution import Diff, Release, diff_of
from tidegate.registry import Model, contract_of

CASES = int(os.environ.get("EVOLUTION_CASES", "40"))
SEED = int(os.environ.get("EVOLUTION_SEED", "20261126"))


def judged(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> tuple[set[int], bool, pd.DataFrame | None]:
    """The rows that fail, whether something is wrong with the whole, and the frame with its defaults."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return set(), False, schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        rows = error.failure_cases["index"]
        return set(rows.dropna().astype(int)), bool(rows.isna().any()), None
    except pyarrow.ArrowException:  # numbers of several columns in one table of failures
        return set(), True, None


def valid(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> tuple[list[int], pd.DataFrame] | None:
    """The rows that are valid together, by their places, and as they come out of it."""
    places = list(range(len(frame)))
    for _ in range(4):
        failing, broken, filled = judged(schema, frame)
        if broken:
            return None
        if filled is not None:
            return (places, filled) if places else None
        places = [place for number, place in enumerate(places) if number not in failing]
        frame = frame.drop(index=sorted(failing)).reset_index(drop=True)  # Pandera stumbles over gaps
    return None


def framed(columns: dict[str, Drawn], rows: dict[str, list[Any]], places: Sequence[int]) -> pd.DataFrame | None:
    """The rows in the types of the columns; None where a cell cannot be so. Unknown columns are left out."""
    found = {
        name: series(columns[name].kind, [cells[place] for place in places])
        for name, cells in rows.items()
        if name in columns
    }
    return None if any(one is None for one in found.values()) else pd.DataFrame(found, index=range(len(places)))


def release(schema: pa.DataFrameSchema, folder: Path, version: str) -> Release:
    path = folder / "contracts" / "case" / f"v1_{version}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return Release(contract_of(Model(path, schema, "")), None)


def test_what_is_called_compatible_is(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    tried = {"pairs": 0, "for contributors": 0, "for consumers": 0}

    @seed(SEED)
    @settings(
        max_examples=CASES, deadline=None, database=None, print_blob=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )  # fmt: skip
    @given(pair=pairs())
    def judge(pair: Pair) -> None:
        try:
            old, new = (release(one, tmp_path, str(n)) for n, one in enumerate((pair.old, pair.new)))
        except BrokenContract:
            assume(False)
        told = diff_of(old, new)
        tried["pairs"] += 1
        tried["for contributors"] += contributors_hold(pair, told)
        tried["for consumers"] += consumers_hold(pair, told)

    judge()
    record_property("evolution", f"{tried} from seed {SEED}")
    assert tried["for contributors"] > tried["pairs"] / 20
    assert tried["for consumers"] > tried["pairs"] / 20


def contributors_hold(pair: Pair, told: Diff) -> bool:
    """Whether it could be tried that rows which were valid still are."""
    if told.contributors != "compatible":
        return False
    count = len(next(iter(pair.rows.values()), []))
    frame = framed(pair.old_columns, pair.rows, range(count))
    extra = set(pair.rows) - set(pair.old_columns)
    kept = None if frame is None or (extra and pair.old.strict) else valid(pair.old, frame)
    if kept is None:
        return False
    again = framed(pair.new_columns, pair.rows, kept[0])
    assert again is not None, f"cells are none of the new types: {pair}"
    if pair.new.strict:  # what the file has and the contract has not
        assert set(pair.rows) <= set(pair.new_columns), told
    failing, broken, _ = judged(pair.new, again)
    assert not broken, (told, again)
    assert failing == set(), (told, again)
    return True


def consumers_hold(pair: Pair, told: Diff) -> bool:
    """Whether it could be tried that what is valid now would have been valid."""
    if told.consumers != "compatible":
        return False
    count = len(next(iter(pair.rows.values()), []))
    frame = framed(pair.new_columns, pair.rows, range(count))
    kept = None if frame is None else valid(pair.new, frame)
    if kept is None:
        return False
    assert set(pair.old_columns) <= set(pair.new_columns), told
    places, filled = kept
    read = {name: [None if pd.isna(one) else one for one in filled[name]] for name in filled.columns}
    again = framed(pair.old_columns, read, range(len(places)))
    assert again is not None, f"cells are none of the old types: {pair}"
    pair.old.strict, pair.old.ordered = False, False
    failing, broken, _ = judged(pair.old, again)
    assert not broken, (told, again)
    assert failing == set(), (told, again)
    return True
