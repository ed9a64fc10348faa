"""Open a pool, and refuse what is none or has features that we would misread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import pyarrow.parquet as pq

from tidegate.engines import DataFile
from tidegate.errors import Misuse, PoolError
from tidegate.pool.location import Location
from tidegate.pool.object_folder import ObjectFolder, actions, delta_reason, gone

if TYPE_CHECKING:
    from deltalake import DeltaTable

_UNREADABLE_FEATURES = frozenset({"deletionVectors", "columnMapping"})


def open_table(location: Location) -> DeltaTable | None:
    """The Delta table at `location`, or None where there is nothing yet.

    Raises:
        Misuse: deltalake is not installed.
        PoolError: there is something else, or a table that we would misread.
    """
    try:
        import deltalake  # noqa: F401
    except ModuleNotFoundError:
        raise Misuse(
            "A pool needs the package deltalake.", "Install it with: pip install 'tidegate[pipeline]'"
        ) from None
    try:
        table = _open_remote(location) if isinstance(location, ObjectFolder) else _open_local(location)
    except OSError as error:  # no permission, a disk that fails
        raise PoolError(f"The pool {location} cannot be read: {error.strerror or error}.") from None
    if table is None:
        return None
    protocol = table.protocol()
    unreadable = _UNREADABLE_FEATURES & set(protocol.reader_features or ())
    if unreadable or table.metadata().partition_columns:
        what = ", ".join(sorted(unreadable)) or "partition columns"
        raise PoolError(f"The pool {location} uses {what}, which Tidegate does not read.")
    return table


def open_version(location: Location, version: int) -> DeltaTable:
    """The Delta table at `location` as it was at a version. Raises `PoolError` where it cannot be opened so."""
    table = open_table(location)
    if table is None:
        raise PoolError(f"There is no dataset at {location}.")
    from deltalake.exceptions import DeltaError

    newest = table.version()
    if newest != version:
        try:
            table.load_as_version(version)
        except (DeltaError, OSError, OverflowError) as error:
            reason = delta_reason(error) if isinstance(location, ObjectFolder) else str(error).splitlines()[0]
            raise PoolError(
                f"Version {version} of {location} cannot be opened: {reason}.", f"Its newest version is {newest}."
            ) from None
    return table


def _open_local(location: Path) -> DeltaTable | None:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        names = {path.name for path in location.iterdir()}  # asked once: another writer may be at its first commit
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        names = {"."}
    if "_delta_log" not in names:
        if all(name.startswith("part-") for name in names):
            return None  # nothing, or files of a publish that did not come to its first commit
        raise PoolError(f"{location} is not empty and is no Delta table.", "Name the folder of a pool, or a new one.")
    if not any(path.suffix in (".json", ".parquet") for path in (location / "_delta_log").iterdir()):
        return None  # a first commit that was begun
    try:
        return DeltaTable(location)
    except DeltaError as error:
        raise PoolError(f"The pool {location} cannot be opened: {str(error).splitlines()[0]}") from None


def _open_remote(location: ObjectFolder) -> DeltaTable | None:
    from deltalake import DeltaTable

    if not location.holds_table():
        return None
    uri, options = location.delta()
    with location.told(f"The pool {location} cannot be opened"):
        return DeltaTable(uri, storage_options=options)


def pool_files(
    location: Location, folder: Path | None = None, table: DeltaTable | None = None
) -> tuple[tuple[DataFile, ...], int | None, tuple[str, ...]]:
    """The pool's files in their order in the log, its version, and its columns; files may have others besides.

    Where there is no pool yet, there are no files, no version and no columns.

    Args:
        folder: where the files of a pool in an object store are put.
        table: the pool, where it is open already.
    """
    table = table or open_table(location)
    if table is None:
        return (), None, ()
    if isinstance(location, ObjectFolder):
        assert folder is not None
        files = location.files(table, folder)
    else:
        files = table_files(table)
    return files, table.version(), tuple(field.name for field in table.schema().fields)


def pool_bytes(location: Location) -> int:
    """How large the pool's files are together, as its log has them; none of them is read or fetched.

    Raises:
        PoolError: the pool cannot be opened.
    """
    table = open_table(location)
    return sum(size for _, size in actions(table)) if table is not None else 0


def table_files(table: DeltaTable) -> tuple[DataFile, ...]:
    """A local table's files, oldest first. Rows are counted in the files and not believed from the log."""
    root = Path(unquote(urlparse(table.table_uri).path))
    files = []
    for name, _ in actions(table):
        path = root / unquote(name)
        try:
            files.append(DataFile(path=path, rows=pq.read_metadata(path).num_rows))
        except FileNotFoundError:
            raise gone(path.name) from None
    return tuple(files)
