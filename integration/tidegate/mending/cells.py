"""The cells that failed, and what each column's failing cells tell together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

from tidegate.audit.hints import choices_of
from tidegate.audit.slips import Evidence, Mended, wanted
from tidegate.columns import RECORD
from tidegate.judgement import Judgement
from tidegate.receipt import MendedCells

MENDABLE = ("cell-type", "rule-failed", "invisible-character")
"""Codes of the quarantine that are about one cell."""


@dataclass
class FailingCells:
    """The failing cells of a submission, as places: which record, which column.

    Attributes:
        columns: the columns in which any fails.
        records: record numbers, in order.
        places: beside each record number the place of its column in `columns`.
    """

    columns: tuple[str, ...]
    records: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]

    def within(self, first: int, count: int) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """Of `count` records from the record number `first` on: per column the rows, from 0, in which it fails."""
        start, end = np.searchsorted(self.records, [first, first + count])
        for place in np.unique(self.places[start:end]):
            chosen = self.places[start:end] == place
            yield self.columns[place], self.records[start:end][chosen] - first


def failing_cells(judgement: Judgement) -> FailingCells:
    """Every cell for which a record is kept out, once."""
    told = judgement.quarantined
    cells = told.filter(told["code"].isin(MENDABLE) & told["column"].notnull())
    found = cells.select(RECORD, "column").distinct().order_by(RECORD, "column").to_pyarrow()
    names = found["column"].combine_chunks().dictionary_encode() if found.num_rows else None
    if names is None:
        return FailingCells((), np.empty(0, np.int64), np.empty(0, np.int64))
    return FailingCells(
        tuple(names.dictionary.to_pylist()),
        found[RECORD].to_numpy().astype(np.int64),
        names.indices.to_numpy().astype(np.int64),
    )


def unreadable_records(judgement: Judgement) -> npt.NDArray[np.int64]:
    """The records that are malformed as a whole, so that none of their cells is known."""
    told = judgement.quarantined
    whole = told.filter(told["code"].notin((*MENDABLE, "duplicate", "leaked", "missing-dropped", "wrong-columns")))
    return _records(whole)


def failing_records(judgement: Judgement) -> npt.NDArray[np.int64]:
    """The records that are malformed or fail a rule."""
    return _records(kept_out(judgement))


def duplicate_records(judgement: Judgement) -> npt.NDArray[np.int64]:
    """The records that are kept out because another one has their key."""
    told = judgement.quarantined
    return _records(told.filter(told["code"] == "duplicate"))


def kept_out(judgement: Judgement) -> ir.Table:
    """Of the quarantine those records, and not what is kept out for what is elsewhere, or by the configuration."""
    told = judgement.quarantined
    return told.filter(told["code"].notin(("duplicate", "leaked", "missing-dropped")))


def failing_rules(judgement: Judgement) -> list[str]:
    """The rules that those records fail, the one of most records first."""
    failing = kept_out(judgement)
    counted = failing.group_by("rule").aggregate(n=failing[RECORD].count())
    return [str(rule) for rule in counted.order_by(ibis.desc("n"), "rule")["rule"].to_pyarrow().to_pylist()]


def _records(told: ir.Table) -> npt.NDArray[np.int64]:
    found = told.select(RECORD).distinct().order_by(RECORD).to_pyarrow()
    return np.asarray(found[RECORD].to_numpy(), np.int64)


@dataclass
class Mender:
    """Mends the failing cells of a submission's columns, and notes what it did.

    Attributes:
        evidence: what the failing cells of each column tell.
    """

    evidence: dict[str, Evidence]
    _noted: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _settled: dict[tuple[str, str], list[npt.NDArray[np.int64]]] = field(default_factory=dict)

    @classmethod
    def of(cls, judgement: Judgement) -> Mender:
        """One that has seen no cell yet."""
        contract = judgement.contract
        allowed: dict[str, Sequence[object]] = {}
        for rule in contract.rules:
            choices = choices_of(rule)
            if rule.column is not None and choices is not None:
                allowed[rule.column] = choices
        return cls({c.name: Evidence(wanted(c, allowed.get(c.name))) for c in contract.columns})

    def mended(self, column: str, text: str, record: int) -> Mended | None:
        """A cell as its column takes it, if that is certain; it is noted."""
        found = self.evidence[column].mended(text)
        for slip in found.slips if found else ():
            self.note(column, slip, record)
        return found

    def note(self, column: str, slip: str, record: int) -> None:
        """Note that a cell was written anew."""
        self._noted.setdefault((column, slip), []).append(record)

    def settled(self, numbers: npt.NDArray[np.int64]) -> bool:
        """Take what was noted as done, and say whether that was anything.

        Args:
            numbers: the record numbers that the records have in the submission.
        """
        for cell, records in self._noted.items():
            self._settled.setdefault(cell, []).append(numbers[np.array(records) - 1])
        anything, self._noted = bool(self._noted), {}
        return anything

    def counted(self, lost: npt.NDArray[np.int64]) -> tuple[MendedCells, ...]:
        """How many cells were mended, the most frequent slip first, but for those of records that are left out."""
        counts = {cell: int((~np.isin(np.concatenate(some), lost)).sum()) for cell, some in self._settled.items()}
        ordered = sorted(counts.items(), key=lambda told: (-told[1], told[0]))
        return tuple(MendedCells(column=name, slip=slip, cells=cells) for (name, slip), cells in ordered if cells)
