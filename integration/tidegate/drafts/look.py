"""What columns a file has, before it is staged: the header of a CSV, the keys of JSON, Parquet's schema.

The file is its owner's own. What is looked at here says only how it is staged, where nothing is believed.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandera.engines import pandas_engine

from tidegate.columns import RESERVED, Column
from tidegate.config import Resources
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.readers.csv_syntax import DELIMITERS, grammar
from tidegate.readers.json_split import elements, lines
from tidegate.readers.json_text import JsonError, NotANumber, Number, parse
from tidegate.registry.dtypes import SUPPORTED, kind_of

_WINDOW = 1 << 20
_SAMPLE = 10
_INT64 = range(-(2**63), 2**63)

Kind: TypeAlias = Any
"""What cells of JSON are: an Arrow type. (Arrow has no types of its own for checkers.)"""
_OBJECT, _NONE = pa.struct([]), pa.binary()
"""An object as a cell, into which nobody looks, and what is no column's: NaN, or a list of texts and numbers."""


@dataclass(frozen=True)
class Looked:
    """The columns of a file.

    Attributes:
        columns: of types in which nothing is lost; text may turn out to be more.
        absent: per column the records that leave it out, in JSON.
        kinds: per column how many records have which kind, where they have several.
    """

    columns: tuple[Column, ...]
    absent: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)


def look(plain: Path, uri: str, form: Literal["csv", "json", "jsonl", "parquet"], limits: Resources) -> Looked:
    """Look at a file.

    Raises:
        SourceUnreadable: it has no columns, or no record.
        Misuse: a column has a name or a type that no contract can have.
    """
    if form == "csv":
        looked = Looked(tuple(Column(name, "string") for name in _header(plain, uri)))
    elif form == "parquet":
        looked = Looked(tuple(_of_arrow(field) for field in pq.read_schema(plain)))
    else:
        looked = _of_records(plain, form, limits)
    if not looked.columns:
        raise SourceUnreadable(f"{uri} has no columns.", "A contract is drafted from a file with records.")
    for column in looked.columns:
        if column.name.startswith("_") or column.name.lower() in RESERVED:
            raise Misuse(f"{uri} has a column {column.name!r}, a name of Tidegate's own.", "Rename it.")
    return looked


def _header(plain: Path, uri: str) -> list[str]:
    with plain.open("rb") as file:
        head = file.read(_WINDOW).removeprefix(codecs.BOM_UTF8)
    head = head if head.endswith((b"\n", b"\r")) else head + b"\n"
    found = [names for delimiter in DELIMITERS if (names := _names(head, delimiter)) is not None]
    if not found:
        raise SourceUnreadable(f"{uri} has no header that can be read.", "The first line must name the columns.")
    return max(found, key=len)


def _names(head: bytes, delimiter: str) -> list[str] | None:
    """The names in the first record, where most of the next ones have as many fields."""
    syntax = grammar(delimiter)
    match = syntax.record.match(head)
    if match is None:
        return None
    names = [name.decode(errors="replace") for name in syntax.fields(match[0])]
    position, agreeing, others = match.end(), 0, 0
    while agreeing + others < _SAMPLE and (record := syntax.record.match(head, position)) is not None:
        position = record.end()
        if syntax.count(record[0]) == len(names):
            agreeing += 1
        else:
            others += 1
    return names if agreeing >= others else None


def _of_arrow(found: pa.Field) -> Column:
    if pa.types.is_null(found.type):
        return Column(found.name, "string")
    try:
        kind = kind_of(pandas_engine.Engine.dtype(pd.ArrowDtype(found.type)))
    except (TypeError, NotImplementedError):
        kind = None
    if kind is None:
        raise Misuse(f"The column {found.name!r} has the type {found.type}, which no contract can have.",
                     f"Supported: {SUPPORTED}.")  # fmt: skip
    return Column(found.name, kind.type, duration=kind.duration)


