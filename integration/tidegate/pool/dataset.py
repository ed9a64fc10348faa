"""A handle on a dataset at one version. It holds no data and reads only what it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from tidegate.columns import LINEAGE
from tidegate.errors import PoolError
from tidegate.pool.location import pool_location
from tidegate.pool.object_folder import ObjectFolder, delta_reason
from tidegate.pool.table import open_table, table_files

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow.fs import FileSystem


@dataclass(frozen=True)
class Dataset:
    """The training dataset as one version of a Delta table.

    Attributes:
        uri: the table's folder. One in an object store is read from there, with the credentials that are found then.
        version: the version; later publishes do not change what this handle reads.
    """

    uri: str
    version: int

    def to_batches(
        self, columns: Sequence[str] | None = None, *, lineage: bool = False, batch_size: int = 65_536
    ) -> Iterator[pa.RecordBatch]:
        """The rows in batches, in the table's order, a batch in memory at a time.

        Args:
            columns: which columns; all without.
            lineage: whether `_submission` and `_contributor` come with them.
            batch_size: rows a batch at most.
        """
        import pyarrow.dataset as ds

        schema, files, system = self._files()
        names = list(columns) if columns is not None else [n for n in schema.names if lineage or n not in LINEAGE]
        for file in files:
            try:
                yield from ds.dataset(file, schema=schema, format="parquet", filesystem=system).to_batches(
                    columns=names, batch_size=batch_size
                )
            except OSError as error:
                if system is None:
                    raise
                raise _unread(self.uri, file, error) from None

    def to_arrow(self, columns: Sequence[str] | None = None, *, lineage: bool = False) -> pa.Table:
        """All rows as an Arrow table, in memory."""
        schema, *_ = self._files()
        names = list(columns) if columns is not None else [n for n in schema.names if lineage or n not in LINEAGE]
        chosen = pa.schema([schema.field(name) for name in names])
        return pa.Table.from_batches(self.to_batches(columns, lineage=lineage), schema=chosen)

    def to_pandas(self, columns: Sequence[str] | None = None, *, lineage: bool = False) -> pd.DataFrame:
        """All rows as a pandas frame, in memory."""
        frame: pd.DataFrame = self.to_arrow(columns, lineage=lineage).to_pandas()
        return frame

    def count(self) -> int:
        """How many rows it has."""
        return sum(rows.num_rows for rows in self.to_batches(columns=[]))

    def _files(self) -> tuple[pa.Schema, list[str], FileSystem | None]:
        location = pool_location(self.uri)
        table = open_table(location)
        if table is None:
            raise PoolError(f"There is no dataset at {self.uri}.")
        if not isinstance(location, ObjectFolder):
            table.load_as_version(self.version)
            return pa.schema(table.schema().to_arrow()), [str(file.path) for file in table_files(table)], None
        with location.told(f"Version {self.version} of {location} cannot be opened"):
            table.load_as_version(self.version)
        system, names = location.reader(table)
        return pa.schema(table.schema().to_arrow()), names, system


def _unread(uri: str, file: str, error: OSError) -> PoolError:
    if isinstance(error, FileNotFoundError):
        return PoolError(f"The pool's log names {file}, which is gone.", "Restore it from a backup.")
    return PoolError(f"{uri}/{file} cannot be read: {delta_reason(error)}.", "Try again later.")
