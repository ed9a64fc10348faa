"""Whose rows came and went between two versions. Files that both have are not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.errors import Misuse
from tidegate.pool.history import existing_table
from tidegate.pool.location import Location
from tidegate.pool.log import LogFile, live_files
from tidegate.pool.object_folder import ObjectFolder
from tidegate.pool.rows import Owner, PoolFiles

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class Change:
    """How many more rows of a submission there are; fewer, where it is negative."""

    submission: str | None
    contributor: str | None
    rows: int


@dataclass(frozen=True)
class Diff:
    """What differs between two versions, by submission. `read` is how many files were read to tell."""

    before: int
    after: int
    changes: tuple[Change, ...]
    read: int

    @property
    def added(self) -> int:
        """Rows of submissions that have more."""
        return sum(change.rows for change in self.changes if change.rows > 0)

    @property
    def removed(self) -> int:
        """Rows of submissions that have fewer."""
        return -sum(change.rows for change in self.changes if change.rows < 0)


def diff(location: Location, before: int, after: int) -> Diff:
    """Count whose rows one version has and the other has not.

    Raises:
        Misuse: there is no pool, or no such version.
        PoolError: a file of either version is gone or cannot be read.
    """
    (old, old_files), (new, new_files) = (_files(location, version) for version in (before, after))
    gone, come = old_files.keys() - new_files.keys(), new_files.keys() - old_files.keys()
    counted = _owners(location, new, come)
    counted.subtract(_owners(location, old, gone))
    changes = [Change(*owner, rows) for owner, rows in counted.items() if rows]
    changes.sort(key=lambda change: (-change.rows, change.submission or "", change.contributor or ""))
    return Diff(before, after, tuple(changes), len(gone) + len(come))


def _files(location: Location, version: int) -> tuple[DeltaTable, dict[str, LogFile]]:
    table = existing_table(location)
    if not 0 <= version <= table.version():
        raise Misuse(f"The pool {location} has no version {version}.", f"It has 0 to {table.version()}.")
    if isinstance(location, ObjectFolder):
        with location.told(f"Version {version} of {location} cannot be opened"):
            table.load_as_version(version)
    else:
        table.load_as_version(version)
    return table, {file.name: file for file in live_files(table)}


def _owners(location: Location, table: DeltaTable, names: Collection[str]) -> Counter[Owner]:
    counted: Counter[Owner] = Counter()
    if names:
        opener = PoolFiles(location, table)
        for name in names:
            counted.update(opener.owners(name))
    return counted
