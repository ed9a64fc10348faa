"""Which submissions a version of a pool is made of, and what became of them, told from its log alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tidegate.errors import Misuse
from tidegate.pool.history import HistoryEntry, history
from tidegate.pool.location import Location
from tidegate.pool.log import Revocation
from tidegate.receipt import Receipt


@dataclass(frozen=True)
class Left:
    """The commit by which a submission's rows left a pool."""

    version: int
    how: Literal["revoked", "rolled back"]


@dataclass(frozen=True)
class Contribution:
    """One publish into a pool, seen from one version of it.

    Attributes:
        receipt: what was published.
        version: the version that it made.
        there: whether its rows are in the version that was asked about.
        left: how they left the pool: before that version where they are not there, or since. None where they did not.
    """

    receipt: Receipt
    version: int
    there: bool
    left: Left | None


@dataclass(frozen=True)
class Contents:
    """What a version is made of, oldest first. `begins` is the first version that the log still tells of."""

    contributions: tuple[Contribution, ...]
    begins: int


def contents(location: Location, version: int) -> Contents:
    """The submissions of a version, and those that were published before it and are not in it.

    Raises:
        Misuse: there is no pool, or no such version.
        PoolError: it cannot be read.
    """
    entries = _entries(location)
    if version not in entries:
        raise Misuse(f"The pool {location} has no version {version}.", f"It has {min(entries)} to {max(entries)}.")
    there, left_then, left = frozenset[int](), dict[int, Left](), dict[int, Left]()
    for entry, state in _states(entries):
        left = state.left
        if entry.version == version:
            there, left_then = frozenset(state.there), dict(left)
    found = []
    for publish, entry in entries.items():
        if entry.receipt is not None and publish <= version:
            inside = publish in there
            found.append(Contribution(entry.receipt, publish, inside, (left if inside else left_then).get(publish)))
    return Contents(tuple(found), min(entries))


def versions_of(location: Location, publish: int) -> tuple[int, ...]:
    """The versions that hold the rows of the publish that made a version. Raises as `contents` does."""
    return tuple(entry.version for entry, state in _states(_entries(location)) if publish in state.there)


@dataclass
class _State:
    """After a commit: the publishes whose rows are there, by their versions, and how the others left."""

    there: set[int]
    left: dict[int, Left]


def _entries(location: Location) -> dict[int, HistoryEntry]:
    """The pool's commits by version, oldest first."""
    return {entry.version: entry for entry in reversed(history(location))}


def _states(entries: dict[int, HistoryEntry]) -> Iterator[tuple[HistoryEntry, _State]]:
    """Every commit with the state after it, which is the same object each time: there may be thousands of both."""
    restored = {entry.restores for entry in entries.values() if entry.restores is not None}
    kept: dict[int, frozenset[int]] = {}
    state = _State(set(), {})
    for entry in entries.values():
        if entry.restores is not None:
            before = kept.get(entry.restores, frozenset())
            state.left.update((publish, Left(entry.version, "rolled back")) for publish in state.there - before)
            state.there = set(before)
        elif entry.revoked is not None:
            taken = {publish for publish in state.there if _takes(entry.revoked, entries[publish].receipt)}
            state.left.update((publish, Left(entry.version, "revoked")) for publish in taken)
            state.there -= taken
        elif entry.receipt is not None:
            state.there.add(entry.version)
        for publish in state.there & state.left.keys():  # a rollback has brought it back
            del state.left[publish]
        if entry.version in restored:
            kept[entry.version] = frozenset(state.there)
        yield entry, state


def _takes(revoked: Revocation, receipt: Receipt | None) -> bool:
    assert receipt is not None
    return revoked.covers(receipt.submission.id, receipt.submission.contributor)
