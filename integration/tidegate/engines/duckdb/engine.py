"""The engine itself: tables, views, Parquet out, batches for Great Expectations."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow.parquet as pq

from tidegate.columns import RECORD
from tidegate.config import Resources
from tidegate.engines.duckdb.connection import FEW_ROWS, connect, identifier, lock, quoted
from tidegate.engines.duckdb.footer import extremes
from tidegate.engines.duckdb.memory import limit_of, no_room
from tidegate.engines.duckdb.progress import polled
from tidegate.engines.duckdb.recurring import write_recurring
from tidegate.engines.duckdb.row_groups import row_bytes, rows_of_group, widest
from tidegate.engines.duckdb.stage import staging
from tidegate.engines.plan import DataFile, Extremes, Stage, StagePlan
from tidegate.receipt import EngineName

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.interfaces import Batch

_SORTED = 1 / 16
"""What is sorted at once, as a share of the memory limit: it is held as rows and as columns, and by each thread."""
_WAITING = 1 / 8
"""What may wait to be dealt out, as a share of the memory limit: with a third DuckDB spilled ten times the rows."""


class DuckDBEngine:
    """DuckDB on one machine. Implements `tidegate.engines.Engine`."""

    name: EngineName = "duckdb"

    def __init__(self, folder: Path, resources: Resources, readable: tuple[Path, ...] = ()) -> None:
        self._resources = resources
        self._connection = connect(folder, resources, readable)
        self._ibis = ibis.duckdb.from_connection(self._connection)  # which makes settings of its own
        lock(self._connection)
        self._polling = ExitStack()
        self._polling.enter_context(polled(self._connection))
        self._batches = 0
        self._row_bytes = 0.0

    def stage(self, plan: StagePlan) -> AbstractContextManager[Callable[[], Stage]]:
        return staging(plan)

    def table(self, name: str, files: tuple[DataFile, ...], record: str | None = None) -> ir.Table:
        paths = ", ".join(quoted(str(file.path)) for file in files)
        scan = f"read_parquet([{paths}], hive_partitioning=false, union_by_name=true)"
        columns = "*"
        if record is not None:
            self._row_bytes = max(self._row_bytes, widest(files))  # whole rows: they may be written again
            starts, start = [], 1
            for file in files:
                starts.append(str(start))
                start += file.rows
            # A row's number is its place: nothing is stored, and nothing can disagree with it.
            number = f"list_extract([{', '.join(starts)}]::BIGINT[], (file_index + 1)::BIGINT) + file_row_number"
            # A file may hold numbers of another submission, where it was written as accepted rows.
            others = f"COLUMNS(c -> c <> {quoted(record)})"
            columns = f"{others}, {number} AS {identifier(record)}"
        self._run(f"CREATE OR REPLACE VIEW {identifier(name)} AS SELECT {columns} FROM {scan}")
        return self._ibis.table(name)

    def write(self, expression: ir.Table, path: Path) -> tuple[DataFile, ...]:
        return (self._write(self._ibis.compile(expression), len(expression.columns), path),)

    def write_in_order(
        self, expression: ir.Table, order: Sequence[str], share: str, folder: Path
    ) -> tuple[DataFile, ...]:
        # DuckDB sorts what does not fit into memory too, but not reliably where rows are wide.
        rows, limit = int(expression.count().to_pyarrow().as_py()), limit_of(self._resources)
        row = row_bytes(self._row_bytes, len(expression.columns))
        parts = max(1, math.ceil(rows * row / (limit * _SORTED)))
        waiting = (self._resources.threads or os.cpu_count() or 1) * FEW_ROWS * row
        at_once = max(2, int(limit * _WAITING / waiting))
        columns = [identifier(name) for name in expression.columns if name not in (*order, share)]
        by = ", ".join(map(identifier, order))
        folder.mkdir(mode=0o700)

        def sorted_file(number: int, source: str) -> DataFile:
            sql = f"SELECT {', '.join(columns)} FROM {source} ORDER BY {by}"
            return self._write(sql, len(columns), folder / f"{number:05}.parquet")

        source = f"({self._ibis.compile(expression)})"
        part = f"least(floor({identifier(share)} * {parts}), {parts - 1})::INTEGER"
        dealt = self._dealt(source, part, range(parts), at_once, folder / "dealt")
        return tuple(sorted_file(number, source) for number, source in enumerate(dealt))

    def _dealt(self, source: str, part: str, parts: range, at_once: int, folder: Path) -> Iterator[str]:
        """The rows of each part, as something to select from until the next one is asked for.

        Args:
            part: which of the parts a row is of.
            at_once: to how many files rows are dealt: more are dealt out again, since rows wait for each.
        """
        if len(parts) == 1:
            yield source
            return
        each = math.ceil(len(parts) / at_once)
        self._run(
            f"COPY (SELECT *, ({part} - {parts.start}) // {each} AS _part FROM {source}) TO {quoted(str(folder))}"
            f" (FORMAT parquet, COMPRESSION lz4_raw, PARTITION_BY (_part), ROW_GROUP_SIZE {FEW_ROWS})"
        )
        for number in range(math.ceil(len(parts) / each)):
            of_file = folder / f"_part={number}"
            if there := [quoted(str(path)) for path in of_file.glob("*.parquet")]:
                rows = f"read_parquet([{', '.join(there)}], hive_partitioning=false)"
                yield from self._dealt(rows, part, parts[number * each :][:each], at_once, of_file / "again")
                shutil.rmtree(of_file)

    def _write(self, sql: str, columns: int, path: Path) -> DataFile:
        group = rows_of_group(self._row_bytes, columns, limit_of(self._resources))
        self._run(f"COPY ({sql}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group})")
        return DataFile(path=path, rows=pq.read_metadata(path).num_rows)

    def recurring(self, values: ir.Table, others: ir.Table | None, path: Path) -> tuple[DataFile, ...]:
        (name,) = values.columns
        theirs = None if others is None else self._ibis.compile(others)
        memory = limit_of(self._resources) // 4
        with self._explained():
            return (write_recurring(self._connection, name, self._ibis.compile(values), theirs, path, memory),)

    def extremes(self, files: tuple[DataFile, ...], columns: Iterable[str]) -> dict[str, Extremes]:
        return extremes(files, columns)

    def view(self, name: str, expression: ir.Table) -> ir.Table:
        return self._ibis.create_view(name, expression, overwrite=True)

    def batch(self, expression: ir.Table) -> Batch:
        from tidegate.engines.duckdb.expectations import batch_of

        self._batches += 1
        name = f"batch_{self._batches}"
        self.view(name, expression)
        return batch_of(self._connection, name)

    def failing(self, batch: Batch, expectation: Any, path: Path) -> tuple[DataFile, ...] | None:
        from tidegate.engines.duckdb.expectations import failing_query

        query = failing_query(batch, expectation, RECORD)
        if query is None:
            return None
        query = query.strip().rstrip(";")
        named = [name for name, *_ in self._connection.execute(f"DESCRIBE {query}").fetchall()]
        if RECORD not in named:
            return None
        query = f"SELECT DISTINCT {RECORD} FROM ({query}) ORDER BY {RECORD}"
        self._run(f"COPY ({query}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION zstd)")
        return (DataFile(path=path, rows=pq.read_metadata(path).num_rows),)

    @property
    def workers(self) -> None:
        return None

    def close(self) -> None:
        self._polling.close()
        self._connection.close()

    def _run(self, sql: str) -> None:
        with self._explained():
            self._connection.execute(sql)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.OutOfMemoryException, duckdb.IOException, MemoryError, OSError) as error:
            raise no_room(error, self._resources) from None
