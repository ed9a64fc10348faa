"""A file of a submission written anew, with other cells and names, without some of its records.

Records are numbered from 1, as the stage numbers them: the readers are the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidegate.columns import PROBLEMS
from tidegate.config import Resources
from tidegate.mending.cells import FailingCells, Mender
from tidegate.readers.csv_dialect import CsvDialect
from tidegate.readers.csv_records import read_csv_records

_ROWS = 65_536


class File(Protocol):
    """A file of one format."""

    names: tuple[str, ...]
    """The columns that it has."""

    def look(self, cells: FailingCells, see: Callable[[str, str], None]) -> None:
        """Show every failing cell that holds something."""

    def passing(self, column: str, pattern: str, cells: FailingCells) -> bool:
        """Whether a cell of the column that did not fail is written so."""

    def write(self, target: Path, cells: FailingCells, mender: Mender, without: npt.NDArray[np.int64]) -> None:
        """Write it anew: with failing cells mended, and without these records."""

    def rename(self, target: Path, renamed: Mapping[str, str]) -> None:
        """Write it anew: the same records, malformed ones among them, with other names of columns."""


class _Columnar:
    """What has whole columns of cells."""

    names: tuple[str, ...]

    def batches(self) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError

    def look(self, cells: FailingCells, see: Callable[[str, str], None]) -> None:
        for first, batch in self._numbered():
            for column, rows in cells.within(first, batch.num_rows):
                if column in batch.schema.names and _textual(batch[column]):
                    for text in batch[column].take(pa.array(rows)).to_pylist():
                        if text is not None:
                            see(column, text)

    def passing(self, column: str, pattern: str, cells: FailingCells) -> bool:
        for first, batch in self._numbered():
            if column not in batch.schema.names or not _textual(batch[column]):
                return False
            alike = pc.fill_null(pc.match_substring_regex(_texts(batch[column]), pattern), False)
            rows = pc.indices_nonzero(alike).to_numpy()
            failing = [failing for name, failing in cells.within(first, batch.num_rows) if name == column]
            if np.setdiff1d(rows, failing[0] if failing else []).size:
                return True
        return False

    def changed(self, cells: FailingCells, mender: Mender, without: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
        """The batches with other cells, and without these records."""
        for first, batch in self._numbered():
            left_out = without[(without >= first) & (without < first + batch.num_rows)] - first
            for column, rows in cells.within(first, batch.num_rows):
                if column in batch.schema.names and _textual(batch[column]):
                    place = batch.schema.names.index(column)
                    kept = np.setdiff1d(rows, left_out)
                    batch = batch.set_column(
                        place, batch.schema.field(place), _with(batch[column], column, kept, first, mender)
                    )
            if left_out.size:
                keep = np.ones(batch.num_rows, dtype=bool)
                keep[left_out] = False
                batch = batch.filter(pa.array(keep))
            yield batch

    def _numbered(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        first = 1
        for batch in self.batches():
            yield first, batch
            first += batch.num_rows


class CsvFile(_Columnar):
    """A CSV file, plain. What is written has its delimiter and its newline, and quotes only where they are needed."""

    def __init__(self, path: Path, dialect: CsvDialect, limits: Resources) -> None:
        self._path, self._dialect, self._limits = path, dialect, limits
        self.names = dialect.header

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in read_csv_records(self._path, self._dialect, self._limits):
            yield batch.drop_columns([PROBLEMS])

    def write(self, target: Path, cells: FailingCells, mender: Mender, without: npt.NDArray[np.int64]) -> None:
        with target.open("wb") as out:
            out.write(self._header({}))
            for batch in self.changed(cells, mender, without):
                out.write(self._text(batch))

    def rename(self, target: Path, renamed: Mapping[str, str]) -> None:
        with self._path.open("rb") as source, target.open("wb") as out:
            source.seek(self._dialect.header_bytes)
            out.write(self._header(renamed))
            shutil.copyfileobj(source, out)

    def _header(self, renamed: Mapping[str, str]) -> bytes:
        names = [pa.array([renamed.get(name, name)]) for name in self.names]
        return self._text(pa.record_batch(names, [str(number) for number in range(len(names))]))

    def _text(self, batch: pa.RecordBatch) -> bytes:
        if not batch.num_rows:
            return b""
        delimiter, newline = self._dialect.delimiter, self._dialect.newline
        special = f'["\r\n{delimiter}]'
        cells = [_quoted(column, special) for column in batch.columns]
        lines = pc.binary_join_element_wise(*cells, delimiter) if len(cells) > 1 else cells[0]
        return "".join(f"{line}{newline}" for line in lines.to_pylist()).encode()


class ParquetFile(_Columnar):
    """A Parquet file. Only columns of text are changed; the others have their types."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.names = tuple(pq.read_schema(path).names)

    def batches(self) -> Iterator[pa.RecordBatch]:
        # As they are staged: the old kind of times would be read by the nanosecond, in which 2300 is another year.
        with pq.ParquetFile(self._path, coerce_int96_timestamp_unit="us") as file:
            for batch in file.iter_batches(_ROWS):
                yield pa.record_batch([_texts(column) if _textual(column) else column for column in batch.columns],
                                      names=batch.schema.names)  # fmt: skip

    def write(self, target: Path, cells: FailingCells, mender: Mender, without: npt.NDArray[np.int64]) -> None:
        self._write(target, self.changed(cells, mender, without), {})

    def rename(self, target: Path, renamed: Mapping[str, str]) -> None:
        self._write(target, self.batches(), renamed)

    def _write(self, target: Path, batches: Iterator[pa.RecordBatch], renamed: Mapping[str, str]) -> None:
        names = [renamed.get(name, name) for name in self.names]
        writer: pq.ParquetWriter | None = None
        for batch in batches:
            named = batch.rename_columns(names)
            writer = writer or pq.ParquetWriter(target, named.schema, compression="zstd")
            writer.write_batch(named)
        if writer is None:
            pq.write_table(pq.read_schema(self._path).empty_table().rename_columns(names), target)
        else:
            writer.close()


def _textual(column: pa.Array) -> bool:
    kind: Any = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _texts(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def _with(column: pa.Array, name: str, rows: npt.NDArray[np.int64], first: int, mender: Mender) -> pa.Array:
    """The column with other cells in these rows."""
    texts = column.take(pa.array(rows)).to_pylist()
    mask, values = np.zeros(len(column), dtype=bool), []
    for row, text in zip(rows, texts, strict=True):
        found = None if text is None else mender.mended(name, text, first + int(row))
        if found is not None:
            mask[row] = True
            values.append(found.text)
    if not values:
        return column
    return pc.replace_with_mask(column, pa.array(mask), pa.array(values, column.type))


def _quoted(column: pa.Array, special: str) -> pa.Array:
    """Cells as CSV spells them: null as nothing, an empty text as two quotes."""
    needs = pc.or_(pc.match_substring_regex(column, special), pc.equal(column, ""))
    doubled = pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
    return pc.fill_null(pc.if_else(needs, doubled, column), "")
