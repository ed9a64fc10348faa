"""What is read of one version of a pool: some columns, of the rows that a filter lets through, in even batches.

Columns and filters go down to Parquet: of a file only the chosen columns are read, and of these only the row groups
that the filter can let through, by the extremes in the file's own footer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.columns import LINEAGE
from tidegate.errors import Misuse, nearest
from tidegate.pool.location import pool_location
from tidegate.pool.object_folder import sizes_of
from tidegate.pool.rows import file_system, told
from tidegate.pool.table import open_version

if TYPE_CHECKING:
    import pyarrow.dataset as ds
    from pyarrow.fs import FileSystem

Filters: TypeAlias = pc.Expression | Sequence[tuple[str, str, Any]] | Sequence[Sequence[tuple[str, str, Any]]]
"""Which rows, as pyarrow and pandas take it.

An expression such as ``pc.field("cars") > 5``; or tuples such as ``[("cars", ">", 5), ("pier", "in", ["a", "b"])]``,
all of which must hold; or a list of such lists, one of which must hold.
"""

_AHEAD = 2
"""Batches that are decoded before they are asked for. Arrow's own sixteen cost memory, and are hardly faster."""
_UNKNOWN = re.compile(r"No match for FieldRef\.Name\((.*?)\) in ", re.DOTALL)


@dataclass(frozen=True)
class Reading:
    """What to read of which files. It is pickled as it is, and opens nothing before rows are asked for.

    Attributes:
        uri: the pool's.
        sizes: its files, oldest first, and the bytes that they have.
        schema: all columns of the version; a file that lacks one has nulls there.
        columns: the chosen ones.
        where: which rows; None for all.

    Every method raises `PoolError` where a file is gone or cannot be read.
    """

    uri: str
    sizes: dict[str, int]
    schema: pa.Schema
    columns: tuple[str, ...]
    where: pc.Expression | None

    @property
    def chosen(self) -> pa.Schema:
        """The chosen columns."""
        return pa.schema([self.schema.field(name) for name in self.columns])

    def only(self, columns: Sequence[str]) -> Reading:
        """The same rows with these columns. Raises `Misuse` where there is no such column."""
        if isinstance(columns, str) or not columns:
            raise Misuse("columns is a list of names, and not an empty one.", "Such as columns=['a', 'b'].")
        for name in columns:
            if name not in self.schema.names:
                raise _unknown(name, self.schema, self.uri)
        return replace(self, columns=tuple(columns))

    def batches(self, size: int, share: tuple[int, int] = (0, 1), *, threads: bool = True) -> Iterator[pa.RecordBatch]:
        """The rows in the pool's order, `size` in a batch, fewer in the last one.

        Args:
            size: rows a batch.
            share: (number, of how many): every row is in one of the shares. They are made of whole row groups.
            threads: whether columns are decoded on every core.
        """
        return _even(self._read(size, share, threads), size)

    def table(self) -> pa.Table:
        """All of it, in memory."""
        parts = [pa.Table.from_batches([], self.chosen)]
        for name, system in self._files():
            with told(pool_location(self.uri), name):
                parts.append(self._file(system, name).to_table(columns=list(self.columns), filter=self.where))
        return pa.concat_tables(parts)

    def count(self) -> int:
        """How many rows there are. Without a filter no row is read."""
        rows = 0
        for name, system in self._files():
            with told(pool_location(self.uri), name):
                rows += self._file(system, name).count_rows(filter=self.where)
        return rows

    def _read(self, size: int, share: tuple[int, int], threads: bool) -> Iterator[pa.RecordBatch]:
        """The rows, a row group at a time: of a whole file Arrow would hold all that it is going to decode."""
        (number, shares), place = share, 0
        for name, system in self._files():
            with told(pool_location(self.uri), name):
                for group in self._groups(system, name):
                    if place % shares == number:
                        yield from group.to_batches(
                            schema=self.schema,
                            columns=list(self.columns),
                            filter=self.where,
                            batch_size=size,
                            batch_readahead=_AHEAD,
                            use_threads=threads,
                        )
                    place += 1

    def _files(self) -> Iterator[tuple[str, FileSystem]]:
        system = file_system(pool_location(self.uri), self.sizes)
        return ((name, system) for name in self.sizes)

    def _groups(self, system: FileSystem, name: str) -> list[ds.Fragment]:
        """A file's row groups but for those that the filter rules out."""
        (file,) = self._file(system, name).get_fragments()
        groups: list[ds.Fragment] = file.split_by_row_group(self.where, self.schema)
        return groups

    def _file(self, system: FileSystem, name: str) -> ds.Dataset:
        import pyarrow.dataset as ds

        return ds.dataset(name, schema=self.schema, format="parquet", filesystem=system)


def reading(
    uri: str,
    version: int,
    columns: Sequence[str] | None = None,
    filters: Filters | None = None,
    *,
    lineage: bool = False,
) -> Reading:
    """Look what there is to read, and whether it can be asked so. No file is opened.

    Args:
        uri: the pool's.
        version: which one of it.
        columns: which columns; None for all but those of lineage.
        filters: which rows.
        lineage: whether `_submission` and `_contributor` come with the columns.

    Raises:
        Misuse: there is no such column, or the filter is none.
        PoolError: there is no such dataset, or it cannot be opened.
    """
    table = open_version(pool_location(uri), version)
    schema = pa.schema(table.schema().to_arrow())
    traced = [name for name in schema.names if name in LINEAGE]
    all_columns = Reading(
        uri,
        sizes_of(table),
        schema,
        tuple(name for name in schema.names if name not in traced),
        _condition(filters, schema, uri),
    )
    chosen = all_columns if columns is None else all_columns.only(columns)
    more = [name for name in traced if lineage and name not in chosen.columns]
    return replace(chosen, columns=(*chosen.columns, *more))


def _condition(filters: Filters | None, schema: pa.Schema, uri: str) -> pc.Expression | None:
    """The filter as an expression that fits the columns."""
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    if filters is None:
        return None
    try:
        where = filters if isinstance(filters, pc.Expression) else pq.filters_to_expression(filters)
    except (TypeError, ValueError):
        raise Misuse(
            "filters is neither an expression of pyarrow nor a list of (column, operator, value).",
            'Such as filters=[("cars", ">", 5)] or filters=pyarrow.compute.field("cars") > 5.',
        ) from None
    try:
        answer = (
            ds.dataset(schema.empty_table()).scanner(columns={"answer": where}).projected_schema.field("answer").type
        )
    except pa.ArrowException as error:
        if unknown := _UNKNOWN.search(str(error)):
            raise _unknown(unknown[1], schema, uri) from None
        # What Arrow says may hold the value.
        raise Misuse(
            "filters compares a column with a value of another type, or asks what cannot be asked of it.",
            "The columns are: " + ", ".join(f"{field.name} ({field.type})" for field in schema) + ".",
        ) from None
    if answer != pa.bool_():
        raise Misuse(f"filters gives {answer} and not true or false.", "Compare it: pyarrow.compute.field(...) > 5.")
    return where


def _unknown(name: str, schema: pa.Schema, uri: str) -> Misuse:
    return Misuse(f"There is no column {name!r} in {uri}.", nearest(name, schema.names))


def _even(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of `size`, the last one with what is left."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        while rows + batch.num_rows >= size:
            taken = size - rows
            held.append(batch.slice(0, taken))
            yield pa.concat_batches(held) if len(held) > 1 else held[0]
            batch, held, rows = batch.slice(taken), [], 0
        if batch.num_rows:
            held.append(batch)
            rows += batch.num_rows
    if held:
        yield pa.concat_batches(held)
