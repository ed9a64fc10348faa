"""Small staged files are gathered into few: every query afterwards would open each of them, and so would the pool."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tidegate.engines.duckdb.connection import quoted
from tidegate.engines.duckdb.row_groups import rows_of_group, widest
from tidegate.engines.plan import DataFile

_ENOUGH = 16 << 20  # bytes of staged data: they are worth a file of their own
_AT_ONCE = 500  # files are open where they become one


class Gathering:
    """Staged files, in order: neighbours of together up to `enough` bytes are written as one."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, limit: int, enough: int = _ENOUGH) -> None:
        self._connection, self._folder, self._limit, self._enough = connection, folder, limit, enough
        self._files: list[DataFile] = []
        self._small: list[DataFile] = []
        self._bytes = 0

    def add(self, file: DataFile) -> None:
        """The next file. It may be gone afterwards, and its rows be in another one."""
        size = file.path.stat().st_size
        if self._bytes + size > self._enough or len(self._small) == _AT_ONCE:
            self._gather()
        self._small.append(file)
        self._bytes += size

    def files(self) -> tuple[DataFile, ...]:
        """All rows that were added, in order."""
        self._gather()
        return tuple(self._files)

    def _gather(self) -> None:
        if len(self._small) > 1:
            paths = ", ".join(quoted(str(file.path)) for file in self._small)
            path = self._folder / f"gathered-{len(self._files):05}.parquet"
            group = rows_of_group(widest(self._small), 0, self._limit)
            self._connection.execute(
                f"COPY (SELECT * FROM read_parquet([{paths}], hive_partitioning=false, union_by_name=true))"
                f" TO {quoted(str(path))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group})"
            )
            for file in self._small:
                file.path.unlink()
            self._files.append(DataFile(path=path, rows=sum(file.rows for file in self._small)))
        else:
            self._files += self._small
        self._small, self._bytes = [], 0
