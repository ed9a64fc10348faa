"""Work in Python on Spark's workers: a function for each of some jobs, and the rows of a query to Parquet.

A task may run twice, because it failed, its machine was lost, or another one was thought to be faster. So every attempt
writes under a name of its own, and only what the answers name is ever used.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate import __version__
from tidegate.engines.plan import DataFile
from tidegate.engines.spark.failures import unshared
from tidegate.engines.spark.waiting import interruptible
from tidegate.errors import Misuse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_GROUP = 64 << 20
"""Bytes of rows that are held before they are written as a row group."""


def run_on_workers(
    session: SparkSession, function: Callable[[dict[str, Any]], dict[str, Any]], jobs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The function's answer to each job, in order. A task has one job.

    Args:
        function: of a module, whose name alone is sent: another version may not have it.

    Raises:
        Misuse: the workers have another version of Tidegate, or none.
    """
    shared, asked = _apart(jobs)
    version, module, name = __version__, function.__module__, function.__name__

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            from tidegate import __version__ as ours
        except ModuleNotFoundError:
            ours = ""
        for batch in batches:
            for number in batch.column(0).to_pylist():
                if ours == version:
                    told = getattr(import_module(module), name)(json.loads(shared) | json.loads(asked[number]))
                else:
                    told = {"version": ours}
                yield pa.RecordBatch.from_pydict({"number": [number], "answer": [json.dumps(told)]})

    if not asked:
        return []
    numbers = session.range(0, len(asked), 1, len(asked))
    told = interruptible(session, numbers.mapInArrow(work, "number long, answer string").collect)
    answers = {row.number: json.loads(row.answer) for row in told}
    if others := sorted({answer["version"] for answer in answers.values() if set(answer) == {"version"}}):
        there = f"Tidegate {', '.join(others)}" if all(others) else "no Tidegate"
        raise Misuse(f"Spark's workers have {there}, and this is {version}.", "Install the same version there.")
    return [answers[number] for number in range(len(asked))]


def _apart(jobs: Sequence[dict[str, Any]]) -> tuple[str, list[str]]:
    """What all jobs have in common, and each one's own: every task gets all of it."""
    if not jobs:
        return "{}", []
    shared = {key: value for key, value in jobs[0].items() if all(key in job and job[key] == value for job in jobs)}
    own = [{key: value for key, value in job.items() if key not in shared} for job in jobs]
    return json.dumps(shared), [json.dumps(job) for job in own]


def write_rows(frame: DataFrame, schema: pa.Schema, folder: Path) -> tuple[DataFile, ...]:
    """Write a query's rows to Parquet, a file for each partition that has some, in order; one file at least.

    Raises:
        Misuse: the workers wrote elsewhere: they do not share the folder.
    """
    folder.mkdir(exist_ok=True, mode=0o700)
    place = str(folder)

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        number = context.partitionId()
        path = os.path.join(place, f"{number:05}-{uuid.uuid4().hex}.parquet")  # noqa: PTH118 - as a text it was sent
        if rows := _write(batches, schema, path):
            told = {"number": [number], "path": [path], "rows": [rows]}
            yield pa.RecordBatch.from_pydict(told, schema=_TOLD)

    # By numbers: PySpark would take some columns' names for expressions.
    numbered = frame.toDF(*(f"c{number}" for number in range(len(schema))))
    written = numbered.mapInArrow(write, "number int, path string, rows long")
    told = sorted(interruptible(frame.sparkSession, written.collect))
    files = tuple(DataFile(path=Path(row.path), rows=row.rows) for row in told)
    for file in files:
        if not file.path.exists():
            raise unshared(folder)
    if files:
        return files
    empty = folder / "empty.parquet"
    pq.write_table(schema.empty_table(), empty)
    return (DataFile(path=empty, rows=0),)


_TOLD = pa.schema([("number", pa.int32()), ("path", pa.string()), ("rows", pa.int64())])


def _write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: str) -> int:
    """Write batches to one file, if they have any row, and say how many."""
    writer: pq.ParquetWriter | None = None
    held: list[pa.RecordBatch] = []
    size = rows = 0
    try:
        for batch in _and_the_end(batches):
            if batch is not None and batch.num_rows:
                held.append(batch)
                size, rows = size + batch.nbytes, rows + batch.num_rows
            if held and (batch is None or size >= _GROUP):
                writer = writer or pq.ParquetWriter(path, schema, compression="zstd")
                table = pa.Table.from_batches(held).rename_columns(schema.names)
                writer.write_table(table.cast(schema), row_group_size=table.num_rows)
                held, size = [], 0
    finally:
        if writer is not None:
            writer.close()
    return rows


def _and_the_end(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch | None]:
    yield from batches
    yield None
