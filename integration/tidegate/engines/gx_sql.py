"""Great Expectations through SQL: what is the same on every engine.

Great Expectations knows neither DuckDB nor our way to Spark, but it knows PostgreSQL. So here is an SQLAlchemy dialect
that writes DuckDB's SQL and calls itself PostgreSQL. An engine derives from it and says what it connects to. Results
are fetched whole, since Great Expectations reads them after it has given the connection back.
"""

from __future__ import annotations

import math
from contextvars import ContextVar
from typing import Any

import duckdb_sqlalchemy
import great_expectations as gx
import sqlalchemy as sa
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import Batch
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext

from tidegate.engines.duckdb.connection import identifier


class _Compiler(duckdb_sqlalchemy.DuckDBCompiler):
    """PostgreSQL's ``~`` finds a match anywhere, DuckDB's wants the whole text to match."""

    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
        if operator.opstring in ("~", "!~"):
            left, right = self.process(element.left, **kw), self.process(element.right, **kw)
            return f"{'NOT ' * (operator.opstring == '!~')}regexp_matches({left}, {right})"
        return str(super().visit_custom_op_binary(element, operator, **kw))  # type: ignore[no-untyped-call]

    def render_literal_value(self, value: Any, type_: Any) -> str:
        if isinstance(value, float):
            return double(value)
        return str(super().render_literal_value(value, type_))  # type: ignore[no-untyped-call]


def double(value: float) -> str:
    """A float as SQL. Where it is bound to a statement it is a DOUBLE, but `0.1` written in one is a DECIMAL."""
    if not math.isfinite(value):
        return f"CAST('{value!r}' AS DOUBLE)"
    text = repr(value)
    return text if "e" in text else f"{text}e0"


class Dialect(duckdb_sqlalchemy.Dialect):
    """DuckDB that calls itself PostgreSQL."""

    name = "postgresql"
    supports_statement_cache = True
    statement_compiler = _Compiler


@sa.event.listens_for(sa.engine.Engine, "after_cursor_execute")
def _fetch_at_once(
    connection: sa.Connection, cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext | None,
    many: bool,
) -> None:  # fmt: skip
    if isinstance(connection.dialect, Dialect) and cursor.description and context is not None:
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
    if selects is not None and isinstance(connection.dialect, Dialect) and isinstance(element, sa.Select):
        selects.append(element)


def table_batch(url: str, table: str) -> Batch:
    """The rows of a table as a batch.

    Args:
        url: SQLAlchemy's, of a dialect that derives from the one here.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_sql(name="stage", connection_string=url, create_temp_table=False)
    return source.add_table_asset("rows", table_name=table).add_batch_definition_whole_table("all").get_batch()


def table_of(batch: Batch) -> str:
    """The table that a batch was made of."""
    name: str = batch.data_asset.table_name  # type: ignore[attr-defined]
    return name


def failing_query(batch: Batch, expectation: Any, record: str) -> str | None:
    """DuckDB's SQL for the record numbers of all rows that fail a row-level expectation; None where it judges no rows.

    Great Expectations asks for a few failing rows by a query of its own, with a LIMIT; that query without its LIMIT is
    what is wanted. (Its `unexpected_index_query` is not: it leaves out `row_condition` and `ignore_row_if`.)
    """
    kind = expectation.expectation_type
    if kind == "unexpected_rows_expectation":
        query: str = expectation.unexpected_rows_query
        return query.format(batch=f"(SELECT * FROM {table_of(batch)}) AS subselect")  # as Great Expectations does
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
