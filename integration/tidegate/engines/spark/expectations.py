"""Great Expectations on Spark, with DuckDB's verdicts.

Great Expectations has a Spark engine of its own, which judges nulls, quantiles and regular expressions otherwise and
collects failing rows on the driver. So it is given the dialect that it is given on DuckDB, and writes the same SQL. A
batch is an empty DuckDB table with the columns of the Spark view: it answers what Great Expectations asks about columns
and their types, refuses what DuckDB refuses, and says of what type a result is. Whatever reads rows is translated and
run by Spark.
"""

from __future__ import annotations

import datetime
import re
import weakref
from decimal import Context, Decimal
from itertools import count
from typing import Any

import duckdb
from great_expectations.datasource.fluent.interfaces import Batch
from sqlalchemy.dialects import registry

from tidegate.engines import gx_sql
from tidegate.engines.duckdb.connection import identifier
from tidegate.engines.spark.functions import register
from tidegate.engines.spark.translation import Untranslatable, translated, with_values
from tidegate.engines.spark.waiting import interruptible

__all__ = ["batch_of", "failing_query"]

_DRIVER = "tidegate_spark"
_SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # else what cannot be cast or overflows is null, and a null fails nothing
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parser.escapedStringLiterals": "false",
}
"""What a verdict depends on."""
_TYPES = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
    "void": "INTEGER",  # as DuckDB has a column of nothing
    "interval day to second": "INTERVAL",
}
"""DuckDB's names of Spark's types."""
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)", re.IGNORECASE)
_CATALOG = re.compile(r"\bduckdb_\w+\(\)|\bcurrent_schemas?\(", re.IGNORECASE)

_numbers = count()
_rows: dict[str, _Rows] = {}


class _Rows:
    """A view of a Spark session, and the empty table of DuckDB that stands for it."""

    def __init__(self, session: Any, view: str) -> None:
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", view):  # it is looked for in SQL text
            raise ValueError(f"a view that Great Expectations is to read needs a plain name, not {view!r}")
        self._session, self._view = session, view
        self._answers: dict[str, list[tuple[Any, ...]]] = {}
        fields = session.table(view).schema.fields
        self._columns = {field.name: _duckdb_type(field.dataType.simpleString()) for field in fields}
        self.empty = duckdb.connect(config={"threads": 1, "enable_external_access": False})
        self.empty.execute("SET TimeZone = 'UTC'")
        columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in self._columns.items())
        self.empty.execute(f"CREATE TABLE {identifier(view)} ({columns})")
        self.empty.execute("SET lock_configuration = true")

    def read_by(self, statement: str) -> bool:
        """Whether a statement reads the rows, and not only what columns there are."""
        if self._view.lower() in statement.lower():
            return True
        if _CATALOG.search(statement):
            return False
        raise Untranslatable("the query does not read the submission")

    def query(self, statement: str, values: tuple[Any, ...] = ()) -> str:
        """A query of DuckDB over the view, as Spark's."""
        return translated(with_values(statement, values), self._view, self._columns)

    def ask(self, sql: str, kinds: list[str]) -> list[tuple[Any, ...]]:
        """The rows that Spark answers, as DuckDB would give them; once, for Great Expectations asks again and again."""
        if sql not in self._answers:
            self._answers[sql] = self._collected(sql, kinds)
        return list(self._answers[sql])

    def _collected(self, sql: str, kinds: list[str]) -> list[tuple[Any, ...]]:
        answer = self._session.sql(sql)
        if any(field.dataType.simpleString() == "timestamp" for field in answer.schema.fields):
            # Python would be given these in the machine's own zone.
            answer = answer.toDF(*(f"c{number}" for number in range(len(kinds))))
            answer = answer.selectExpr(
                *(
                    f"CAST({field.name} AS TIMESTAMP_NTZ)"
                    if field.dataType.simpleString() == "timestamp"
                    else field.name
                    for field in answer.schema.fields
                )
            )
        return [tuple(map(_as_duckdb, kinds, row)) for row in interruptible(self._session, answer.collect)]


