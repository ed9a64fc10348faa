"""Functions that Spark SQL has not, and that both engines must have alike."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

SEARCH = "tidegate_re2_search"
"""The name of ``(text, pattern) -> boolean``: whether the regular expression matches anywhere in the text.

DuckDB's regular expressions are RE2's and so are Arrow's; Spark's own are Java's, where `$` and much else differ. The
pattern must be one and the same for all rows. Null where the text or the pattern is null.
"""


def register(session: Any) -> None:
    """Make the functions known to a Spark session."""
    from pyspark.sql.functions import arrow_udf

    # A function within a function is sent to Spark's workers whole: they need Arrow, and need not have Tidegate.
    def search(texts: pa.Array, patterns: pa.Array) -> pa.Array:
        if len(patterns) == 0:
            return pa.array([], pa.bool_())
        (pattern,) = patterns.unique().to_pylist()
        if pattern is None:
            return pa.nulls(len(texts), pa.bool_())
        return pc.match_substring_regex(texts, pattern)

    session.udf.register(SEARCH, arrow_udf(search, "boolean"))
