"""Functions in which Spark's answer would differ, computed on the workers over Arrow batches by the libraries that give
the answer on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SEARCH = "tidegate_re2_search"
"""The name of ``(text, pattern) -> boolean``: whether the regular expression matches anywhere in the text.

DuckDB's regular expressions are RE2's and so are Arrow's. Spark's are Java's, where `$`, `\\w` and much else differ.
"""
AS_JSON = "tidegate_as_json"
"""The name of ``(value) -> text``: a list or a struct as JSON, in DuckDB's spelling."""

AS_TEXT = "tidegate_as_text"
"""The name of ``(float) -> text``: its shortest digits, in DuckDB's spelling."""


def register(session: SparkSession) -> None:
    """Make the functions known to a session."""
    from pyspark.sql import functions

    arrow_udf: Any = functions.arrow_udf  # type: ignore[attr-defined]  # PySpark's types lack it
    session.udf.register(SEARCH, arrow_udf(_search, "boolean"))
    session.udf.register(AS_JSON, arrow_udf(_as_json, "string"))
    session.udf.register(AS_TEXT, arrow_udf(_as_text, "string"))


def _search(texts: pa.Array, patterns: pa.Array) -> pa.Array:
    if len(patterns) == 0:
        return pa.array([], pa.bool_())
    (pattern,) = patterns.unique().to_pylist()  # a constant
    return pa.nulls(len(texts), pa.bool_()) if pattern is None else pc.match_substring_regex(texts, pattern)


def _as_json(value: pa.Array) -> pa.Array:
    return _by_duckdb("to_json(v)::VARCHAR", value)


def _as_text(value: pa.Array) -> pa.Array:
    return _by_duckdb("v::VARCHAR", value)


def _by_duckdb(sql: str, value: pa.Array) -> pa.Array:
    rows: Any = pa.table({"v": value})  # DuckDB finds it by its name
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.from_arrow(rows).query("r", f"SELECT {sql} AS t FROM r")
        return found.to_arrow_table().column("t").combine_chunks()
