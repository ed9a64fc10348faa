"""A pool's folder in an object store: S3 or Azure.

DuckDB reads local files only, so the pool's files are fetched before they are read. None ever changes, so what was
fetched once is kept in the state folder and linked from there; what the pool no longer has is dropped.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq

from tidegate.config import Resources, SourceConfig
from tidegate.engines import DataFile
from tidegate.errors import NoRoom, PoolError, SourceUnreadable
from tidegate.sources import fetch_files
from tidegate.sources.blob_storage import Listed, Store, store_of
from tidegate.sources.fetch import Bounds
from tidegate.sources.places import Transient

if TYPE_CHECKING:
    from deltalake import DeltaTable

T = TypeVar("T")
_MOST_BYTES, _MOST_SECONDS = 2**62, 10**9
"""The limits on a submission are not for our own files."""
_NEAR = 1000
"""Among how many objects one is looked for that is not the pool's."""
_DELTA_CLIENT = {"connect_timeout": "30s", "timeout": "60s", "max_retries": "5", "retry_timeout": "120s"}
_STATUS = re.compile(r"\b([45]\d\d) [A-Z][A-Za-z ]+")


class ObjectFolder:
    """A folder in an object store that holds a pool, or is to.

    Args:
        uri: such as ``s3://bucket/pool``, without a slash at its end.
        cache: where fetched files are kept; None where they are not.

    Every method raises `PoolError` where the store cannot be asked or refuses.
    """

    def __init__(self, uri: str, cache: Path | None = None) -> None:
        self.uri, self._cache = uri, cache

    def __str__(self) -> str:
        return self.uri

    def exists(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._listed("", 1))

    def has_log(self) -> bool:
        """Whether there is a Delta log."""
        return bool(self._listed("_delta_log/", 1))

    def holds_table(self) -> bool:
        """Whether there is a Delta table. Raises `PoolError` where there is something else."""
        if self.has_log():
            return True
        names = [entry.key.removeprefix(f"{self._key}/") for entry in self._listed("", _NEAR)]
        if any(name.startswith("_delta_log/") for name in names):
            return True  # another writer was first, since the line above
        if all(name.startswith("part-") for name in names):
            return False  # nothing, or files of a publish that did not come to its first commit
        raise PoolError(f"{self} is not empty and is no Delta table.", "Name the folder of a pool, or a new one.")

    def delta(self) -> tuple[str, dict[str, str]]:
        """The URI and the storage options by which delta-rs reaches it. Credentials in them may end within the hour."""
        return self._store.delta_uri(self._key), _DELTA_CLIENT | self._asked(self._store.delta_options)

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Say in our words what delta-rs could not do: its own hold URLs, and what is secret in them."""
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (DeltaError, OSError) as error:
            raise PoolError(f"{what}: {delta_reason(error)}.", "Try again later.") from None

    def check_files(self, table: DeltaTable) -> None:
        """Raises `PoolError` where a file of the table is gone."""
        self._found(table)

    def sizes(self) -> dict[str, int]:
        """The size in bytes of everything in it, by name."""
        return {entry.key.removeprefix(f"{self._key}/"): entry.size for entry in self._listed("")}

    def files(self, table: DeltaTable, folder: Path) -> tuple[DataFile, ...]:
        """The table's files on this machine, in `folder`, oldest first.

        Raises:
            PoolError: one is gone, or is not what the log says.
            NoRoom: they do not fit on the disk.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = {_local_name(entry): entry for entry in self._found(table)}
        with self._kept() as cache:
            self._fetch(found, cache or folder)
            if cache is not None:
                for name in found:
                    _link(cache / name, folder / name)
                for path in cache.iterdir():
                    if path.name not in found:
                        path.unlink()
        return tuple(DataFile(path=folder / name, rows=pq.read_metadata(folder / name).num_rows) for name in found)

    def reader(self, sizes: dict[str, int]) -> pyarrow.fs.FileSystem:
        """A file system that reads files where they are, by name; `sizes` need not be asked for then."""
        from deltalake.fs import DeltaStorageHandler

        uri, options = self.delta()
        return pyarrow.fs.PyFileSystem(DeltaStorageHandler(uri, options, sizes))

    def put(self, name: str, path: Path) -> None:
        """Upload a file under a name that is new, and hold against its length what the store then has.

        Raises:
            PoolError: besides, where the store writes over what is there though it is asked not to: then two who
                publish at once could both believe that they were first.
        """
        key, size = f"{self._key}/{name}", path.stat().st_size
        self._asked(lambda: self._store.put(key, path), once=True)
        there = next((entry for entry in self._listed(name) if entry.key == key), None)
        if there is None or there.size != size:
            raise PoolError(f"{self}/{name} has not the {size} bytes that were sent.", "Nothing was published.")
        if not self._asked(lambda: self._store.guards(key)):
            raise PoolError(
                f"The store of {self} writes over objects also where it is asked not to: two writers could both win.",
                "It needs conditional writes (If-None-Match), as Amazon S3 and Azure have them.",
            )
        with suppress(OSError), self._kept() as cache:  # who reads the pool next need not fetch it
            if cache is not None:
                os.link(path, cache / _local_name(there))

    def discard(self, name: str) -> None:
        """Remove a file that no commit names; that it cannot be removed is no error, for it is only in the way."""
        with suppress(PoolError):
            self._asked(lambda: self._store.delete(f"{self._key}/{name}"))

    def read(self, name: str) -> bytes | None:
        """A small object, or None where there is none."""
        key = f"{self._key}/{name}"

        def whole() -> bytes:
            with self._store.file(key, None).open(0, None, None) as opened:
                return b"".join(opened.chunks)

        return self._asked(whole) if self._asked(lambda: self._store.exists(key)) else None

    def write(self, name: str, content: bytes) -> None:
        """Write a small object, over what is there."""
        self._asked(lambda: self._store.put(f"{self._key}/{name}", content), once=True)

    @cached_property
    def _bounds(self) -> Bounds:
        return Bounds(SourceConfig(), Resources(max_bytes=_MOST_BYTES, max_seconds=_MOST_SECONDS))

    @cached_property
    def _place(self) -> tuple[Store, str]:
        with _as_pool_error():
            return store_of(self.uri, self._bounds)

    @property
    def _store(self) -> Store:
        return self._place[0]

    @property
    def _key(self) -> str:
        return self._place[1]

    def _asked(self, attempt: Callable[[], T], *, once: bool = False) -> T:
        with _as_pool_error():
            return attempt() if once else self._bounds.retried(attempt, self.uri)

    def _listed(self, prefix: str, most: int | None = None) -> list[Listed]:
        return self._asked(lambda: list(islice(self._store.list(f"{self._key}/{prefix}"), most)))

    def _found(self, table: DeltaTable) -> list[Listed]:
        """The table's files as the store lists them, oldest first."""
        there = {entry.key.removeprefix(f"{self._key}/"): entry for entry in self._listed("")}
        found = []
        for path, size in actions(table):
            entry = there.get(unquote(path))
            if entry is None:
                raise gone(unquote(path))
            if entry.size != size:
                raise PoolError(
                    f"{self}/{unquote(path)} has {entry.size} bytes; the pool's log says {size}.",
                    "Restore it from a backup.",
                )
            found.append(entry)
        return found

    @contextmanager
    def _kept(self) -> Iterator[Path | None]:
        """The folder of fetched files, for this process alone."""
        if self._cache is None:
            yield None
            return
        self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._cache.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._cache

    def _fetch(self, found: dict[str, Listed], folder: Path) -> None:
        """Fetch to `folder` what is not there yet. A file has its name there only when it is whole."""
        missing = {name: entry for name, entry in found.items() if _size(folder / name) != entry.size}
        need, free = sum(entry.size for entry in missing.values()), shutil.disk_usage(folder).free
        if need > free:
            raise NoRoom(
                f"{folder} needs {need:,} bytes for the files of {self}; {free:,} are free.", "Name another state_dir."
            )
        partial = {name: folder / f"{name}.partial" for name in missing}
        files = [(self._store.file(e.key, e.version), partial[name]) for name, e in missing.items()]
        try:
            with _as_pool_error():
                fetch_files(files, self._bounds.limits, self._bounds.config)
            for name, path in partial.items():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                path.replace(folder / name)
        except OSError as error:
            raise NoRoom(f"{folder} cannot be written: {error.strerror}.", "Name another state_dir.") from None


