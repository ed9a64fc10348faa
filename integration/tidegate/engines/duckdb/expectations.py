"""Great Expectations on DuckDB.

Great Expectations knows no DuckDB, but it knows PostgreSQL. So here is an SQLAlchemy dialect that is DuckDB's and calls
itself PostgreSQL. It hands out cursors of the engine's own connection, which sees the engine's views, and fetches whole
results at once, since Great Expectations reads them after it has given the connection back.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

import duckdb
import duckdb_sqlalchemy
import great_expectations as gx
import sqlalchemy as sa
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import Batch
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

from tidegate.engines.duckdb.connection import identifier

_DRIVER = "tidegate"
_connections: WeakValueDictionary[str, duckdb.DuckDBPyConnection] = WeakValueDictionary()


class _Compiler(duckdb_sqlalchemy.DuckDBCompiler):
    """PostgreSQL's ``~`` finds a match anywhere, DuckDB's wants the whole text to match."""

    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
        if operator.opstring in ("~", "!~"):
            left, right = self.process(element.left, **kw), self.process(element.right, **kw)
            return f"{'NOT ' * (operator.opstring == '!~')}regexp_matches({left}, {right})"
        return str(super().visit_custom_op_binary(element, operator, **kw))  # type: ignore[no-untyped-call]


class Dialect(duckdb_sqlalchemy.Dialect):
    """DuckDB that calls itself PostgreSQL. The URL's database names a connection that is already open."""

    name = "postgresql"
    driver = _DRIVER
    supports_statement_cache = True
    statement_compiler = _Compiler

    def connect(self, *args: Any, **parameters: Any) -> Any:
        connection = _connections[parameters["database"]]
        return duckdb_sqlalchemy.ConnectionWrapper(connection.cursor())


registry.register(f"postgresql.{_DRIVER}", __name__, "Dialect")


@sa.event.listens_for(sa.engine.Engine, "after_cursor_execute")
def _fetch_at_once(
    connection: sa.Connection, cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext | None,
    many: bool,
) -> None:  # fmt: skip
    if connection.dialect.driver == _DRIVER and cursor.description and context is not None:
        rows = [tuple(_plain(value) for value in row) for row in cursor.fetchall()]
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(  # type: ignore[attr-defined]
            cursor, cursor.description, initial_buffer=rows
        )


def _plain(value: Any) -> Any:
    """NumPy scalars as Python's own."""
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value


_selects: ContextVar[list[sa.Select[Any]] | None] = ContextVar("selects", default=None)


@sa.event.listens_for(sa.engine.Engine, "before_execute")
def _watch(connection: sa.Connection, element: Any, *others: Any) -> None:
    selects = _selects.get()
    if selects is not None and connection.dialect.driver == _DRIVER and isinstance(element, sa.Select):
        selects.append(element)


def failing_query(batch: Batch, expectation: Any, record: str) -> str | None:
    """SQL for the record numbers of all rows that fail a row-level expectation; None where it judges no single rows.

    Great Expectations asks for a few failing rows by a query of its own, with a LIMIT; that query without its LIMIT is
    what is wanted. (Its `unexpected_index_query` is not: it leaves out `row_condition` and `ignore_row_if`.)
    """
    kind = expectation.expectation_type
    if kind == "unexpected_rows_expectation":
        table: str = batch.data_asset.table_name  # type: ignore[attr-defined]
        query: str = expectation.unexpected_rows_query
        return query.format(batch=f"(SELECT * FROM {table}) AS subselect")  # what Great Expectations puts there
    if kind == "expect_compound_columns_to_be_unique":
        return _repeated(batch, expectation, record)
    token = _selects.set([])
    try:
        few = {"result_format": "SUMMARY", "partial_unexpected_count": 1, "unexpected_index_column_names": [record]}
        batch.validate(expectation, result_format=few)
        selects = _selects.get() or []
    finally:
        _selects.reset(token)
    for select in selects:
        if select._limit_clause is not None and record in [column.name for column in select.selected_columns]:
            return _text(select.limit(None))
    return None


def _repeated(batch: Batch, expectation: Any, record: str) -> str:
    """For this one Great Expectations asks for no rows."""
    domain = {name: getattr(expectation, name) for name in ("column_list", "ignore_row_if", "row_condition")}
    domain["condition_parser"] = expectation.condition_parser
    rows = _text(batch.data.execution_engine.get_domain_records(domain_kwargs=domain))
    columns = [identifier(name) for name in expectation.column_list]
    present = " AND ".join(f"{column} IS NOT NULL" for column in columns)  # a null equals nothing in SQL
    once = f"count(*) OVER (PARTITION BY {', '.join(columns)}) = 1"
    return f"SELECT {record} FROM ({rows}) WHERE {present} QUALIFY NOT {once}"


def _text(select: Any) -> str:
    return str(select.compile(dialect=Dialect(), compile_kwargs={"literal_binds": True}))


def batch_of(connection: duckdb.DuckDBPyConnection, view: str) -> Batch:
    """The rows of a view as a batch."""
    name = f"c{id(connection)}"
    _connections[name] = connection
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_sql(
        name="stage", connection_string=f"postgresql+{_DRIVER}:///{name}", create_temp_table=False
    )
    return source.add_table_asset("rows", table_name=view).add_batch_definition_whole_table("all").get_batch()