class _Cursor:
    """As much of a DBAPI cursor as SQLAlchemy needs of one whose results are fetched at once."""

    arraysize = 1
    rowcount = -1

    def __init__(self, rows: _Rows) -> None:
        self._rows, self._duckdb = rows, rows.empty.cursor()
        self._fetched: list[tuple[Any, ...]] = []
        self.description: list[tuple[Any, ...]] | None = None

    def execute(self, statement: str, values: Any = ()) -> None:
        """DuckDB's own refusal first; then its answer about the columns, or Spark's about the rows."""
        values = tuple(values or ())
        of_rows = self._rows.read_by(statement)
        sql = self._rows.query(statement, values) if of_rows else ""
        self._duckdb.execute(statement, values)
        kinds = [str(column[1]) for column in self._duckdb.description or ()]
        self.description = [(c[0], k, *c[2:]) for c, k in zip(self._duckdb.description or (), kinds, strict=True)]
        self._fetched = self._rows.ask(sql, kinds) if of_rows else self._duckdb.fetchall()

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return self._fetched.pop(0) if self._fetched else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        fetched, self._fetched = self._fetched, []
        return fetched

    def close(self) -> None:
        """Let go of the rows."""
        self._fetched = []
        self._duckdb.close()


class _Connection:
    """As much of a DBAPI connection: nothing is written, so there are no transactions."""

    def __init__(self, rows: _Rows) -> None:
        self._rows = rows
        self.notices: list[str] = []

    def cursor(self) -> _Cursor:
        return _Cursor(self._rows)

    def begin(self) -> None: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class Dialect(gx_sql.Dialect):
    """The URL's database names rows of a Spark session."""

    driver = _DRIVER
    supports_statement_cache = True

    def connect(self, *args: Any, **parameters: Any) -> Any:
        return _Connection(_rows[parameters["database"]])


registry.register(f"postgresql.{_DRIVER}", __name__, "Dialect")


def batch_of(session: Any, view: str) -> Batch:
    """The rows of a temporary view as a batch.

    Args:
        session: a Spark session, classic or of Spark Connect. Settings that verdicts depend on are made in it.
    """
    for key, value in _SETTINGS.items():
        session.sql(f"SET {key}={value}")
    register(session)
    name = f"s{next(_numbers)}"
    _rows[name] = _Rows(session, view)
    batch = gx_sql.table_batch(f"postgresql+{_DRIVER}:///{name}", view)
    weakref.finalize(batch, _rows.pop, name, None)
    return batch


def failing_query(batch: Batch, expectation: Any, record: str) -> str | None:
    """Spark's SQL for the record numbers of all rows that fail an expectation; None where it judges no single rows."""
    query = gx_sql.failing_query(batch, expectation, record)
    if query is None:
        return None
    url: str = batch.datasource.connection_string  # type: ignore[attr-defined]
    return _rows[url.rpartition("/")[2]].query(query.strip().rstrip(";"))


def _duckdb_type(spark: str) -> str:
    if decimal := _DECIMAL.fullmatch(spark):
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    if spark not in _TYPES:
        raise ValueError(f"Great Expectations cannot judge a column of Spark's type {spark}")
    return _TYPES[spark]


def _as_duckdb(kind: str, value: Any) -> Any:
    """A value as DuckDB gives one of its type."""
    if value is None:
        return None
    if kind.endswith("INT") or kind == "INTEGER":
        return int(value)
    if kind in ("DOUBLE", "FLOAT"):
        return float(value)
    if decimal := _DECIMAL.fullmatch(kind):
        return Decimal(value).quantize(Decimal(1).scaleb(-int(decimal[2])), context=Context(prec=80))
    if kind == "TIMESTAMP WITH TIME ZONE":
        return value.replace(tzinfo=datetime.UTC)
    return value