def _of_records(plain: Path, form: Literal["json", "jsonl"], limits: Resources) -> Looked:
    """The keys of all records. What is no record counts for nothing: staging tells of it."""
    kinds: dict[str, Counter[Kind]] = {}
    records = 0
    for record in lines(plain) if form == "jsonl" else elements(plain):
        try:
            value = parse((record.text or b"").decode(), limits.max_depth)
        except (JsonError, UnicodeDecodeError):
            continue
        if type(value) is dict:
            records += 1
            for name, cell in value.items():
                kinds.setdefault(name, Counter())[_OBJECT if type(cell) is dict else _kind(cell)] += 1
    found = {name: _together(counted) for name, counted in kinds.items()}
    return Looked(
        tuple(_column(name, kind) for name, (kind, _) in found.items()),
        {name: records - counted.total() for name, counted in kinds.items() if counted.total() < records},
        {name: {_spelled(k): n for k, n in kinds[name].items()} for name, (_, several) in found.items() if several},
    )


def _column(name: str, kind: Kind) -> Column:
    return Column(name, "string", json=True) if kind == _OBJECT else Column(name, _spelled(kind))


def _together(counted: Counter[Kind]) -> tuple[Kind, bool]:
    """One kind for all cells; where there is none, the most frequent, and that there are several."""
    together: Kind | None = pa.null()
    for kind in counted:
        together = None if together is None else _both(together, kind)
    if together is not None and _can_be_column(together):
        return together, False
    able = [kind for kind in counted if _can_be_column(kind)]
    return max(able, key=lambda kind: counted[kind], default=pa.null()), True


def _kind(value: Any) -> Kind:
    """The kind of a parsed JSON value, with `_NONE` in it where no column can have it."""
    if value is None:
        return pa.null()
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, NotANumber):
        return _NONE
    if isinstance(value, Number):
        whole = re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", value) is not None and str(int(value)) == value
        return pa.int64() if whole and int(value) in _INT64 else pa.float64()
    if isinstance(value, str):
        return pa.string()
    if isinstance(value, list):
        inner: Kind | None = pa.null()
        for each in value:
            inner = None if inner is None else _both(inner, _kind(each))
        return _NONE if inner is None else pa.list_(inner)
    if any(re.search("[:<>,]", name) or name != name.strip() for name in value):
        return _NONE  # a name that the spelling of a type has no room for
    return pa.struct([(name, _kind(each)) for name, each in value.items()])


def _both(one: Kind, other: Kind) -> Kind | None:
    """The kind that takes cells of either, or None."""
    types = pa.types
    if types.is_null(one) or types.is_null(other) or one == other:
        return other if types.is_null(one) else one
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if types.is_list(one) and types.is_list(other):
        inner = _both(one.value_type, other.value_type)
        return None if inner is None else pa.list_(inner)
    if not (types.is_struct(one) and types.is_struct(other)):
        return None
    fields = {part.name: part.type for part in one}
    for part in other:
        together = _both(fields[part.name], part.type) if part.name in fields else part.type
        if together is None:
            return None
        fields[part.name] = together
    return pa.struct(list(fields.items()))


def _can_be_column(kind: Kind, within: bool = False) -> bool:
    if pa.types.is_list(kind):
        return _can_be_column(kind.value_type, within=True)
    if pa.types.is_struct(kind):
        return not within if kind == _OBJECT else all(_can_be_column(part.type, within=True) for part in kind)
    return bool(kind != _NONE)


def _spelled(kind: Kind) -> str:
    """A kind in Ibis' spelling. What was never seen with a value is taken for text."""
    if kind == _OBJECT:
        return "object"
    if pa.types.is_list(kind):
        return f"array<{_spelled(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{part.name}: {_spelled(part.type)}' for part in kind)}>"
    return {"double": "float64", "bool": "boolean", "null": "string"}.get(str(kind), str(kind))
