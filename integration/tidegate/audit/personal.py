"""Likely personal data in columns that the contract does not mark: which columns, of which kinds, in which records.

Most columns hold none, so they are ruled out by ever dearer questions, each asked of those that are left: how long the
cells are, whether one matches any kind's pattern, which kind's, and whether the candidate's check digit is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidegate.audit.personal_kinds import HINTS, KINDS, Kind
from tidegate.columns import RECORD, Column
from tidegate.engines import DataFile, Engine
from tidegate.engines.conditions import any_of

_CELL = "_cell"
_AT_ONCE = 100  # columns in a query
_BATCH_ROWS, _BATCH_CHARACTERS = 65_536, 16_000_000
_CARD = "credit_card"
_FEW = 20  # candidates, of which no share says anything

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What one column holds.

    Attributes:
        kinds: per kind how many records hold one.
        cells: how many records hold any.
        records: a table of `_record`, those that do.
    """

    column: Column
    kinds: dict[str, int]
    cells: int
    records: tuple[DataFile, ...]


def find_personal(engine: Engine, rows: ir.Table, columns: Sequence[Column], folder: Path) -> tuple[Found, ...]:
    """Look through the text of those of the columns that are not marked personal.

    Args:
        folder: where the candidates are written, as Parquet; what remains there is which records hold some.
    """
    looked_at = [column for column in columns if _is_looked_at(column)]
    longest = _per_column(rows, looked_at, lambda column: _text(rows, column).length().max())
    kinds = {name: [kind for kind in KINDS if kind.shortest <= most] for name, most in longest.items()}
    looked_at = [column for column in looked_at if kinds[column.name]]
    matching = _per_column(rows, looked_at, lambda column: _any(_text(rows, column), kinds[column.name]).sum())
    found = []
    for number, column in enumerate(looked_at):
        if not matching[column.name]:
            continue
        path, batch = folder / f"personal-{number}.parquet", max(1, _BATCH_CHARACTERS // longest[column.name])
        written = _write_candidates(engine, rows, column, kinds[column.name], path.with_suffix(".candidates"))
        each = _confirmed(written, kinds[column.name], path, min(batch, _BATCH_ROWS))
        for file in written:
            file.path.unlink()
        if each.cells:
            found.append(Found(column, each.kinds, each.cells, (DataFile(path=each.path, rows=each.cells),)))
    return tuple(found)


def _is_looked_at(column: Column) -> bool:
    """Whether a column holds text that its contract does not spell out itself."""
    return not column.personal and column.categories is None and "string" in column.type


def _text(rows: ir.Table, column: Column) -> Any:
    return rows[column.name].cast("json").cast("string") if column.nested else rows[column.name]


def _per_column(rows: ir.Table, columns: Sequence[Column], measure: Any) -> dict[str, int]:
    """One whole number per column, of as many columns at once as a query takes well; 0 for null."""
    told: dict[str, int] = {}
    for start in range(0, len(columns), _AT_ONCE):
        part = columns[start : start + _AT_ONCE]
        measured = rows.aggregate(**{f"m{n}": measure(column) for n, column in enumerate(part)}).to_pyarrow()
        told |= {column.name: int(measured[f"m{n}"][0].as_py() or 0) for n, column in enumerate(part)}
    return told


def _any(text: Any, kinds: Sequence[Kind]) -> ir.BooleanValue:
    """Whether a text matches one of the patterns: to match all of them at once takes as long as one."""
    together = text.re_search("|".join(f"(?:{kind.pattern})" for kind in kinds))
    # Only `ifelse` is sure to spare the pattern what is on its other branch.
    return ibis.ifelse(any_of([text.contains(hint) for hint in HINTS]), together, False).fill_null(False)


def _write_candidates(
    engine: Engine, rows: ir.Table, column: Column, kinds: Sequence[Kind], path: Path
) -> tuple[DataFile, ...]:
    matching = rows.select(RECORD, **{_CELL: _text(rows, column)})
    matching = matching.filter(_any(matching[_CELL], kinds))
    of_kind = {kind.name: matching[_CELL].re_search(kind.pattern) for kind in kinds}
    return engine.write(matching.mutate(**of_kind), path)


class _Tally:
    """The records that hold some, written to a file and counted."""

    def __init__(self, path: Path) -> None:
        self.path, self.cells = path, 0
        self.kinds: dict[str, int] = {}
        self._writer = pq.ParquetWriter(path, pa.schema([(RECORD, pa.int64())]))

    def add(self, records: pa.Array, masks: Mapping[str, _Mask]) -> None:
        """A batch: its record numbers, and per kind which of them hold one."""
        held = np.zeros(len(records), dtype=bool)
        for kind, mask in masks.items():
            if count := int(mask.sum()):
                self.kinds[kind] = self.kinds.get(kind, 0) + count
            held |= mask
        self._writer.write_table(pa.table({RECORD: records.filter(pa.array(held)).cast(pa.int64())}))
        self.cells += int(held.sum())

    def close(self) -> None:
        """The file is whole after this."""
        self._writer.close()


def _confirmed(candidates: Sequence[DataFile], kinds: Sequence[Kind], path: Path, batch_rows: int) -> _Tally:
    """Write the records that hold one to a file that begins with `path`, and count them."""
    every, without = _Tally(path.with_suffix(".all.parquet")), _Tally(path.with_suffix(".some.parquet"))
    looking = being = 0  # cells of digits alone that look like a card's number, and that are one
    batches = (batch for file in candidates for batch in pq.ParquetFile(file.path).iter_batches(batch_rows))
    for batch in batches:
        masks = {kind.name: _mask(batch, kind) for kind in kinds}
        every.add(batch.column(RECORD), masks)
        if _CARD in masks:
            alone = _of_digits(batch)
            looking += int((alone & _flags(batch, _CARD)).sum())
            being += int((alone & masks[_CARD]).sum())
            masks[_CARD] &= ~alone
        without.add(batch.column(RECORD), masks)
    every.close()
    without.close()
    # A check digit is right by chance in one of ten: these are numbers of another kind, such as of orders.
    chosen, other = (without, every) if looking >= _FEW and being < looking / 2 else (every, without)
    other.path.unlink()
    return chosen


def _mask(batch: pa.RecordBatch, kind: Kind) -> _Mask:
    """Which of the rows hold one."""
    flags = _flags(batch, kind.name)
    if kind.confirmed is not None and flags.any():
        # Equal cells of a batch are looked at once.
        cells = batch.column(_CELL).filter(pa.array(flags)).dictionary_encode()
        right = np.array([kind.within(text) for text in cells.dictionary.to_pylist()], dtype=bool)
        flags[flags] = right[cells.indices.to_numpy()]
    return flags


def _flags(batch: pa.RecordBatch, kind: str) -> _Mask:
    flags: _Mask = batch.column(kind).to_numpy(zero_copy_only=False).astype(bool, copy=True)
    return flags


def _of_digits(batch: pa.RecordBatch) -> _Mask:
    alone: _Mask = pc.match_substring_regex(batch.column(_CELL), "^[0-9]+$").to_numpy(zero_copy_only=False)
    return alone
