"""Publish: files first, then one commit that makes them visible.

delta-rs writes its log with no fsync and does not check that files exist, and its application transactions do not by
themselves make a second publish a no-op. So: put the files in place and fsync them, read the transaction and commit on
one fresh handle, try again on a conflict, fsync the log.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tidegate.engines import DataFile
from tidegate.errors import PoolError
from tidegate.pool.history import RECEIPT, RECEIPT_DIGEST, published_receipt
from tidegate.pool.table import open_table
from tidegate.receipt import Receipt

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction

_ATTEMPTS = 20
_KEEP_LOG = {"delta.logRetentionDuration": "interval 36500 days", "delta.enableExpiredLogCleanup": "false"}


@dataclass(frozen=True)
class Published:
    """Where a publish landed. `receipt` is the first one where the integration had been published before."""

    version: int
    receipt: Receipt
    already: bool


def publish(location: Path, files: Sequence[DataFile], schema: pa.Schema, receipt: Receipt, fresh: bool) -> Published:
    """Make the rows of `files` visible at `location` in one commit.

    Args:
        files: Parquet files that nobody else writes to; they are linked into place where that is possible.
        schema: the columns that the table has, or gets where it is new.
        fresh: whether the table must be new (an `output`), or is a pool that grows.

    Raises:
        PoolError: the place is taken, the schemas contradict each other, or every attempt lost a race.
    """
    attempt_id = uuid.uuid4().hex[:8]
    names = [f"{receipt.integration[:24]}-{attempt_id}-{number:05}" for number in range(len(files))]
    try:
        location.mkdir(parents=True, exist_ok=True)
        placed = [_place(location, file, name) for file, name in zip(files, names, strict=True)]
        _fsync(location)
    except OSError as error:
        for name in names:  # half of a file would keep a full disk full
            with suppress(OSError):
                _target(location, name).unlink()
        raise PoolError(f"{location} cannot be written: {error.strerror}.", "Nothing was published.") from None
    for attempt in range(_ATTEMPTS):
        table = open_table(location)
        if table is not None:
            known = published_receipt(table, receipt.integration)
            if known is not None:
                for file in placed:
                    file.path.unlink()
                return Published(known.dataset_version or 0, known, already=True)
            if fresh:
                raise PoolError(f"There is a dataset at {location} already.", "Name a new folder as output.")
        version = _commit(location, table, placed, schema, receipt)
        if version is not None:
            _fsync(location / "_delta_log" / f"{version:020}.json", location / "_delta_log", location)
            return Published(version, receipt, already=False)
        time.sleep(min(0.05 * 2**attempt, 1.0))
    raise PoolError(f"{_ATTEMPTS} attempts to publish to {location} lost to other writers.", "Run it again.")


def _target(location: Path, name: str) -> Path:
    return location / f"part-{name}.parquet"


def _place(location: Path, file: DataFile, name: str) -> DataFile:
    """The file under a name that no other attempt has: a hard link where possible, for nothing is written twice."""
    target = _target(location, name)
    try:
        os.link(file.path, target)
    except OSError:
        shutil.copyfile(file.path, target)
    target.chmod(0o644)
    _fsync(target)
    return DataFile(path=target, rows=file.rows)


def _commit(
    location: Path, table: DeltaTable | None, files: Sequence[DataFile], schema: pa.Schema, receipt: Receipt
) -> int | None:
    """Commit once. None where another writer was faster."""
    from deltalake import Schema
    from deltalake.exceptions import CommitFailedError, DeltaError
    from deltalake.transaction import create_table_with_add_actions

    actions = [_add(file) for file in files]
    try:
        if table is None:
            properties = _properties(receipt, 1)
            create_table_with_add_actions(
                str(location), Schema.from_arrow(schema), actions, mode="error",
                configuration=_KEEP_LOG, commit_properties=properties,
            )  # fmt: skip
            return 0
        if _widen(table, schema):
            return None  # the columns were added in a commit of their own; start again on a fresh handle
        # Published once and rolled back since: the transaction goes on counting.
        sequence = (table.transaction_version(receipt.integration) or 0) + 1
        before = table.version()
        table.create_write_transaction(
            [*actions], "append", table.schema(), commit_properties=_properties(receipt, sequence)
        )
        return before + 1
    except CommitFailedError:
        return None
    except DeltaError as error:
        if table is None and "already exists" in str(error):
            return None
        raise PoolError(f"The commit to {location} failed: {str(error).splitlines()[0]}") from None


def _add(file: DataFile) -> AddAction:
    from deltalake.transaction import AddAction

    state = file.path.stat()
    return AddAction(
        path=file.path.name, size=state.st_size, partition_values={}, modification_time=int(state.st_mtime * 1000),
        data_change=True, stats=json.dumps({"numRecords": file.rows}),
    )  # fmt: skip


def _properties(receipt: Receipt, sequence: int) -> CommitProperties:
    from deltalake import CommitProperties, Transaction

    return CommitProperties(
        custom_metadata={RECEIPT: receipt.model_dump_json(), RECEIPT_DIGEST: receipt.digest},
        app_transactions=[Transaction(receipt.integration, sequence)],
        max_commit_retries=0,
    )


def _widen(table: DeltaTable, schema: pa.Schema) -> bool:
    """Add the columns that the pool lacks (a newer minor version has more). Raises `PoolError` for another type."""
    from deltalake import Schema

    wanted = {field.name: field for field in Schema.from_arrow(schema).fields}
    there = {field.name: field for field in table.schema().fields}
    for name, field in wanted.items():
        if name in there and there[name].type != field.type:
            raise PoolError(
                f"Column {name!r} is {_type(there[name].type)} in the pool and {_type(field.type)} in the contract.",
                "A column's type cannot change: publish into a new pool.",
            )
    new = [field for name, field in wanted.items() if name not in there]
    if new:
        table.alter.add_columns(new)
    return bool(new)


def _type(kind: object) -> str:
    return str(getattr(kind, "type", kind))


def _fsync(*paths: Path) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
