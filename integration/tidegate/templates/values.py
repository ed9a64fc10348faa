"""Made-up cells of a column, as JSON spells them: obviously made up, and such that the column's own rules take them."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from tidegate.columns import Column
from tidegate.describe.said import arguments_of
from tidegate.readers.nested import arrow_type
from tidegate.registry import Contract, Rule
from tidegate.registry.frames import series_of
from tidegate.registry.probe import answers
from tidegate.templates.patterns import matches_of

_TRIED = 60
"""How many made-up cells are held against the rules; they are few, and most columns take the first."""


def made_up(contract: Contract, column: Column) -> list[Any]:
    """Cells that all rules of the column take, none twice; empty where none could be made up."""
    rules = [rule for rule in contract.rules if rule.column == column.name and rule.definition is not None]
    cells: list[Any] = []
    for cell in _candidates(column, rules):
        if cell not in cells:
            cells.append(cell)
        if len(cells) == _TRIED:
            break
    return _taken(contract, column, rules, cells)


def _taken(contract: Contract, column: Column, rules: Sequence[Rule], cells: list[Any]) -> list[Any]:
    """Those of the cells that Pandera's own checks take, custom ones among them."""
    try:
        cells_of_type = pa.array([as_arrow(column, cell) for cell in cells], arrow_of(column))
        series = series_of(
            pa.chunked_array([cells_of_type]), contract.definitions[column.name], pd.RangeIndex(len(cells))
        )
        passing = pd.Series(True, series.index)
        for rule in rules:
            answer = answers(rule.definition, series) if rule.definition is not None else None
            passing &= answer if answer is not None else False
    except Exception:  # noqa: BLE001 - the author's code may raise anything over cells that we made up
        return []
    return [cell for cell, taken in zip(cells, passing, strict=True) if taken]


def arrow_of(column: Column) -> pa.DataType:
    """The type of the column in a file of Parquet."""
    return pa.duration("us") if column.duration else arrow_type(column.type)


def as_arrow(column: Column, cell: Any) -> Any:
    """A cell as Arrow takes it."""
    if cell is None:
        return None
    if column.json:
        return cell if isinstance(cell, str) else json.dumps(cell, separators=(",", ":"))
    if column.duration:
        return pd.Timedelta(cell).to_pytimedelta() if isinstance(cell, str) else cell
    return _as_arrow(arrow_type(column.type), cell)


def _as_arrow(kind: pa.DataType, cell: Any) -> Any:
    types = pa.types
    if cell is None:
        return None
    if types.is_list(kind):
        return [_as_arrow(kind.value_type, each) for each in cell]
    if types.is_struct(kind):
        return {field.name: _as_arrow(field.type, cell.get(field.name)) for field in kind}
    if types.is_date(kind):
        return datetime.date.fromisoformat(cell)
    if types.is_timestamp(kind):
        return datetime.datetime.fromisoformat(cell)
    if types.is_decimal(kind):
        return decimal.Decimal(str(cell))
    return cell


def _candidates(column: Column, rules: Sequence[Rule]) -> Iterator[Any]:
    said = {rule.check: arguments for rule in rules if (arguments := arguments_of(rule)) is not None}
    if column.categories is not None:
        yield from column.categories
    elif "equal_to" in said:
        yield said["equal_to"]["value"]
    elif "isin" in said:
        yield from said["isin"]["allowed_values"]
    elif column.json:
        yield from ({"made_up": number} for number in range(1, _TRIED))
    elif column.duration:
        yield from (f"PT{number}M" for number in range(1, _TRIED))
    elif column.type == "string":
        yield from _texts(column, said)
    elif column.type == "boolean":
        yield from (True, False)
    elif column.numeric:
        yield from _numbers(column, said)
    else:
        yield from (_of_type(arrow_type(column.type), number) for number in range(1, _TRIED))


def _texts(column: Column, said: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Texts that say that they are made up, or else such as a rule asks for."""
    start = said.get("str_startswith", {}).get("string", "")
    end = said.get("str_endswith", {}).get("string", "")
    word = "made-up" if column.personal else "example"
    length = said.get("str_length", {})
    most = length.get("exact_value") or length.get("max_value")
    least = length.get("exact_value") or length.get("min_value") or 0
    for check in ("str_matches", "str_contains"):
        if check in said:
            yield from matches_of(said[check]["pattern"], _TRIED)
    for number in range(1, _TRIED):
        text = f"{start}{word}-{number}{end}"
        if most is not None and len(text) > most:
            text = f"{start}{str(number).rjust(max(1, least - len(start) - len(end)), 'x')}{end}"
        yield text.ljust(least, "x") if not end else text


def _numbers(column: Column, said: dict[str, dict[str, Any]]) -> Iterator[Any]:
    """Numbers from the lowest that a rule allows upwards, and the middle first where there are two bounds."""
    whole = "int" in column.type
    low, high = _ends(said)
    if low is not None and high is not None and high - low < 1e300:
        middle = low + (high - low) / 2
        yield int(middle) if whole else round(middle, 6)
    step = 1 if whole or low is None or high is None or high - low > 2 * _TRIED else (high - low) / (2 * _TRIED)
    start = low if low is not None and low > -1e300 else high - _TRIED if high is not None and high < 1e300 else 0
    for number in range(1, _TRIED):
        value = start + number * step
        yield int(value) if whole else round(float(value), 6)
    yield from (int(end) if whole else float(end) for end in (low, high) if end is not None)


def _ends(said: dict[str, dict[str, Any]]) -> tuple[Any, Any]:
    lows = [
        said[check]["min_value"] for check in ("greater_than", "greater_than_or_equal_to", "in_range") if check in said
    ]
    highs = [said[check]["max_value"] for check in ("less_than", "less_than_or_equal_to", "in_range") if check in said]
    return max(lows, default=None), min(highs, default=None)


def _of_type(kind: pa.DataType, number: int) -> Any:
    """A made-up value of a type."""
    types = pa.types
    if types.is_list(kind):
        return [_of_type(kind.value_type, number)]
    if types.is_struct(kind):
        return {field.name: _of_type(field.type, number) for field in kind}
    if types.is_date(kind):
        return f"2026-01-{number % 28 + 1:02}"
    if types.is_timestamp(kind):
        return f"2026-01-{number % 28 + 1:02}T{number % 24:02}:00:00{'Z' if kind.tz else ''}"
    if types.is_boolean(kind):
        return number % 2 == 0
    if types.is_string(kind):
        return f"made-up-{number}"
    return number / 100 if types.is_floating(kind) else number
