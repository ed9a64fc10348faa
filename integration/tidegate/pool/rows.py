"""The pool's files, read where they lie: footers, and whose rows they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from tidegate.columns import CONTRIBUTOR, LINEAGE, SUBMISSION
from tidegate.errors import PoolError
from tidegate.pool.location import Location
from tidegate.pool.object_folder import delta_reason, gone, sizes_of

if TYPE_CHECKING:
    from deltalake import DeltaTable

Owner = tuple[str | None, str | None]
"""A submission and its contributor."""

_BATCH = 262_144


def file_system(location: Location, sizes: dict[str, int]) -> pyarrow.fs.FileSystem:
    """What reads the files of a pool by their names, where they are."""
    if isinstance(location, Path):
        return pyarrow.fs.SubTreeFileSystem(str(location), pyarrow.fs.LocalFileSystem())
    return location.reader(sizes)


@contextmanager
def told(location: Location, name: str) -> Iterator[None]:
    """Say in our words that a file cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise gone(name) from None
    except (OSError, pa.ArrowException) as error:
        reason, hint = "it is no sound Parquet file", "Restore it from a backup."
        if isinstance(error, OSError) and not isinstance(location, Path):
            reason, hint = delta_reason(error), "Try again later; if that does not help, restore it from a backup."
        elif isinstance(error, OSError) and error.strerror:
            reason, hint = error.strerror, "Look whether it may be read."
        raise PoolError(f"{location}/{name} cannot be read: {reason}.", hint) from None


class PoolFiles:
    """Opens the files of one version, on this machine or in an object store.

    Every method raises `PoolError` where a file is gone or cannot be read.
    """

    def __init__(self, location: Location, table: DeltaTable) -> None:
        self._location, self.system = location, file_system(location, sizes_of(table))

    @contextmanager
    def open(self, name: str) -> Iterator[pq.ParquetFile]:
        """A file, opened as Parquet: its footer is read, and no row."""
        with told(self._location, name), self.system.open_input_file(name) as file, pq.ParquetFile(file) as opened:
            yield opened

    def told(self, name: str) -> AbstractContextManager[None]:
        """Say in our words that a file cannot be read."""
        return told(self._location, name)

    def owners(self, name: str) -> Counter[Owner]:
        """How many rows of a file are whose, told by its columns of lineage."""
        counted: Counter[Owner] = Counter()
        with self.open(name) as opened:
            there = [column for column in LINEAGE if column in opened.schema_arrow.names]
            if not there:
                return Counter({(None, None): opened.metadata.num_rows})
            for batch in opened.iter_batches(_BATCH, columns=there):
                groups = pa.Table.from_batches([batch]).group_by(there).aggregate([([], "count_all")]).to_pylist()
                for row in groups:
                    counted[row.get(SUBMISSION), row.get(CONTRIBUTOR)] += row["count_all"]
        return counted

    def may_hold(self, name: str, column: str, value: str) -> bool:
        """Whether a file can have rows with this value, told by its footer alone."""
        with self.open(name) as opened:
            if column not in opened.schema_arrow.names:
                return False
            leaves = opened.metadata.schema
            place = next(n for n in range(len(leaves)) if leaves.column(n).path == column)
            groups = [opened.metadata.row_group(number) for number in range(opened.num_row_groups)]
            return any(_within(group.column(place).statistics, value) for group in groups)


def _within(statistics: pq.Statistics | None, value: str) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(statistics.min <= value <= statistics.max)
