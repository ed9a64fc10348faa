"""Rules that only Pandera can judge, run in Pandera over batches of the columns that they read."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet as pq

from tidegate.columns import RECORD
from tidegate.errors import BrokenContract
from tidegate.registry import Contract, Rule
from tidegate.registry.frames import frame_of, holds_nulls, series_of
from tidegate.registry.probe import answers, depends_on_others

BATCH_ROWS = 65_536
FAILURES = pyarrow.schema([(RECORD, pyarrow.int64()), ("rule", pyarrow.int32())])
_TRIED = 1_000


def judge_batches(
    contract: Contract,
    rules: Mapping[int, Rule],
    rows: Path,
    failures: Path,
    left_out: Collection[str] = (),
    part: tuple[int, int] = (0, 1),
) -> dict[str, str]:
    """Write the failing (record, rule) pairs of `rules` to Parquet at `failures`.

    Args:
        rules: the rules to judge, by their number among the contract's rules that apply.
        rows: Parquet with `_record` and the columns that the rules read.
        left_out: columns that the submission lacks; a check over several columns does not see them.
        part: the (k, n) for every n-th row group, from the k-th on.

    Returns:
        The rules that could not be judged, by id, with the reason.

    Raises:
        BrokenContract: a check looks at more than one row at a time.
    """
    not_evaluated: dict[str, str] = {}
    file = pq.ParquetFile(rows)
    groups = list(range(part[0], file.num_row_groups, part[1]))
    with pq.ParquetWriter(failures, FAILURES) as writer:
        for number, table in enumerate(_tables(file, groups)):
            for index, rule in rules.items():
                if rule.id in not_evaluated:
                    continue
                try:
                    with warnings.catch_warnings():  # what pandas thinks of a pattern is no verdict
                        warnings.simplefilter("ignore")
                        judged = _judged(table, contract, rule, left_out)
                        if not number:
                            _try(judged, contract, rule)
                        failing = list(_failing(judged, rule))
                except BrokenContract:
                    raise
                except Exception as error:  # noqa: BLE001 - the author's code may raise anything; that is not a pass
                    not_evaluated[rule.id] = f"the check raised {type(error).__name__}"
                    continue
                writer.write_table(pyarrow.table([failing, [index] * len(failing)], schema=FAILURES))
    return not_evaluated


def _tables(file: pq.ParquetFile, groups: list[int]) -> Iterator[pyarrow.Table]:
    """At least one: a check that no row could be asked about may still be one that cannot be evaluated."""
    batches = file.iter_batches(BATCH_ROWS, row_groups=groups)
    first = next(batches, None)
    yield file.schema_arrow.empty_table() if first is None else pyarrow.Table.from_batches([first])
    for batch in batches:
        yield pyarrow.Table.from_batches([batch])


def _judged(
    table: pyarrow.Table, contract: Contract, rule: Rule, left_out: Collection[str]
) -> pd.Series | pd.DataFrame:
    if rule.column is None:
        columns = {name: column for name, column in contract.definitions.items() if name not in left_out}
        return frame_of(table, RECORD, columns)
    column = contract.definitions[rule.column]
    if not holds_nulls(column):
        table = table.filter(table.column(rule.column).is_valid())
    index = pd.Index(table.column(RECORD).to_numpy(), name=RECORD)
    return series_of(table.column(rule.column), column, index).rename(rule.column)


def _try(judged: pd.Series | pd.DataFrame, contract: Contract, rule: Rule) -> None:
    """Before the first batch: a check that looks at other rows would judge every batch otherwise."""
    assert rule.definition is not None
    if not rule.builtin and depends_on_others(rule.definition, judged.iloc[:_TRIED]):
        raise BrokenContract(
            f"{contract.path}: the check {rule.check!r} looks at more than one row at a time.",
            "A rule judges row by row and returns a boolean Series; what rows must add up to is an expectation.",
        )


def _failing(judged: pd.Series | pd.DataFrame, rule: Rule) -> Iterator[int]:
    assert rule.definition is not None
    output = answers(rule.definition, judged)
    if output is None:
        if len(judged):
            raise ValueError("the check answers for all rows at once")
        return iter(())
    # Pandera itself leaves nulls out of a column's check; beyond that every row must have its answer.
    if not (output.index.equals(judged.index) or output.index.equals(judged.dropna().index)):
        raise ValueError("the check answers for other rows than it was asked about")
    return (int(record) for record in output.index[~output])
