"""The upkeep of a pool: small files become large ones, and files that no kept version needs are removed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.errors import Misuse, PoolError
from tidegate.pool.durable import discard, fsync
from tidegate.pool.history import existing_table
from tidegate.pool.location import Location
from tidegate.pool.log import COMPACTED, Commit, LogFile, State, live_files, read_commits, states
from tidegate.pool.object_folder import ObjectFolder, gone
from tidegate.pool.replace import Part, Plan, replace

if TYPE_CHECKING:
    from deltalake import DeltaTable

_SMALL, _LARGE = 32 * 2**20, 128 * 2**20
"""Files below the first are put together, up to the second, in bytes."""
_KEPT = timedelta(days=30)
"""How long a version is kept after another one has taken its place."""
_STRAY = timedelta(days=7)
"""How old a file is that no commit names before it is removed: a publish that is under way may yet name it."""


@dataclass(frozen=True)
class Maintained:
    """What was done, or would be.

    Attributes:
        version: the pool's newest version afterwards.
        compacted: how many files were put together.
        into: how many they have become.
        kept: the versions that are kept.
        removed: the files that were removed, by name.
        bytes: their size.
    """

    version: int
    compacted: int
    into: int
    kept: tuple[int, ...]
    removed: tuple[str, ...]
    bytes: int


def maintain(
    location: Location, *, keep_newest: int | None = None, keep: Collection[int] = (), dry_run: bool = False
) -> Maintained:
    """Put small files together in one commit, then remove the files of versions that are not kept.

    The newest version is always kept. Where nothing says which others, those are that were the newest one within the
    last 30 days.

    Args:
        keep_newest: how many of the newest versions are kept.
        keep: versions that are kept.
        dry_run: whether it is only told what would be done.

    Raises:
        Misuse: there is no pool, or no such version any more, or both `keep_newest` and `keep` are given.
        PoolError: log or newest version are not whole, a file cannot be read or written, or every attempt lost a race.
    """
    _check(existing_table(location).version(), keep_newest, keep)
    if dry_run:
        table = existing_table(location)
        version = table.version()
        parts: Sequence[Part] = _small(live_files(table))
        commits = [*_whole_log(location, version), *([_planned(version + 1, parts)] if parts else [])]
        version = commits[-1].version
    else:
        done = replace(location, COMPACTED, _compaction)
        parts = done[1].parts if done is not None else ()
        version = existing_table(location).version()
        commits = _whole_log(location, version)
    held = states(commits, _kept(commits, keep_newest, keep))
    there = _there(location)
    kept = _whole(held, there, keep)
    removable = _removable(commits, held, there)
    if not dry_run:
        _remove(location, version, list(removable))
    return Maintained(
        version, sum(len(part.files) for part in parts), len(parts), kept, tuple(removable), sum(removable.values())
    )


def _check(newest: int, keep_newest: int | None, keep: Collection[int]) -> None:
    if keep_newest is not None and keep:
        raise Misuse("Either the newest versions are kept or those that are named.", "Name one of the two.")
    if keep_newest is not None and keep_newest < 1:
        raise Misuse("The newest version is always kept.", "Name 1 or more.")
    for version in keep:
        if not 0 <= version <= newest:
            raise Misuse(f"The pool has no version {version}.", f"It has 0 to {newest}.")


def _compaction(table: DeltaTable) -> Plan | None:
    parts = _small(live_files(table))
    if not parts:
        return None
    told = {"files": sum(len(part.files) for part in parts), "into": len(parts)}
    return Plan(parts, told, changes_data=False)


def _small(files: Sequence[LogFile]) -> list[Part]:
    """Neighbours that are small, as far as they make up one file that is not too large."""
    groups: list[list[LogFile]] = [[]]
    for file in files:
        if file.size >= _SMALL or file.rows is None:
            groups.append([])
            continue
        if sum(each.size for each in groups[-1]) + file.size > _LARGE:
            groups.append([])
        groups[-1].append(file)
    return [Part(tuple(group), sum(file.rows or 0 for file in group)) for group in groups if len(group) > 1]


def _planned(version: int, parts: Sequence[Part]) -> Commit:
    """The commit that would be made, so that it is told what it would leave behind."""
    removes = tuple(file.name for part in parts for file in part.files)
    return Commit(version, {"timestamp": time.time() * 1000}, (), removes)


def _whole_log(location: Location, newest: int) -> list[Commit]:
    found = read_commits(location, newest)
    whole = [commit for commit in found if commit is not None]
    if len(whole) < len(found):
        raise PoolError(
            f"The log of {location} lacks commits, so it is not known which files are needed.", "Run tidegate verify."
        )
    return whole


def _kept(commits: Sequence[Commit], keep_newest: int | None, keep: Collection[int]) -> tuple[int, ...]:
    newest = commits[-1].version
    if keep:
        return tuple(sorted({*keep, newest}))
    if keep_newest is not None:
        return tuple(range(max(0, newest + 1 - keep_newest), newest + 1))
    since = datetime.now(UTC) - _KEPT
    replaced = {commit.version - 1: commit.time for commit in commits}
    return tuple(c.version for c in commits if c.version == newest or replaced[c.version] >= since)


def _whole(held: Mapping[int, State], there: Collection[str], named: Collection[int]) -> tuple[int, ...]:
    """The versions that have all of their files. Raises where the newest one, or one that is named, has not."""
    lacking = {version: sorted(state.keys() - set(there)) for version, state in held.items()}
    if names := lacking[max(held)]:
        raise gone(names[0])
    for version in named:
        if lacking[version]:
            raise Misuse(f"Version {version} cannot be kept: its files are gone.", "Leave it out.")
    return tuple(sorted(version for version, names in lacking.items() if not names))


def _removable(
    commits: Sequence[Commit], held: Mapping[int, State], there: Mapping[str, tuple[int, timedelta | None]]
) -> dict[str, int]:
    """The files that no kept version needs, and their sizes.

    How old an object is that no commit names is not known, so in an object store such are left.
    """
    needed = {name for state in held.values() for name in state}
    named = {file.name for commit in commits for file in commit.adds}
    return {
        name: size
        for name, (size, age) in sorted(there.items())
        if name not in needed and (name in named or (age is not None and age > _STRAY))
    }


def _there(location: Location) -> dict[str, tuple[int, timedelta | None]]:
    """The files of the pool's folder that are of rows, with their sizes and ages."""
    if isinstance(location, ObjectFolder):
        return {name: (size, None) for name, size in location.sizes().items() if "/" not in name}
    now = time.time()
    found: dict[str, tuple[int, timedelta | None]] = {}
    for path in Path(location).glob("part-*.parquet"):
        state = path.stat()
        found[path.name] = state.st_size, timedelta(seconds=now - max(state.st_mtime, state.st_ctime))
    return found


def _remove(location: Location, version: int, names: Sequence[str]) -> None:
    """Remove files, unless somebody has rolled back since it was told which, and may need them now.

    Raises:
        PoolError: so it is, or they cannot be removed.
    """
    if not names:
        return
    newer = read_commits(location, existing_table(location).version(), since=version + 1)
    if any(commit is None or commit.restores is not None for commit in newer):
        raise PoolError(f"Somebody has rolled {location} back meanwhile; no file was removed.", "Run it again.")
    try:
        discard(location, names)
        if isinstance(location, Path):
            fsync(location)
    except OSError as error:
        raise PoolError(f"Files of {location} cannot be removed: {error.strerror}.") from None
    if isinstance(location, ObjectFolder) and (left := location.sizes().keys() & set(names)):
        raise PoolError(f"{len(left)} of {len(names)} files of {location} could not be removed.", "Run it again.")
