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
AS_JSON = "tidegate_as_json"


def register(session: SparkSession) -> None:
    """Make the functions known to a session."""
    from pyspark.sql.pandas.functions import arrow_udf

    session.udf.register(SEARCH, arrow_udf(_search, "boolean"))
    session.udf.register(AS_JSON, arrow_udf(_as_json, "string"))


def _search(text: pa.Array, pattern: pa.Array) -> pa.Array:
    """Whether RE2 finds the pattern anywhere; null for null. The pattern is a constant, the same in every row."""
    if not len(text):
        return pa.array([], pa.bool_())
    return pc.match_substring_regex(text, pattern[0].as_py())


def _as_json(value: pa.Array) -> pa.Array:
    """Nested values as JSON text, as DuckDB writes it."""
    rows: Any = pa.table({"v": value})  # DuckDB finds it by its name
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.from_arrow(rows).query("r", "SELECT to_json(v)::VARCHAR AS t FROM r")
        return found.to_arrow_table().column("t").combine_chunks()
