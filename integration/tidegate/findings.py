"""What judging found so far: the rows that do not go in, by the step that found them, and the hashes of their keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir

from tidegate.columns import RECORD
from tidegate.engines import DataFile, Engine, rows_of
from tidegate.keys import hashes_of, narrowed
from tidegate.receipt import Example, RowCounts


class Findings:
    """Narrow Parquet files in the work folder. What a step did not find is not looked for again."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._files: dict[str, tuple[DataFile, ...]] = {}

    def add(self, step: str, rows: ir.Table) -> None:
        """Write what a step found."""
        self._files[step] = self._engine.write(rows, self._folder / f"found-{step}.parquet")

    def candidates(
        self, name: str, rows: ir.Table, columns: Sequence[str], others: ir.Table | None
    ) -> tuple[ir.Table, ir.Table | None] | None:
        """The rows of both whose key may occur twice in `rows`, or also in `others`, narrowed; None where none may."""
        if others is not None and (lacking := [name for name in columns if name not in others.columns]):
            # The contract does not require them, so these rows have nulls there.
            others = others.mutate(**{name: ibis.null(rows[name].type()) for name in lacking})
        theirs = None if others is None else hashes_of(others, columns)
        found = self._engine.recurring(hashes_of(rows, columns), theirs, self._folder / f"recurring-{name}.parquet")
        if not rows_of(found):
            return None
        hashes = self._engine.table(f"recurring_{name}", found)
        ours = self._kept(f"{name}_ours", narrowed(rows, columns, hashes))
        return ours, None if others is None else self._kept(f"{name}_theirs", narrowed(others, columns, hashes))

    def _kept(self, name: str, rows: ir.Table) -> ir.Table:
        """Narrow rows that several expressions read, written once."""
        return self._engine.table(name, self._engine.write(rows, self._folder / f"{name}.parquet"))

    def table(self, *steps: str) -> ir.Table:
        """What these steps found."""
        files = tuple(file for step in steps for file in self._files.get(step, ()))
        return self._engine.table(f"found_{'_'.join(steps)}", files)

    def without(self, rows: ir.Table, *steps: str) -> ir.Table:
        """The rows that none of these steps found: where they found nothing, the rows as they are."""
        return rows.anti_join(self.table(*steps), RECORD) if any(self._found(step) for step in steps) else rows

    def count(self, *steps: str) -> int:
        """How many records these steps found, each once."""
        if not any(self._found(step) for step in steps):
            return 0
        return int(self.table(*steps)[RECORD].nunique().to_pyarrow().as_py())

    def first(self, step: str, most: int) -> tuple[Example, ...]:
        """The first records that a step found."""
        if not self._found(step):
            return ()
        found = self.table(step).select(RECORD).order_by(RECORD).limit(most).to_pyarrow()
        return tuple(Example(record=record) for record in found[RECORD].to_pylist())

    def row_counts(self, read: int, accepted: int) -> RowCounts:
        """The row accounting. Accepted rows were counted and not inferred, so that it can fail to balance."""
        return RowCounts(
            read=read,
            malformed=self.count("malformed"),
            failed=self.count("missing") + self.count("shape", "failed"),
            duplicate=self.count("duplicate"),
            leaked=self.count("leaked"),
            accepted=accepted,
        )

    @property
    def any(self) -> bool:
        """Whether any step found a row."""
        return any(self._found(step) for step in self._files)

    def _found(self, step: str) -> bool:
        return rows_of(self._files.get(step, ())) > 0
