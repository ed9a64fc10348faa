"""Rules that only Pandera can judge, run in Pandera over batches of the columns that they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.parquet as pq

from tidegate.columns import RECORD
from tidegate.errors import BrokenContract
from tidegate.registry import Contract, Rule

_BATCH_ROWS = 65_536
FAILURES = pyarrow.schema([(RECORD, pyarrow.int64()), ("rule", pyarrow.int32())])


def judge_in_pandera(
    rows: ir.Table, contract: Contract, rules: Sequence[tuple[int, Rule]], path: Path
) -> dict[str, str]:
    """Write the failing (record, rule) pairs of `rules` to Parquet at `path`.

    Args:
        rules: the rules to judge, each with its number in the contract.

    Returns:
        The rules that could not be judged, by id, with the reason.

    Raises:
        BrokenContract: a check answers for the whole batch where it should answer row by row.
    """
    needed = {name for _, rule in rules for name in rule.columns}
    if any(not rule.columns for _, rule in rules):
        needed = {column.name for column in contract.columns}
    columns = [column.name for column in contract.columns if column.name in needed]
    not_evaluated: dict[str, str] = {}
    with pq.ParquetWriter(path, FAILURES) as writer:
        batches = rows.select(RECORD, *columns).to_pyarrow_batches(chunk_size=_BATCH_ROWS)
        for batch in batches:
            frame = _frame(pyarrow.Table.from_batches([batch]), contract, columns)
            for number, rule in rules:
                if rule.id in not_evaluated:
                    continue
                try:
                    failing = list(_failing(frame, contract, rule))
                except BrokenContract:
                    raise
                except Exception as error:  # noqa: BLE001 - the author's code may raise anything; that is not a pass
                    not_evaluated[rule.id] = f"the check raised {type(error).__name__}"
                    continue
                pairs = [failing, [number] * len(failing)]
                writer.write_table(pyarrow.table(pairs, schema=FAILURES))
    return not_evaluated


def _frame(batch: pyarrow.Table, contract: Contract, columns: Sequence[str]) -> pd.DataFrame:
    """The batch as Pandera would see it: the contract's dtypes, indexed by record number."""
    index = pd.Index(batch.column(RECORD).to_numpy(), name=RECORD)
    series = {name: _series(batch.column(name), contract.schema.columns[name], index) for name in columns}
    return pd.DataFrame(series, index=index)


def _series(cells: pyarrow.ChunkedArray, column: pa.Column, index: pd.Index) -> pd.Series:
    dtype = column.dtype.type
    if isinstance(dtype, pd.ArrowDtype):
        return pd.Series(pd.arrays.ArrowExtensionArray(cells.cast(dtype.pyarrow_dtype)), index=index)
    series = pd.Series(pd.arrays.ArrowExtensionArray(cells), index=index)
    if cells.null_count and getattr(dtype, "kind", "O") in "iub":
        return series  # such a dtype holds no nulls; those rows fail `not_nullable`, and checks pass over nulls
    return pd.Series(column.dtype.coerce(series))


def _judged(frame: pd.DataFrame, contract: Contract, rule: Rule) -> pd.Series | pd.DataFrame:
    """The column, or for a rule over several the whole frame, but for rows with a null that they may not have."""
    if rule.column is not None:
        return frame[rule.column]
    names = [column.name for column in contract.columns]
    required = [column.name for column in contract.columns if not column.nullable and column.required]
    return frame[names].dropna(subset=required).infer_objects()


def _failing(frame: pd.DataFrame, contract: Contract, rule: Rule) -> Iterator[int]:
    assert rule.definition is not None
    judged = _judged(frame, contract, rule)
    output = rule.definition(judged).check_output
    if isinstance(output, pd.DataFrame):
        output = output.all(axis="columns")
    if not isinstance(output, pd.Series):
        raise BrokenContract(
            f"{contract.path}: the check {rule.check!r} answers for all rows at once.",
            "A rule judges row by row and returns a boolean Series; what rows must add up to is an expectation.",
        )
    # Pandera itself leaves nulls out of a column's check; beyond that every row must have its answer.
    if not (output.index.equals(judged.index) or output.index.equals(judged.dropna().index)):
        raise ValueError("the check answers for other rows than it was asked about")
    return (int(record) for record in output.index[~output.fillna(True).astype(bool)])
