"""The datasets of an integration as MLflow gets them: the pool before, the contribution, and the dataset after."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.columns import Column
from tidegate.errors import TidegateError
from tidegate.pool import as_input, mlflow_columns
from tidegate.receipt import Submission, digest_of
from tidegate.telemetry import event
from tidegate.tracking.outbox import Input
from tidegate.tracking.outcome import Outcome

log = logging.getLogger(__name__)

_DIGEST = 36  # characters that MLflow allows a dataset's digest; the whole one is a tag
_NAME = 500
_MOST_FILES = 1_000
"""Of a submission of more files the columns are not profiled."""
_KINDS = {"s3": "s3", "http": "http", "https": "http"}
"""How MLflow calls where a file lies, by the scheme of its place; anywhere else is ``local`` to it."""


def inputs_of(outcome: Outcome) -> Iterator[Input]:
    """The datasets of a run. What a store does not tell of a pool is left out, and no error."""
    receipt, (pool, version) = outcome.receipt, outcome.pool_before
    if version is not None:
        yield delta("pool_before", pool, version)
    yield _contribution(outcome)
    if receipt.dataset_uri is not None and receipt.dataset_version is not None:
        yield delta("pool_after", receipt.dataset_uri, receipt.dataset_version)


def delta(context: str, uri: str, version: int) -> Input:
    """A version of a Delta table. MLflow's own class loses version 0, so it stands in the name as well."""
    try:
        told = as_input(uri, version)
    except (TidegateError, OSError) as error:  # gone since, or a store that does not answer: the rest is recorded
        event(log, "dataset not described", level=logging.WARNING, error=type(error).__name__)
        source = {"path": uri, "delta_table_version": version}
        name = f"{uri.rstrip('/').rpartition('/')[2]}@{version}"
        return Input(context=context, name=name, digest=digest_of(source)[:_DIGEST], kind="delta_table", source=source)
    return Input(
        context=context,
        name=told.name[-_NAME:],
        digest=told.digest,
        kind="delta_table",
        source=told.source,
        columns=told.columns,
        profile=told.profile,
    )


def _contribution(outcome: Outcome) -> Input:
    receipt = outcome.receipt
    files = receipt.submission.files
    found = {column.column for column in outcome.report.personal_data} if outcome.report is not None else set()
    withheld = found | {column.name for column in outcome.columns if column.personal}
    profile: dict[str, Any] = {
        "num_rows": receipt.rows.read,
        **receipt.rows.model_dump(exclude={"read"}),
        "num_files": len(files),
        "num_bytes": sum(file.bytes for file in files),
    }
    if columns := profile_of(outcome.accepted, outcome.columns, withheld):
        profile["accepted_columns"] = columns
    kind, source = _source(receipt.submission)
    return Input(
        context="contribution",
        name=_name(receipt.submission)[-_NAME:],
        digest=receipt.submission.id[:_DIGEST],
        kind=kind,
        source=source,
        columns=mlflow_columns(_schema(outcome.columns)),
        profile=profile,
    )


def _name(submission: Submission) -> str:
    first, more = Path(submission.files[0].uri).name, len(submission.files) - 1
    return f"{first} and {more} more" if more else first


def _source(submission: Submission) -> tuple[str, dict[str, Any]]:
    """Where a submission's first file is. The others are in the receipt."""
    uri = submission.files[0].uri
    kind = _KINDS.get(urlsplit(uri).scheme, "local")
    return kind, {"url" if kind == "http" else "uri": uri}


def _schema(columns: Sequence[Column]) -> pa.Schema:
    import ibis  # which an integration has loaded, and nobody else needs

    fields = [(c.name, ibis.dtype(c.type).to_pyarrow(), c.nullable or not c.required) for c in columns]
    return pa.schema([pa.field(name, kind, nullable=nullable) for name, kind, nullable in fields])


def profile_of(
    files: Sequence[Path], columns: Sequence[Column], withheld: Collection[str]
) -> dict[str, dict[str, Any]]:
    """How many nulls each column has, and between what its numbers and times lie, as the files' footers tell.

    Args:
        files: Parquet that the engine wrote.
        withheld: columns of which no value is told, only the nulls.

    Returns:
        Per column `nulls`, and `min` and `max` where they are known. Columns that no file tells of are left out.
    """
    if len(files) > _MOST_FILES:
        return {}
    wanted = {column.name: column for column in columns}
    nulls: dict[str, int | None] = {}
    ends: dict[str, list[Any] | None] = {}
    for chunk in _chunks(files):
        name, told = chunk.path_in_schema, chunk.statistics
        if name not in wanted:  # a part of a nested column, or one of ours
            continue
        known = nulls.get(name, 0)
        nulls[name] = known + told.null_count if known is not None and told and told.has_null_count else None
        if name in withheld or not _ordered(wanted[name]):
            continue
        there = ends.get(name, [])
        if told is None or not told.has_min_max:
            empty = told is not None and told.has_null_count and told.null_count == chunk.num_values
            ends[name] = there if empty else None
        elif there is not None:
            ends[name] = [*there, told.min, told.max]
    found: dict[str, dict[str, Any]] = {}
    for name, count in nulls.items():
        if count is not None:
            found[name] = {"nulls": count}
            if values := ends.get(name):
                found[name] |= {end: _plain(value) for end, value in (("min", min(values)), ("max", max(values)))}
    return found


def _chunks(files: Sequence[Path]) -> Iterator[Any]:
    for file in files:
        footer = pq.read_metadata(file)
        for group in range(footer.num_row_groups):
            for number in range(footer.num_columns):
                yield footer.row_group(group).column(number)


def _ordered(column: Column) -> bool:
    """Whether it has numbers or times, whose ends tell nothing of a text."""
    return column.numeric or column.type.startswith(("date", "timestamp"))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
