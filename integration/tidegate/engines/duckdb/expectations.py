"""Great Expectations on DuckDB.

Great Expectations knows no DuckDB, but it knows PostgreSQL. So here is an SQLAlchemy dialect that is DuckDB's and calls
itself PostgreSQL. It hands out cursors of the engine's own connection, which sees the engine's views, and fetches whole
results at once, since Great Expectations reads them after it has given the connection back.
"""

from __future__ import annotations

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