def actions(table: DeltaTable) -> list[tuple[str, int]]:
    """The paths and sizes of the table's files as its log has them, oldest first."""
    listed = pa.table(table.get_add_actions(flatten=True)).select(["modification_time", "path", "size_bytes"])
    rows = sorted(listed.to_pylist(), key=lambda action: (action["modification_time"], action["path"]))
    return [(row["path"], row["size_bytes"]) for row in rows]


def sizes_of(table: DeltaTable) -> dict[str, int]:
    """The names of the table's files, oldest first, and their sizes as its log has them."""
    return {unquote(path): size for path, size in actions(table)}


def newest(table: DeltaTable) -> int:
    """The latest time, in milliseconds, that the table's log has of a file; 0 where it has none."""
    listed = pa.table(table.get_add_actions(flatten=True))
    times = listed.column("modification_time").cast(pa.int64())
    return int(pc.max(times).as_py() or 0)


def gone(name: str) -> PoolError:
    """The error for a file of a pool that is not there."""
    return PoolError(f"The pool's log names {name}, which is gone.", "Restore it from a backup.")


def delta_reason(error: Exception) -> str:
    """Why delta-rs could not reach a store, without its URL."""
    status = _STATUS.search(str(error))
    return f"the store answers {status[0]}" if status else f"delta-rs says {type(error).__name__}"


@contextmanager
def _as_pool_error() -> Iterator[None]:
    try:
        yield
    except SourceUnreadable as error:
        raise PoolError(error.fact, error.hint) from None
    except Transient as fault:
        raise PoolError(f"The object store cannot be reached: {fault.reason}.", "Try again later.") from None


def _local_name(entry: Listed) -> str:
    """What a file is called on this machine: another one under the same key has another name."""
    told = f"{entry.key}\n{entry.version}\n{entry.size}"
    return f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.parquet"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:  # by an earlier look at the pool
        return
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
