"""Publish: files first, then one commit that makes them visible.

delta-rs writes its log with no fsync and does not check that files exist, and its application transactions do not by
themselves make a second publish a no-op. So: put the files in place and fsync them, read the transaction and commit on
one fresh handle, try again on a conflict, fsync the log.

In an object store the commit is one conditional write, which fails where another was first. There the answer to a
write can be lost, so that whether it was done is known only from the log: it is read again before anything is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

from tidegate.engines import DataFile
from tidegate.errors import PoolError
from tidegate.pool.durable import discard, fsync
from tidegate.pool.history import RECEIPT, RECEIPT_DIGEST, published_receipt
from tidegate.pool.location import Location
from tidegate.pool.object_folder import ObjectFolder, actions, delta_reason, newest
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


def publish(
    location: Location,
    files: Sequence[DataFile],
    schema: pa.Schema,
    receipt: Receipt,
    fresh: bool,
    recheck: Callable[[DeltaTable], None] = lambda table: None,
) -> Published:
    """Make the rows of `files` visible at `location` in one commit.

    Args:
        files: Parquet files that nobody else writes to; they are linked into place where that is possible, or uploaded.
        schema: the columns that the table has, or gets where it is new.
        fresh: whether the table must be new (an `output`), or is a pool that grows.
        recheck: is asked before each attempt, with the table that the commit will follow on and no other; it raises
            where the rows may not go in as they are.

    Raises:
        PoolError: the place is taken, the schemas contradict each other, or every attempt lost a race.
    """
    attempt_id = uuid.uuid4().hex[:8]
    named = {f"part-{receipt.integration[:24]}-{attempt_id}-{n:05}.parquet": file for n, file in enumerate(files)}
    placed = _upload(location, named) if isinstance(location, ObjectFolder) else _place_all(location, named)
    reason = "lost to other writers"
    for attempt in range(_ATTEMPTS):
        table = open_table(location)
        if table is not None:
            known = published_receipt(location, table, receipt.integration)
            if known is not None and not _holds(table, placed):
                discard(location, placed)
                return Published(known.dataset_version or 0, known, already=True)
            if known is not None:  # by an earlier attempt of ours, whose answer was lost
                return Published(known.dataset_version or 0, receipt, already=False)
            if fresh:
                discard(location, placed)
                raise PoolError(f"There is a dataset at {location} already.", "Name a new folder as output.")
            try:
                recheck(table)
            except BaseException:
                discard(location, placed)
                raise
        try:
            version = _commit(location, table, placed, schema, receipt)
        except _Unsure as doubt:
            version, reason = None, f"failed: {doubt}"
        if version is not None:
            if isinstance(location, Path):
                fsync(location / "_delta_log" / f"{version:020}.json", location / "_delta_log", location)
            return Published(version, receipt, already=False)
        time.sleep(min(0.05 * 2**attempt, 1.0))
    raise PoolError(f"{_ATTEMPTS} attempts to publish to {location} {reason}.", "Run it again.")


class _Unsure(Exception):
    """A commit of which it is not known whether it was done; says why."""


def _place_all(location: Path, named: Mapping[str, DataFile]) -> dict[str, DataFile]:
    """Put the files into the folder, each under its name."""
    try:
        location.mkdir(parents=True, exist_ok=True)
        placed = {name: _place(file, location / name) for name, file in named.items()}
        fsync(location)
    except BaseException as error:
        for name in named:  # half of a file would keep a full disk full
            with suppress(OSError):
                (location / name).unlink()
        if not isinstance(error, OSError):
            raise
        raise PoolError(f"{location} cannot be written: {error.strerror}.", "Nothing was published.") from None
    return placed


def _upload(location: ObjectFolder, named: Mapping[str, DataFile]) -> dict[str, DataFile]:
    try:
        for name, file in named.items():
            location.put(name, file.path)
    except BaseException:
        discard(location, named)
        raise
    return dict(named)


def _holds(table: DeltaTable, placed: Mapping[str, DataFile]) -> bool:
    """Whether the table has our files."""
    return bool(placed) and next(iter(placed)) in {unquote(path) for path, _ in actions(table)}


def _place(file: DataFile, target: Path) -> DataFile:
    """The file under a name that no other attempt has: a hard link where possible, for nothing is written twice."""
    try:
        os.link(file.path, target)
    except OSError:
        shutil.copyfile(file.path, target)
    target.chmod(0o644)
    fsync(target)
    return DataFile(path=target, rows=file.rows)


def _commit(
    location: Location, table: DeltaTable | None, files: Mapping[str, DataFile], schema: pa.Schema, receipt: Receipt
) -> int | None:
    """Commit once. None where another writer was faster. Raises `_Unsure` where it cannot be known."""
    from deltalake import Schema
    from deltalake.exceptions import CommitFailedError, DeltaError
    from deltalake.transaction import create_table_with_add_actions

    # Readers take files by this time: in the order of commits, and of the submission, whatever the clock says.
    first = max(int(time.time() * 1000), newest(table) + 1 if table is not None else 0)
    adds = [_add(name, file, first + n) for n, (name, file) in enumerate(files.items())]
    try:
        if table is None:
            uri, options = location.delta() if isinstance(location, ObjectFolder) else (str(location), None)
            properties = _properties(receipt, 1)
            create_table_with_add_actions(
                uri, Schema.from_arrow(schema), adds, mode="error",
                configuration=_KEEP_LOG, commit_properties=properties, storage_options=options,
            )  # fmt: skip
            return 0
        if _widen(table, schema):
            return None  # the columns were added in a commit of their own; start again on a fresh handle
        # Published once and rolled back since: the transaction goes on counting.
        sequence = (table.transaction_version(receipt.integration) or 0) + 1
        before = table.version()
        table.create_write_transaction(
            [*adds], "append", table.schema(), commit_properties=_properties(receipt, sequence)
        )
        return before + 1
    except CommitFailedError:
        return None
    except (DeltaError, OSError) as error:
        if table is None and "already exists" in str(error):
            return None
        if isinstance(location, ObjectFolder):
            raise _Unsure(delta_reason(error)) from None
        raise PoolError(f"The commit to {location} failed: {str(error).splitlines()[0]}") from None


def _add(name: str, file: DataFile, modified: int) -> AddAction:
    from deltalake.transaction import AddAction

    return AddAction(
        path=name, size=file.path.stat().st_size, partition_values={}, modification_time=modified,
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
