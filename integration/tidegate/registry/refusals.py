"""What a contract may not ask for: what Tidegate does not judge is refused, and not passed over."""

from __future__ import annotations

from collections.abc import Iterator

import pandera.pandas as pa

from tidegate.columns import RESERVED
from tidegate.readers.names import NOT_COUNTED, twins
from tidegate.registry.model import Model


def refuse_unsupported(model: Model) -> None:
    """Refuse what cannot be judged in batches of rows.

    Raises:
        BrokenContract: with what replaces it.
    """
    schema = model.schema
    if schema.index is not None:
        raise model.broken(None, "A contract describes columns and has no index.")
    if schema.dtype is not None:
        raise model.broken(None, f"One type for all columns ({schema.dtype}).", "Write each column's own type.")
    if schema.drop_invalid_rows or any(column.drop_invalid_rows for column in schema.columns.values()):
        raise model.broken(None, "drop_invalid_rows is not supported.", "The quarantine does that.")
    for name in schema.columns:
        if not isinstance(name, str):
            raise model.broken(None, f"The column {name!r} has several levels.", "Give it one name.")
    for owner, check in _checks(schema):
        if isinstance(check, pa.Hypothesis):
            raise model.broken(
                owner, f"The hypothesis {check.name!r} tests whole columns.",
                "Hold the statistic against bounds in the suite, such as expect_column_mean_to_be_between or"
                " expect_column_kl_divergence_to_be_less_than.",
            )  # fmt: skip
        if check.groupby is not None:
            raise model.broken(
                owner, f"The check {check.name!r} groups rows.",
                "Use an expectation with a row_condition for each group.",
            )  # fmt: skip
        if check.name == "unique_values_eq":
            hint = "Use the expectation expect_column_distinct_values_to_equal_set."
            raise model.broken(owner, f"The check {check.name!r} judges a whole column.", hint)


def refuse_clashes(model: Model, names: tuple[str, ...]) -> None:
    """Refuse names that are taken, or that a file system or an engine would not tell apart."""
    if pair := twins(names):
        raise model.broken(pair[1], f"Columns {pair[0]!r} and {pair[1]!r} are one to files and engines.", NOT_COUNTED)
    for name in names:
        if name.startswith("_"):
            raise model.broken(name, f"Column {name!r}: names with _ first are Tidegate's own.")
        if name.lower() in RESERVED:
            raise model.broken(name, f"Column {name!r}: the name belongs to the engines.")


def _checks(schema: pa.DataFrameSchema) -> Iterator[tuple[str | None, pa.Check]]:
    for name, column in schema.columns.items():
        yield from ((name, check) for check in column.checks)
    yield from ((None, check) for check in schema.checks)
