"""The engine itself: views in a session of its own, Parquet from the workers, batches for Great Expectations."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import ibis
import ibis.expr.types as ir
import pyarrow.parquet as pq

from tidegate.columns import RECORD
from tidegate.config import Resources
from tidegate.engines import Job
from tidegate.engines.duckdb.footer import extremes
from tidegate.engines.plan import DataFile, Extremes, Stage, StagePlan
from tidegate.engines.spark.dialect import SparkBackend, ddl, written_as
from tidegate.engines.spark.failures import SPARK_ERRORS, explained
from tidegate.engines.spark.functions import register
from tidegate.engines.spark.session import leave_session, open_session
from tidegate.engines.spark.stage import staging
from tidegate.engines.spark.workers import run_on_workers, write_rows
from tidegate.receipt import EngineName

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.interfaces import Batch

_FILE, _BEFORE, _ROW = "_file", "_before", "_row"


class SparkEngine:
    """Spark, on a cluster or on this machine's cores. Implements `tidegate.engines.Engine`."""

    name: EngineName = "spark"

    def __init__(self, resources: Resources) -> None:
        self._session = open_session(resources)
        self._ibis = SparkBackend()
        self._ibis.register_options()
        with explained():
            register(self._session)
            self._ibis.do_connect(self._session)
        self._batches = 0

    def stage(self, plan: StagePlan) -> AbstractContextManager[Callable[[], Stage]]:
        return staging(self._session, plan)

    def table(self, name: str, files: tuple[DataFile, ...], record: str | None = None) -> ir.Table:
        schema = _schema_of(files)
        if record is not None and record in schema:  # a file may hold numbers of another submission
            schema = ibis.schema({n: kind for n, kind in schema.items() if n != record})
        paths = [_escaped(file.path) for file in files]
        reader = self._session.read.schema(ddl(schema)).option("recursiveFileLookup", "true")  # no names as partitions
        with explained(files[0].path.parent):
            frame = reader.parquet(*paths)
            if record is not None:
                frame = self._numbered(frame, files, record)
                schema = ibis.schema({**schema, record: "int64"})
            frame.createOrReplaceTempView(name)
        return self._ibis.table_of(name, schema)

    def _numbered(self, frame: Any, files: tuple[DataFile, ...], record: str) -> Any:
        """The rows with their place through all files: nothing is stored, and nothing can disagree with it."""
        from pyspark.sql import functions as f

        columns = [f.col(_quoted(name)) for name in frame.columns]
        row = f.col("_metadata.row_index") + 1
        if len(files) == 1:
            return frame.select(*columns, row.alias(record))
        before = accumulate((file.rows for file in files[:-1]), initial=0)
        known = self._session.createDataFrame(
            [(_as_told(file.path), rows) for file, rows in zip(files, before, strict=True)],
            f"{_FILE} string, {_BEFORE} long",
        )
        told = frame.select(*columns, f.col("_metadata.file_path").alias(_FILE), row.alias(_ROW))
        placed = told.join(f.broadcast(known), _FILE, "left")
        # A row of a file that is not known by this name must not get lost.
        place = f.coalesce(f.col(_BEFORE), f.raise_error(f.lit("a file is not where it was")).cast("long"))
        return placed.select(*columns, (place + f.col(_ROW)).alias(record))

    def write(self, expression: ir.Table, path: Path) -> tuple[DataFile, ...]:
        with explained():
            frame = self._session.sql(self._ibis.compile(expression))
            return write_rows(frame, written_as(expression.schema()), path.with_suffix(""))

    def write_in_order(
        self, expression: ir.Table, order: Sequence[str], share: str, folder: Path
    ) -> tuple[DataFile, ...]:
        columns = [name for name in expression.columns if name not in (*order, share)]
        return self.write(expression.order_by(list(order)).select(*columns), folder)

    def recurring(self, values: ir.Table, others: ir.Table | None, path: Path) -> tuple[DataFile, ...]:
        (name,) = values.columns
        counted = values.group_by(name).aggregate(_n=values.count())
        found = counted.filter(counted["_n"] > 1).select(name)
        if others is not None:
            found = found.union(counted.select(name).semi_join(others, name), distinct=True)
        return self.write(found, path)

    def extremes(self, files: tuple[DataFile, ...], columns: Iterable[str]) -> dict[str, Extremes]:
        return extremes(files, columns)

    def view(self, name: str, expression: ir.Table) -> ir.Table:
        with explained():
            self._session.sql(self._ibis.compile(expression)).createOrReplaceTempView(name)
        return self._ibis.table_of(name, expression.schema())

    def batch(self, expression: ir.Table) -> Batch:
        from tidegate.engines.spark.expectations import batch_of

        self._batches += 1
        name = f"batch_{self._batches}"
        self.view(name, expression)
        return batch_of(self._session, name)

    def failing(self, batch: Batch, expectation: Any, path: Path) -> tuple[DataFile, ...] | None:
        from tidegate.engines.spark.expectations import failing_query

        query = failing_query(batch, expectation, RECORD)
        if query is None:
            return None
        with explained():
            frame = self._session.sql(query)
            if RECORD not in frame.columns:
                return None
            records = frame.select(RECORD).distinct().orderBy(RECORD)
            return write_rows(records, written_as(ibis.schema({RECORD: "int64"})), path.with_suffix(""))

    def workers(self, function: Callable[[Job], Job], jobs: Sequence[Job]) -> list[Job]:
        with explained():
            return run_on_workers(self._session, function, jobs)

    def close(self) -> None:
        """End what of ours still runs. Views and functions go with our session; the one that was there stays."""
        with suppress(*SPARK_ERRORS):  # it is gone, and that has been told
            leave_session(self._session)


def _schema_of(files: Sequence[DataFile]) -> ibis.Schema:
    """The columns of all files by name, each in the widest of its types, as the footers tell."""
    columns: dict[str, Any] = {}
    for file in files:
        for name, kind in ibis.Schema.from_pyarrow(pq.read_schema(file.path)).items():
            known = columns.setdefault(name, kind)
            if known != kind:
                columns[name] = ibis.expr.datatypes.highest_precedence((known, kind))
    return ibis.schema(columns)


def _escaped(path: Path) -> str:
    """A path for Hadoop that it takes for no pattern, and for none of its own store."""
    return "file:" + "".join(f"\\{letter}" if letter in "*?[]{}\\" else letter for letter in str(path))


def _as_told(path: Path) -> str:
    """A path as `_metadata.file_path` tells it: Java leaves letters of other alphabets as they are."""
    return "file:" + "".join(
        letter if letter in _PLAIN or (not letter.isascii() and letter.isprintable()) else quote(letter, safe="")
        for letter in str(path)
    )


_PLAIN = frozenset(string.ascii_letters + string.digits + "/_-!.~'()*,;:$&+=@")


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
