"""The cells that failed, and what each column's failing cells tell together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tidegate.audit.hints import choices_of
from tidegate.audit.slips import Evidence, Mended, wanted
from tidegate.columns import RECORD
from tidegate.judgement import Judgement

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
    kept_out = judgement.quarantined
    cells = kept_out.filter(kept_out["code"].isin(MENDABLE) & kept_out["column"].notnull())
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
    found = whole.select(RECORD).distinct().order_by(RECORD).to_pyarrow()
    return found[RECORD].to_numpy().astype(np.int64)


def failing_records(judgement: Judgement) -> npt.NDArray[np.int64]:
    """The records that are malformed or fail a rule."""
    told = judgement.quarantined
    failing = told.filter(told["code"].notin(("duplicate", "leaked", "missing-dropped")))
    found = failing.select(RECORD).distinct().order_by(RECORD).to_pyarrow()
    return found[RECORD].to_numpy().astype(np.int64)


@dataclass
class Mender:
    """Mends the failing cells of a submission's columns, and counts what it did.

    Attributes:
        evidence: what the failing cells of each column tell.
        done: how many cells of a column were mended, by slip.
    """

    evidence: dict[str, Evidence]
    done: Counter[tuple[str, str]] = field(default_factory=Counter)

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

    def mended(self, column: str, text: str) -> Mended | None:
        """A cell as its column takes it, if that is certain; it is counted."""
        found = self.evidence[column].mended(text)
        for slip in found.slips if found else ():
            self.done[column, slip] += 1
        return found
