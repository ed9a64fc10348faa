"""A handle on a dataset at one version. It holds no data and reads only what it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tidegate.columns import LINEAGE
from tidegate.errors import PoolError
from tidegate.pool.location import pool_location
from tidegate.pool.object_folder import delta_reason, gone
from tidegate.pool.table import open_table, table_files

if TYPE_CHECKING:
    import pandas as pd
    from deltalake import DeltaTable
    from pyarrow.fs import FileSystem

_BATCH = 65_536


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
        self, columns: Sequence[str] | None = None, *, lineage: bool = False, batch_size: int = _BATCH
    ) -> Iterator[pa.RecordBatch]:
        """The rows in batches, in the table's order, a batch in memory at a time.

        Args:
            columns: which columns; all without.
            lineage: whether `_submission` and `_contributor` come with them.
            batch_size: rows a batch at most.
        """
        opened = self._opened()
        yield from opened.batches(opened.names(columns, lineage), batch_size)

    def to_arrow(self, columns: Sequence[str] | None = None, *, lineage: bool = False) -> pa.Table:
        """All rows as an Arrow table, in memory."""
        opened = self._opened()
        names = opened.names(columns, lineage)
        chosen = pa.schema([opened.schema.field(name) for name in names])
        return pa.Table.from_batches(opened.batches(names, _BATCH), schema=chosen)

    def to_pandas(self, columns: Sequence[str] | None = None, *, lineage: bool = False) -> pd.DataFrame:
        """All rows as a pandas frame, in memory."""
        frame: pd.DataFrame = self.to_arrow(columns, lineage=lineage).to_pandas()
        return frame

    def count(self) -> int:
        """How many rows it has."""
        return sum(rows.num_rows for rows in self.to_batches(columns=[]))

    def log_input(self, context: str = "training") -> None:
        """Log this version as an input of the MLflow run that is under way: `tidegate lineage` finds it by that.

        Args:
            context: what the run does with it, as MLflow keeps it.

        Raises:
            Misuse: MLflow is not installed, or there is no such run.
            PoolError: the dataset cannot be opened.
        """
        from tidegate.pool.as_input import log_input

        log_input(self.uri, self.version, context)

    def _opened(self) -> _Opened:
        location = pool_location(self.uri)
        table = open_table(location)
        if table is None:
            raise PoolError(f"There is no dataset at {self.uri}.")
        if isinstance(location, Path):
            table.load_as_version(self.version)
            return _Opened(self.uri, _schema(table), [str(file.path) for file in table_files(table)], None)
        with location.told(f"Version {self.version} of {location} cannot be opened"):
            table.load_as_version(self.version)
        system, files = location.reader(table)
        return _Opened(self.uri, _schema(table), files, system)


@dataclass(frozen=True)
class _Opened:
    """A dataset's columns and files, and where they are read from if not from this machine."""

    uri: str
    schema: pa.Schema
    files: list[str]
    elsewhere: FileSystem | None

    def names(self, columns: Sequence[str] | None, lineage: bool) -> list[str]:
        """The columns that are asked for."""
        return list(columns) if columns is not None else [n for n in self.schema.names if lineage or n not in LINEAGE]

    def batches(self, names: list[str], batch_size: int) -> Iterator[pa.RecordBatch]:
        """The rows, in the table's order."""
        import pyarrow.dataset as ds

        for file in self.files:
            try:
                opened = ds.dataset(file, schema=self.schema, format="parquet", filesystem=self.elsewhere)
                yield from opened.to_batches(columns=names, batch_size=batch_size)
            except OSError as error:
                if self.elsewhere is None:
                    raise
                if isinstance(error, FileNotFoundError):
                    raise gone(file) from None
                raise PoolError(
                    f"{self.uri}/{file} cannot be read: {delta_reason(error)}.", "Try again later."
                ) from None


def _schema(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())
