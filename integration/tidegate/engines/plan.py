"""What staging is asked for and what it answers: plain values, since they cross into another process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.readers.counts import ByteCounts


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataFile(_Plain):
    """A Parquet file that we wrote."""

    path: Path
    rows: int


def rows_of(files: Iterable[DataFile]) -> int:
    """How many rows files have together."""
    return sum(file.rows for file in files)


def into_one(files: Sequence[DataFile], path: Path) -> Path:
    """Write the rows of files with the same columns to one, in order, a row group at a time."""
    with pq.ParquetWriter(path, pq.read_schema(files[0].path), compression="zstd") as writer:
        for file in files:
            opened = pq.ParquetFile(file.path)
            for number in range(opened.num_row_groups):
                writer.write_table(opened.read_row_group(number))
    return path


class Extremes(_Plain):
    """The smallest and the largest number in a column, None where all are null; how many values and nulls there are."""

    low: int | float | None = None
    high: int | float | None = None
    values: int = 0
    nulls: int = 0

    def joined(self, other: Extremes) -> Extremes:
        """Those of both together."""
        ends = [end for one in (self, other) for end in (one.low, one.high) if end is not None]
        return Extremes(
            low=min(ends, default=None),
            high=max(ends, default=None),
            values=self.values + other.values,
            nulls=self.nulls + other.nulls,
        )


class Unsplittable(Exception):
    """A part of a source cannot be read by itself as it is read within the whole: stage the whole source."""


class Part(_Plain):
    """A piece of one source that holds whole records.

    Attributes:
        start, end: its bytes in the source, `end` not among them; of Parquet its row groups, counted from 0.
        head: how many bytes the header of CSV takes. It is no part's own, and read before each.
        lines: how many lines of JSON Lines there are before it.
    """

    start: int
    end: int
    head: int = 0
    lines: int = 0

    @property
    def repeated(self) -> int:
        """How many bytes are read with it that were read with the first part."""
        return self.head if self.start > self.head else 0


class StageSource(_Plain):
    """One file to stage, or one part of it. `counts` is of its plain bytes; None where they are not counted yet."""

    uri: str
    path: Path
    format: Literal["csv", "json", "jsonl", "parquet"]
    compression: Literal["none", "gzip", "zstd", "zip"]
    counts: ByteCounts | None = None
    part: Part | None = None


class StagePlan(_Plain):
    """A submission to stage into `folder`, by the columns of a contract. Every row gets the `constants` as well.

    A column that a source lacks, and a constant that is None, are left out of its staged file; there they are null.

    A stage that `lasts` may become part of a pool; another is only read, and so compressed fast rather than well.

    A name in `patterns` is a regular expression: it stands for every column whose name begins with a match.

    Where `part_size` is given, its one source is cut into parts of about so many bytes, and not staged.
    """

    sources: tuple[StageSource, ...]
    folder: Path
    columns: tuple[Column, ...]
    patterns: tuple[Column, ...] = ()
    constants: dict[str, str | None] = {}
    strict: bool
    lasts: bool = True
    null_values: tuple[str, ...] = ()
    trim_strings: bool = False
    resources: Resources
    part_size: int | None = None

    def matched(self, names: Iterable[str]) -> dict[str, str]:
        """The names that are no column's and match a pattern, each with the first that it matches."""
        known = {column.name for column in self.columns}
        found = {name: self._pattern(name) for name in names if name not in known}
        return {name: pattern for name, pattern in found.items() if pattern is not None}

    def _pattern(self, name: str) -> str | None:
        return next((column.name for column in self.patterns if re.match(column.name, name)), None)

    def with_matched(self, names: Iterable[str]) -> StagePlan:
        """This plan with a column for each of the names that match a pattern."""
        templates = {column.name: column for column in self.patterns}
        matched = [replace(templates[pattern], name=name) for name, pattern in self.matched(names).items()]
        return self.model_copy(update={"columns": (*self.columns, *matched)}) if matched else self


class StagedFile(_Plain):
    """One source, staged.

    Attributes:
        rows: how many records it has.
        bytes: how large it is when it is plain; for Parquet, when it is decoded.
        present: the contract's columns that the source has, in the source's order.
        unknown: columns of the source that the contract has not.
        matched: columns of the source that match a pattern, each with its pattern.
        sparse: whether a record may leave a column out (JSON), so that null and absent are one.
        unfinished: whether it is CSV and does not end with a newline, as one that was cut off.
        at_most: for Parquet, how large it can be at most when its dictionaries are written out.
    """

    rows: int
    bytes: int
    uri: str
    present: tuple[str, ...]
    unknown: tuple[str, ...]
    matched: dict[str, str] = {}
    sparse: bool
    unfinished: bool = False
    at_most: int = 0


class Stage(_Plain):
    """A staged submission.

    Attributes:
        staged: every source.
        files: the staged Parquet, in order; the rows of small sources share a file.
        nulled, trimmed: the cells that declared repairs changed, counted per column.
        invisible: the cells of free text that hold characters that nobody sees, counted per column.
    """

    staged: tuple[StagedFile, ...]
    files: tuple[DataFile, ...]
    nulled: dict[str, int]
    trimmed: dict[str, int]
    invisible: dict[str, int]

    @property
    def matched(self) -> dict[str, str]:
        """The columns of any file that match a pattern, each with its pattern, in the order in which they appear."""
        return {name: pattern for staged in self.staged for name, pattern in staged.matched.items()}

    @property
    def read(self) -> int:
        """How many records were read, malformed ones among them."""
        return sum(staged.rows for staged in self.staged)
