"""What staging is asked for and what it answers: plain values, since they cross into another process."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tidegate.columns import Column
from tidegate.config import Resources


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataFile(_Plain):
    """A Parquet file that we wrote."""

    path: Path
    rows: int


class StageSource(_Plain):
    """One file to stage. `quotes` counts its quote characters and `nuls` its NUL bytes; None where not counted."""

    uri: str
    path: Path
    format: Literal["csv", "json", "jsonl", "parquet"]
    compression: Literal["none", "gzip", "zstd", "zip"]
    quotes: int | None = None
    nuls: int | None = None


class StagePlan(_Plain):
    """A submission to stage into `folder`, by the columns of a contract. Every row gets the `constants` as well."""

    sources: tuple[StageSource, ...]
    folder: Path
    columns: tuple[Column, ...]
    constants: dict[str, str | None] = {}
    strict: bool
    null_values: tuple[str, ...] = ()
    trim_strings: bool = False
    resources: Resources


class StagedFile(_Plain):
    """One source, staged.

    Attributes:
        file: the staged Parquet.
        present: the contract's columns that the source has, in the source's order.
        unknown: columns of the source that the contract has not.
        sparse: whether a record may leave a column out (JSON), so that null and absent are one.
    """

    file: DataFile
    uri: str
    present: tuple[str, ...]
    unknown: tuple[str, ...]
    sparse: bool


class Stage(_Plain):
    """A staged submission. `nulled` and `trimmed` count the cells that declared repairs changed, per column."""

    staged: tuple[StagedFile, ...]
    nulled: dict[str, int]
    trimmed: dict[str, int]

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The Parquet files, in order."""
        return tuple(staged.file for staged in self.staged)

    @property
    def read(self) -> int:
        """How many records were read, malformed ones among them."""
        return sum(file.rows for file in self.files)
