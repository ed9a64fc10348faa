"""A contract's own parsers, run by Pandera over batches: repairs that are code.

They get cells that have their type already; what text must be mended before it can be cast is for the configuration.
Like a check, a parser must look at one row at a time: batches would change what it does otherwise.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidegate.columns import RECORD, WHOLE
from tidegate.deadline import OutOfTime, deadline
from tidegate.engines import DataFile, Engine, Job
from tidegate.errors import BrokenContract
from tidegate.receipt import Repair
from tidegate.registry import Contract, load_contract
from tidegate.registry.frames import frame_of, holds_nulls

_BATCH_ROWS = 65_536
_TRIED = 1_000


@dataclass(frozen=True)
class Parsed:
    """Rows after the parsers.

    Attributes:
        repairs: per column how many cells were changed.
        failed: why the parsers could not be run, by the id of the rule that stands for them.
    """

    rows: ir.Table
    repairs: tuple[Repair, ...] = ()
    failed: dict[str, str] | None = None


def parse(
    engine: Engine,
    rows: ir.Table,
    contract: Contract,
    left_out: Collection[str],
    folder: Path,
    max_seconds: float = 3600,
    whole: ir.BooleanValue | None = None,
) -> Parsed:
    """Run the parsers over whole rows first, then those of single columns, as Pandera does.

    Args:
        left_out: columns that the submission lacks; no parser sees them.
        folder: where the parsed rows are written.
        max_seconds: how long they may take together, over what one process reads; then none of them has been run.
        whole: whether a row that leaves out an optional cell is parsed too; it stays as it is without.
    """
    names = [column.name for column in contract.columns]
    known = {} if whole is None else {WHOLE: whole}
    before = engine.write(rows.select(RECORD, *names, **known), folder / "unparsed.parquet")
    after = [DataFile(path=folder / f"parsed-{n:05}.parquet", rows=file.rows) for n, file in enumerate(before)]
    pairs = list(zip(before, after, strict=True))
    if engine.workers is None:
        answers = [_in_time(contract, old.path, new.path, left_out, max_seconds) for old, new in pairs]
    else:
        told = {
            "contract": str(contract.copy_to(folder)), "digest": contract.digest, "matched": dict(contract.matched),
            "left_out": list(left_out), "seconds": max_seconds,
        }  # fmt: skip
        answers = engine.workers(_on_worker, [told | {"before": str(b.path), "after": str(a.path)} for b, a in pairs])
    if failed := next((answer["failed"] for answer in answers if "failed" in answer), None):
        return Parsed(rows, failed=failed)
    for file in before:
        file.path.unlink()
    repairs = tuple(
        Repair(kind="parser", column=name, detail="the contract's parser", cells=cells)
        for name in contract.definitions
        if (cells := sum(answer["changed"].get(name, 0) for answer in answers))
    )
    parsed = engine.table("parsed", tuple(after))
    return Parsed(parsed.select(RECORD, *names), repairs)


def _on_worker(job: Job) -> Job:
    contract = load_contract(Path(job["contract"]))
    if contract.digest != job["digest"]:
        raise BrokenContract(f"{contract.path} changed while it was used.", "Run it again.")
    contract = contract.with_matched(job["matched"])
    return _in_time(contract, Path(job["before"]), Path(job["after"]), job["left_out"], job["seconds"])


def _in_time(contract: Contract, before: Path, after: Path, left_out: Collection[str], max_seconds: float) -> Job:
    """Run the parsers over one file: how many cells of each column they `changed`, or why they `failed`, by rule."""
    try:
        with deadline(max_seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a library thinks of the author's code is none of a contributor's
            return _parsed(contract, before, after, left_out)
    except OutOfTime:
        told = f"a timeout after {max_seconds} s"
        return {"failed": {rule: told for rule, _ in _parsers(contract, dict(contract.definitions))}}


def _parsed(contract: Contract, before: Path, after: Path, left_out: Collection[str]) -> Job:
    definitions = {name: column for name, column in contract.definitions.items() if name not in left_out}
    changed = dict.fromkeys(definitions, 0)
    file = pq.ParquetFile(before)
    with pq.ParquetWriter(after, file.schema_arrow, compression="zstd") as writer:
        for number, batch in enumerate(file.iter_batches(_BATCH_ROWS)):
            table = pyarrow.Table.from_batches([batch])
            for rule, run in _parsers(contract, definitions):
                try:
                    if not number:
                        _try(run, table.slice(0, _TRIED), definitions)
                    table = _applied(run, table, definitions)
                except Exception as error:  # noqa: BLE001 - the author's code may raise anything
                    told = str(error) if isinstance(error, _LooksElsewhere) else f"it raised {type(error).__name__}"
                    return {"failed": {rule: told}}
            for name in definitions:
                changed[name] += _differing(batch.column(name), table.column(name).combine_chunks())
            writer.write_table(table)
    return {"changed": {name: cells for name, cells in changed.items() if cells}}


class _LooksElsewhere(Exception):
    """A parser's output is not one row for each row, by itself."""


