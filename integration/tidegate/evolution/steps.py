"""Whether a version changes no more than it may: within a major version, only what the dataset's mode allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from tidegate.evolution.change import Change, Diff
from tidegate.evolution.compare import Release, diff_of
from tidegate.evolution.findings import Finding
from tidegate.evolution.lock import Lock
from tidegate.evolution.modes import Mode, Modes, effect_under, transitive

_SHOWN = 5


def steps_within(root: Path, releases: Sequence[Release], modes: Modes, lock: Lock) -> Iterator[Finding]:
    """The minor versions of one dataset that break somebody, or that a person must look at before they are released.

    Args:
        releases: all versions of the dataset, oldest first.
    """
    for old, new in _pairs(releases, modes):
        mode = modes.of(new.contract.name)
        yield from too_much(root, diff_of(old, new), new, mode, reviewed=new.name in lock.contracts,
                            since=old.name, next_major=next_major(releases))  # fmt: skip


def _pairs(releases: Sequence[Release], modes: Modes) -> Iterator[tuple[Release, Release]]:
    majors: dict[str, list[Release]] = {}
    for release in releases:
        majors.setdefault(major_of(release), []).append(release)
    for versions in majors.values():
        if transitive(modes.of(versions[0].contract.name)):
            yield from ((old, new) for number, new in enumerate(versions) for old in versions[:number])
        else:
            yield from pairwise(versions)


def too_much(
    root: Path,
    diff: Diff,
    new: Release,
    mode: Mode,
    *,
    reviewed: bool,
    since: str,
    next_major: int,
) -> Iterator[Finding]:
    """What of a diff a mode does not allow, and what of it nobody has looked at.

    Args:
        since: what the new version is compared with, for people.
        next_major: the major version that may break.
    """
    file = new.contract.path.relative_to(root).as_posix()
    breaking = [change for change in diff.changes if effect_under(mode, change) == "breaking"]
    if breaking:
        yield Finding(
            "breaking-change", new.name, file,
            f"{new.name} breaks {_whom(breaking)} of {since}, which {mode} does not allow: {listed(breaking)}.",
            f"Release it as {next_major}.0, or take that back. tidegate contracts diff tells all.",
        )  # fmt: skip
    unseen = [change for change in diff.changes if effect_under(mode, change) == "review"]
    if unseen and not reviewed:
        yield Finding(
            "needs-review", new.name, file,
            f"Whether {new.name} breaks {_whom(unseen)} of {since} only a person can tell: {listed(unseen)}.",
            f"Try it on the pool with tidegate contracts replay {new.name}; then release it with --reviewed.",
        )  # fmt: skip


def _whom(changes: Sequence[Change]) -> str:
    """Whom changes do not leave alone."""
    sides = [side for side in ("contributors", "consumers") if any(getattr(c, side) != "compatible" for c in changes)]
    return " and ".join(sides)


def listed(changes: Sequence[Change]) -> str:
    """Changes by kind and subject, the first few."""
    told = [f"{change.change} {change.subject}" for change in changes[:_SHOWN]]
    more = f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return ", ".join(told) + more


def major_of(release: Release) -> str:
    """The major version, as text."""
    return release.contract.version.partition(".")[0]


def next_major(releases: Sequence[Release]) -> int:
    """The major version that comes after all that there are."""
    return max((int(major_of(release)) for release in releases), default=0) + 1
