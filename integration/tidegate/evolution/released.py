"""Whether what was released is still what it was: by the lock, and by how it stood at a commit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from tidegate.errors import BrokenContract
from tidegate.evolution.at_ref import registry_at
from tidegate.evolution.compare import Release, diff_of, load_release
from tidegate.evolution.findings import Finding
from tidegate.evolution.lock import LOCK, Kind, Lock
from tidegate.evolution.modes import Modes
from tidegate.evolution.steps import next_major, too_much
from tidegate.registry import Registry

_FOLDERS: dict[Kind, tuple[str, str]] = {"contracts": ("contracts", ".py"), "suites": ("expectations", ".json")}
_BACK = "Put it back: submissions and receipts name it."
_WORDS: dict[Kind, str] = {"contracts": "contract", "suites": "suite"}


def not_as_released(registry: Registry, lock: Lock, names: Sequence[str]) -> Iterator[Finding]:
    """What is in the lock and was changed or removed since, and suites that came to a released contract later."""
    for kind in _FOLDERS:
        for name, digest in lock.digests(kind).items():
            if name.partition("@")[0] in names or not registry.datasets().get(name.partition("@")[0]):
                yield from _held(registry, kind, name, digest)
    for name in lock.contracts:
        file = _file(name, "suites")
        if name not in lock.suites and (registry.root / file).is_file() and name.partition("@")[0] in names:
            yield Finding("released-changed", name, file, f"{name} was released without a suite, and has one now.",
                          f"Release it as {next_minor(registry, name)}.")  # fmt: skip


def _held(registry: Registry, kind: Kind, name: str, digest: str) -> Iterator[Finding]:
    file = _file(name, kind)
    try:
        now = hashlib.sha256((registry.root / file).read_bytes()).hexdigest()
    except OSError:
        yield Finding("released-gone", name, file, f"The {_WORDS[kind]} {name} was released, and is gone.",
                      _BACK)  # fmt: skip
        return
    if now != digest:
        yield Finding(
            "released-changed", name, file,
            f"The {_WORDS[kind]} {name} was released, and has changed since: {digest[:12]} is {now[:12]} now.",
            f"Put the released file back, and release it as {next_minor(registry, name)},"
            f" or as {_next_major(registry, name)}.0 if it breaks somebody.",
        )  # fmt: skip


def changed_since(
    registry: Registry,
    ref: str,
    lock: Lock,
    modes: Modes,
    releases: Mapping[str, Sequence[Release]],
    names: Sequence[str],
) -> Iterator[Finding]:
    """What is otherwise than at a commit and should not be.

    What the lock had at the commit stays in it. Where there was no lock, every version was out in the open: it may not
    go, and not be changed in a way that breaks.

    Args:
        releases: the versions that there are now, by dataset.

    Raises:
        Misuse: there is no such commit.
    """
    with registry_at(registry, ref) as before:
        was = Lock.read(before.root)
        yield from _lock_kept(was, lock, ref)
        for dataset, versions in before.datasets().items():
            if dataset not in names and dataset in registry.datasets():
                continue
            for major, minor in versions:
                name = f"{dataset}@{major}.{minor}"
                now = next((one for one in releases.get(dataset, ()) if one.name == name), None)
                if now is not None:
                    yield from _changed_in_place(registry, before, now, was, modes, releases[dataset], ref)
                elif not was.there and not (registry.root / _file(name, "contracts")).is_file():
                    fact = f"{name} was there at {ref}, and is gone."
                    yield Finding("released-gone", name, _file(name, "contracts"), fact, _BACK)


def _lock_kept(was: Lock, lock: Lock, ref: str) -> Iterator[Finding]:
    for kind in _FOLDERS:
        now = lock.digests(kind)
        for name, digest in was.digests(kind).items():
            if now.get(name) != digest:
                what = "was changed" if name in now else "is gone"
                yield Finding("lock-changed", name, LOCK, f"The entry of the {_WORDS[kind]} {name} {what} since {ref}.",
                              "Put it back: what was released does not change.")  # fmt: skip


def _changed_in_place(
    registry: Registry, before: Registry, now: Release, was: Lock, modes: Modes, all_now: Sequence[Release], ref: str
) -> Iterator[Finding]:
    """A version that was there already, and says something else now."""
    if was.there:
        return  # what was released is held by the lock, and the rest were drafts
    file = before.root / now.contract.path.relative_to(registry.root)
    try:
        old = load_release(before, file)
    except BrokenContract:
        return  # nobody could use it
    if (old.contract.digest, old.suite and old.suite.digest) == (now.contract.digest, now.suite and now.suite.digest):
        return
    mode = modes.of(now.contract.name)
    yield from too_much(registry.root, diff_of(old, now), now, mode, reviewed=False, since=f"{now.name} at {ref}",
                        next_major=next_major(all_now))  # fmt: skip


def next_minor(registry: Registry, name: str) -> str:
    """The minor version after the newest of the same major version."""
    dataset, _, version = name.partition("@")
    major, _, minor = version.partition(".")
    there = [b for a, b in registry.datasets().get(dataset, []) if a == int(major)]
    return f"{major}.{max([*there, int(minor)]) + 1}"


def _next_major(registry: Registry, name: str) -> int:
    dataset, _, version = name.partition("@")
    return max([*(a for a, _ in registry.datasets().get(dataset, [])), int(version.partition(".")[0])]) + 1


def _file(name: str, kind: Kind) -> str:
    dataset, _, version = name.partition("@")
    folder, suffix = _FOLDERS[kind]
    return f"{folder}/{dataset}/v{version.replace('.', '_')}{suffix}"