_Run = Callable[[pd.DataFrame], pd.DataFrame]


def _parsers(contract: Contract, definitions: dict[str, pa.Column]) -> Iterator[tuple[str, _Run]]:
    for parser in contract.schema.parsers:
        yield f"dataframe.{parser.name}", _of_rows(parser)
    for name, column in definitions.items():
        for parser in column.parsers:
            yield f"{name}.{parser.name}", _of_column(name, column, parser)


def _of_rows(parser: Any) -> _Run:
    return lambda frame: cast(pd.DataFrame, parser(frame).parser_output)


def _of_column(name: str, column: pa.Column, parser: Any) -> _Run:
    def run(frame: pd.DataFrame) -> pd.DataFrame:
        cells = frame[name]
        if holds_nulls(column) or not cells.hasnans:
            return frame.assign(**{name: parser(cells).parser_output})
        there = cells.dropna().astype(column.dtype.type)  # the others are left out of their records
        parsed = parser(there).parser_output
        if not parsed.index.equals(there.index):
            raise _LooksElsewhere("it does not give one row for each row")
        return frame.assign(**{name: parsed.astype(cells.dtype).reindex(cells.index)})

    return run


def _applied(run: _Run, table: pyarrow.Table, definitions: dict[str, pa.Column]) -> pyarrow.Table:
    """The table with what a parser makes of its rows; a row that pandas cannot hold stays as it is."""
    frame = frame_of(table, RECORD, definitions)
    parsed: Any = run(frame.copy())
    if not isinstance(parsed, pd.DataFrame) or not parsed.index.equals(frame.index):
        raise _LooksElsewhere("it does not give one row for each row")
    if list(parsed.columns) != list(frame.columns):
        raise _LooksElsewhere("it does not give the contract's columns")
    held = pc.is_in(table.column(RECORD), pyarrow.array(frame.index))
    for name in definitions:
        field = table.schema.field(name)
        if parsed[name].equals(frame[name]):
            continue
        absent = not holds_nulls(definitions[name]) and frame[name].hasnans
        coerced = parsed[name].astype(frame[name].dtype) if absent else definitions[name].dtype.coerce(parsed[name])
        cells = pyarrow.Array.from_pandas(coerced)
        if pyarrow.types.is_duration(cells.type):
            cells = cells.cast(pyarrow.duration("us")).cast(pyarrow.int64())
        cells = cells.cast(field.type)
        column = _replaced(table.column(name).combine_chunks(), held.to_numpy(), cells)
        table = table.set_column(table.schema.get_field_index(name), field, column)
    return table


def _replaced(column: pyarrow.Array, held: npt.NDArray[np.bool_], cells: pyarrow.Array) -> pyarrow.Array:
    """The column with `cells` in the rows that are held, in order. Arrow itself replaces nothing in lists."""
    places = np.arange(len(column))
    places[held] = len(column) + np.arange(len(cells))
    return pyarrow.concat_arrays([column, cells]).take(pyarrow.array(places))


def _try(run: _Run, table: pyarrow.Table, definitions: dict[str, pa.Column]) -> None:
    if table.num_rows < 2:
        return
    whole = _applied(run, table, definitions)
    half = table.num_rows // 2
    parts = [_applied(run, table.slice(*span), definitions) for span in ((0, half), (half,))]
    if not pyarrow.concat_tables(parts).equals(whole):
        raise _LooksElsewhere("it looks at more than one row at a time")


def _differing(before: pyarrow.Array, after: pyarrow.Array) -> int:
    if pyarrow.types.is_nested(before.type):
        pairs = zip(before.to_pylist(), after.to_pylist(), strict=True)
        return sum(old != new for old, new in pairs)
    changed = pc.fill_null(pc.not_equal(before, after), False)
    nulled = pc.xor(before.is_null(), after.is_null())
    return int(pc.sum(pc.or_(changed, nulled)).as_py() or 0)
