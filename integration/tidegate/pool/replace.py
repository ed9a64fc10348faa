"""Put other files in the place of some, in one commit, on which no other writer's rows depend.

As in `publish`: files first and fsync, then one commit on a fresh handle. Where another writer was faster, what is to
be done is told anew from what the pool is then; files that were written already are used again.
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.errors import PoolError
from tidegate.pool.durable import discard, fsync
from tidegate.pool.history import commits, existing_table
from tidegate.pool.location import Location
from tidegate.pool.log import LogFile
from tidegate.pool.object_folder import ObjectFolder, delta_reason
from tidegate.pool.rows import PoolFiles

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

_ATTEMPTS = 20
_GROUP_BYTES = 64 * 2**20
_MOST_ROWS = 122_880
_STEM = len("part-") + 24 + len("-01234567-00000")
"""How long a name is without what is added here."""


@dataclass(frozen=True)
class Part:
    """Neighbouring files, and what of their rows goes into one file in their place: all where `keep` is None.

    `rows` is how many there must be; where there are none, there is no file.
    """

    files: tuple[LogFile, ...]
    rows: int
    keep: ds.Expression | None = None


@dataclass(frozen=True)
class Plan:
    """What one commit does, and says of itself."""

    parts: Sequence[Part]
    metadata: Mapping[str, Any]
    changes_data: bool


@dataclass
class _Written:
    """Files of ours by the names of those whose place they take."""

    location: Location
    files: dict[tuple[str, ...], LogFile] = field(default_factory=dict)

    def discard(self, but: Sequence[Part] = ()) -> None:
        """Remove them, but those that are used."""
        used = {_names(part) for part in but}
        for names in [names for names in self.files if names not in used]:
            discard(self.location, [self.files.pop(names).name])


def replace(location: Location, key: str, planned: Callable[[DeltaTable], Plan | None]) -> tuple[int, Plan] | None:
    """Do in one commit what `planned` says is to be done with the pool as it stands; nothing where that is None.

    Args:
        key: under which the commit's metadata has what the plan says.

    Returns:
        The version of the commit and the plan that was carried out.

    Raises:
        Misuse: there is no pool.
        PoolError: a file cannot be read or written, or every attempt lost a race. Nothing was changed.
    """
    written, attempt_id = _Written(location), uuid.uuid4().hex[:12]
    tried: tuple[int, Plan] | None = None  # a commit of ours, on which version, of which the log is not asked yet
    reason = "lost to other writers"
    try:
        for attempt in range(_ATTEMPTS):
            table = existing_table(location)
            if tried is not None:
                landed = _landed(location, table, tried[0], key, attempt_id)
                if landed is not None:  # by an earlier attempt, whose answer was lost
                    return landed, tried[1]
            tried, plan = None, planned(table)
            written.discard(plan.parts if plan is not None else ())
            if plan is None:
                return None
            for part in plan.parts:
                if part.rows and _names(part) not in written.files:
                    written.files[_names(part)] = _write(location, table, part)
            tried = table.version(), plan
            try:
                version = _commit(location, table, plan, written, key, attempt_id)
            except _Unsure as doubt:
                version, reason = None, f"failed: {doubt}"
            if version is not None:
                if isinstance(location, Path):
                    fsync(location / "_delta_log" / f"{version:020}.json", location / "_delta_log", location)
                return version, plan
            time.sleep(min(0.05 * 2**attempt, 1.0))
    except BaseException:
        if tried is None:  # else a commit may name the files
            written.discard()
        raise
    raise PoolError(f"{_ATTEMPTS} attempts to change {location} {reason}.", "Run it again.")


class _Unsure(Exception):
    """A commit of which it is not known whether it was done; says why."""


def _names(part: Part) -> tuple[str, ...]:
    return tuple(file.name for file in part.files)


def _landed(location: Location, table: DeltaTable, since: int, key: str, attempt_id: str) -> int | None:
    """The version of our commit, if it is there."""
    for commit in commits(location, table):
        if commit["version"] > since and key in commit and json.loads(commit[key]).get("id") == attempt_id:
            return int(commit["version"])
    return None


def _commit(
    location: Location, table: DeltaTable, plan: Plan, written: _Written, key: str, attempt_id: str
) -> int | None:
    """Commit once. None where another writer was faster. Raises `_Unsure` where it cannot be known."""
    from deltalake import CommitProperties
    from deltalake.exceptions import CommitFailedError, DeltaError

    actions: list[AddAction | RemoveAction] = []
    for part in plan.parts:
        actions += [_remove(file, plan.changes_data) for file in part.files]
        if part.rows:
            actions.append(_add(written.files[_names(part)], plan.changes_data))
    told = json.dumps({**plan.metadata, "id": attempt_id})
    before = table.version()
    try:
        table.create_write_transaction(
            actions, "append", table.schema(),
            commit_properties=CommitProperties(custom_metadata={key: told}, max_commit_retries=0),
        )  # fmt: skip
    except CommitFailedError:
        return None
    except (DeltaError, OSError) as error:
        if isinstance(location, ObjectFolder):
            raise _Unsure(delta_reason(error)) from None
        raise PoolError(f"The commit to {location} failed: {str(error).splitlines()[0]}") from None
    return before + 1


def _add(file: LogFile, changes_data: bool) -> AddAction:
    from deltalake.transaction import AddAction

    return AddAction(
        path=file.name, size=file.size, partition_values={}, modification_time=file.modified,
        data_change=changes_data, stats=json.dumps({"numRecords": file.rows}),
    )  # fmt: skip


def _remove(file: LogFile, changes_data: bool) -> RemoveAction:
    from deltalake.transaction import RemoveAction

    return RemoveAction(
        path=file.name, data_change=changes_data, deletion_timestamp=time.time_ns() // 10**6, size=file.size,
        partition_values={},
    )  # fmt: skip


def _write(location: Location, table: DeltaTable, part: Part) -> LogFile:
    """Write the rows of a part into the pool, where no commit names them yet.

    The file has the time of the first one, and a name that sorts where that one's did: readers go by both, so its rows
    stay in their place.
    """
    first = part.files[0]
    name = f"{first.name.removesuffix('.parquet')[:_STEM]}-{uuid.uuid4().hex[:8]}.parquet"
    with tempfile.TemporaryDirectory() as elsewhere:
        path = (location if isinstance(location, Path) else Path(elsewhere)) / name
        try:
            rows = _copy(PoolFiles(location, table), pa.schema(table.schema().to_arrow()), part, path)
            path.chmod(0o644)
            fsync(path, path.parent)
            size = path.stat().st_size
            if rows != part.rows:
                raise PoolError(
                    f"{location} has {rows:,} rows where its log says {part.rows:,}.", "Run tidegate verify."
                )
            if isinstance(location, ObjectFolder):
                location.put(name, path)
        except BaseException as error:
            discard(location, [name])
            if isinstance(error, OSError):
                raise PoolError(f"{path.parent} cannot be written: {error.strerror}.", "Nothing was changed.") from None
            raise
    return LogFile(name, size, rows, first.modified)


def _copy(opener: PoolFiles, schema: pa.Schema, part: Part, path: Path) -> int:
    """Write the part's rows to a file, in order, and count them."""
    at_once, rows = _rows_at_once(opener, part), 0
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(opener, schema, part, at_once):
            waiting.append(batch)
            rows += batch.num_rows
            if sum(each.num_rows for each in waiting) >= at_once:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, schema))
    return rows


def _batches(opener: PoolFiles, schema: pa.Schema, part: Part, at_once: int) -> Iterator[pa.RecordBatch]:
    import pyarrow.dataset as ds

    for file in part.files:
        with opener.told(file.name):
            opened = ds.dataset(file.name, schema=schema, format="parquet", filesystem=opener.system)
            scanned = opened.to_batches(filter=part.keep, batch_size=at_once, batch_readahead=1, fragment_readahead=1)
            yield from (batch for batch in scanned if batch.num_rows)


def _rows_at_once(opener: PoolFiles, part: Part) -> int:
    """How many rows make a row group, so that long ones take no more memory than short ones."""
    rows = size = 0
    for file in part.files:
        with opener.open(file.name) as opened:
            groups = [opened.metadata.row_group(number) for number in range(opened.num_row_groups)]
            rows += opened.metadata.num_rows
            size += sum(group.total_byte_size for group in groups)
    return max(1, min(_MOST_ROWS, _GROUP_BYTES * rows // max(size, 1)))
