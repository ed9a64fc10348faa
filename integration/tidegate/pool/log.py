"""A pool's log as it is written: every commit with the files that it adds and removes.

delta-rs tells what a version holds. What a commit did, and said of itself, is read from the log's own JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa

from tidegate.pool.location import Location
from tidegate.pool.object_folder import ObjectFolder

if TYPE_CHECKING:
    from deltalake import DeltaTable

REVOKED = "tidegate.revoked"
COMPACTED = "tidegate.compacted"

State = dict[str, "LogFile"]
"""The files of one version, by name."""


@dataclass(frozen=True)
class LogFile:
    """A file as the log has it. `rows` is None where the log does not say; `modified` is in milliseconds."""

    name: str
    size: int
    rows: int | None
    modified: int


@dataclass(frozen=True)
class Commit:
    """One commit: what it says of itself, and the files that it adds and removes."""

    version: int
    info: Mapping[str, Any]
    adds: tuple[LogFile, ...]
    removes: tuple[str, ...]

    @property
    def time(self) -> datetime:
        """When it was made."""
        return datetime.fromtimestamp(self.info.get("timestamp", 0) / 1000, UTC)

    @property
    def restores(self) -> int | None:
        """The version that it goes back to, if it is a rollback."""
        return int(self.info["operationParameters"]["version"]) if self.info.get("operation") == "RESTORE" else None

    @cached_property
    def revoked(self) -> Revocation | None:
        """What it takes out, if it is a revocation."""
        return Revocation.read(self.info)


@dataclass(frozen=True)
class Revocation:
    """Whose rows were taken out of a pool, and how many. `id` tells one attempt from another."""

    submission: str | None
    contributor: str | None
    rows: int
    id: str

    @classmethod
    def read(cls, info: Mapping[str, Any]) -> Revocation | None:
        """The revocation in a commit's metadata, if there is one that can be read."""
        try:
            told = json.loads(info[REVOKED])
            return cls(told["submission"], told["contributor"], int(told["rows"]), str(told["id"]))
        except (KeyError, TypeError, ValueError):
            return None

    def covers(self, submission: str | None, contributor: str | None) -> bool:
        """Whether rows of this submission and contributor are among those taken out."""
        if self.submission is not None:
            return submission == self.submission
        return contributor == self.contributor


def read_commits(location: Location, newest: int, since: int = 0) -> list[Commit | None]:
    """The commits of versions `since` to `newest`; None where one is gone or cannot be read.

    Raises:
        PoolError: the object store cannot be asked.
    """
    return [_commit(location, version) for version in range(since, newest + 1)]


def states(commits: Iterable[Commit | None], wanted: Iterable[int]) -> dict[int, State]:
    """The files of each wanted version, told from the commits alone. None follows a commit that is gone."""
    wanted, found, state = set(wanted), {}, State()
    for commit in commits:
        if commit is None:
            break
        apply(commit, state)
        if commit.version in wanted:
            found[commit.version] = dict(state)
    return found


def apply(commit: Commit, state: State) -> None:
    """Bring the state of the version before to that of the commit."""
    for name in commit.removes:
        state.pop(name, None)
    state.update((file.name, file) for file in commit.adds)


def live_files(table: DeltaTable) -> list[LogFile]:
    """A table's files as its log has them, in the order in which their rows are read."""
    listed = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    files = [
        LogFile(unquote(row["path"]), row["size_bytes"], row.get("num_records"), row["modification_time"])
        for row in listed
    ]
    return sorted(files, key=lambda file: (file.modified, file.name))


def _commit(location: Location, version: int) -> Commit | None:
    name = f"_delta_log/{version:020}.json"
    try:
        content = location.read(name) if isinstance(location, ObjectFolder) else (location / name).read_bytes()
        actions = [json.loads(line) for line in (content or b"").splitlines() if line.strip()]
        info: dict[str, Any] = {}
        for action in actions:
            info |= action.get("commitInfo", {})
        adds = tuple(_added(action["add"]) for action in actions if "add" in action)
        removes = tuple(unquote(action["remove"]["path"]) for action in actions if "remove" in action)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Commit(version, info, adds, removes) if actions else None


def _added(action: Mapping[str, Any]) -> LogFile:
    stats = json.loads(action.get("stats") or "{}")
    return LogFile(unquote(action["path"]), action["size"], stats.get("numRecords"), action["modificationTime"])
