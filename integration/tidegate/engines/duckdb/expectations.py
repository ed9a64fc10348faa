"""Great Expectations on DuckDB: cursors of the engine's own connection, which sees the engine's views."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import duckdb
import duckdb_sqlalchemy
from great_expectations.datasource.fluent.interfaces import Batch
from sqlalchemy.dialects import registry

from tidegate.engines import gx_sql
from tidegate.engines.gx_sql import failing_query

__all__ = ["Dialect", "batch_of", "failing_query"]

_DRIVER = "tidegate"
_connections: WeakValueDictionary[str, duckdb.DuckDBPyConnection] = WeakValueDictionary()


class Dialect(gx_sql.Dialect):
    """The URL's database names a connection that is already open."""

    driver = _DRIVER
    supports_statement_cache = True

    def connect(self, *args: Any, **parameters: Any) -> Any:
        connection = _connections[parameters["database"]]
        return duckdb_sqlalchemy.ConnectionWrapper(connection.cursor())


registry.register(f"postgresql.{_DRIVER}", __name__, "Dialect")


def batch_of(connection: duckdb.DuckDBPyConnection, view: str) -> Batch:
    """The rows of a view as a batch."""
    name = f"c{id(connection)}"
    _connections[name] = connection
    return gx_sql.table_batch(f"postgresql+{_DRIVER}:///{name}", view)
