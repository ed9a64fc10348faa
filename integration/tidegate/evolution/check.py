"""Hold a registry against its own rules: what a contract must have, what a version may change, and what is released."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.drafts.draft import GUESS
from tidegate.errors import BrokenContract
from tidegate.evolution.at_ref import commit_of
from tidegate.evolution.compare import Release, load_release
from tidegate.evolution.contradictions import contradicting
from tidegate.evolution.deprecations import wrongly_deprecated
from tidegate.evolution.examples import misbehaving
from tidegate.evolution.findings import Finding
from tidegate.evolution.lock import Lock
from tidegate.evolution.migrations import migrations_within
from tidegate.evolution.modes import Mode, Modes
from tidegate.evolution.pages import stale_pages
from tidegate.evolution.released import changed_since, not_as_released
from tidegate.evolution.steps import steps_within
from tidegate.registry import Registry, load_contract
from tidegate.registry.find import Version
from tidegate.telemetry import silence_dependencies

_VERSION_FILE = re.compile(r"v(0|[1-9]\d*)_(0|[1-9]\d*)")
_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PLACE = re.compile(r"^(?P<path>.+?\.(?:py|json)):(?:(?P<line>\d+):)? ?(?P<fact>.*)$", re.DOTALL)


@dataclass(frozen=True)
class Dataset:
    """One dataset of a registry: its mode, its versions, and which of them were released."""

    name: str
    mode: Mode
    versions: tuple[str, ...]
    released: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """What came of a check.

    Attributes:
        against: the commit that it was compared with, as it was named.
        findings: errors and warnings, dataset by dataset.
    """

    registry: Path
    against: str | None
    datasets: tuple[Dataset, ...]
    findings: tuple[Finding, ...]

    @property
    def fine(self) -> bool:
        """Whether nothing fails."""
        return all(finding.severity != "error" for finding in self.findings)


@dataclass
class Loaded:
    """The versions of a registry that could be loaded, oldest first, and what is wrong with the others."""

    releases: dict[str, list[Release]] = field(default_factory=dict)
    broken: list[Finding] = field(default_factory=list)


def check_registry(registry: Registry, against: str | None = None, only: str | None = None) -> Checked:
    """Check every version of every dataset.

    Args:
        against: a commit, branch or tag. What was there is held against what is here.
        only: one version, as in ``flights@1.0``; of the others of its dataset it is only told what it may change.

    Raises:
        Misuse: the lock or the settings cannot be read, or there is no such commit.
    """
    silence_dependencies()
    root = registry.root
    if against is not None:
        commit_of(registry, against)  # judging takes a while, so what is misspelt is told first
    there = registry.datasets()
    lock, modes = Lock.read(root), Modes.read(root, there)
    names = sorted(there) if only is None else [only.partition("@")[0]]
    loaded = load_all(registry, names)
    findings = [*(_misnamed(root) if only is None else ()), *loaded.broken]
    for releases in loaded.releases.values():
        for release in (one for one in releases if only in (None, one.name)):
            findings += _lacking(root, release)
            findings += misbehaving(root, release)
            if release.suite is not None:
                findings += contradicting(release, _seen_from(root, release.suite.path))
        findings += steps_within(root, releases, modes, lock)
        findings += migrations_within(root, releases, lock, only)
    findings += wrongly_deprecated(registry, names)
    findings += not_as_released(registry, lock, names)
    if against is not None:
        findings += changed_since(registry, against, lock, modes, loaded.releases, names)
    newest = {name: releases[-1].contract for name, releases in loaded.releases.items() if releases}
    findings += stale_pages(root, newest)
    datasets = tuple(_told(name, there[name], modes.of(name), lock) for name in names)
    return Checked(root, against, datasets, _each_once(f for f in findings if only in (None, f.contract)))


def load_all(registry: Registry, names: Sequence[str]) -> Loaded:
    """Load every version of some datasets. What cannot be loaded is a finding."""
    loaded = Loaded()
    for name in names:
        for major, minor in registry.datasets().get(name, []):
            file = registry.root / "contracts" / name / f"v{major}_{minor}.py"
            try:
                release = load_release(registry, file)
            except BrokenContract as error:
                loaded.broken.append(_broken(registry.root, f"{name}@{major}.{minor}", file, error))
                try:
                    release = Release(load_contract(file), None)  # if it is only the suite
                except BrokenContract:
                    continue
            loaded.releases.setdefault(name, []).append(release)
    return loaded


def _broken(root: Path, name: str, file: Path, error: BrokenContract) -> Finding:
    place = _PLACE.match(error.fact)
    if place is None:
        return Finding("broken", name, _seen_from(root, file), error.fact, error.hint or "")
    line = int(place["line"]) if place["line"] else None
    return Finding("broken", name, _seen_from(root, Path(place["path"])), place["fact"], error.hint or "", line)


def _misnamed(root: Path) -> Iterator[Finding]:
    """Files that look like versions and would never be found, and suites without a contract."""
    for kind, suffix in (("contracts", ".py"), ("expectations", ".json")):
        for file in sorted((root / kind).glob(f"*/*{suffix}")):
            seen = _seen_from(root, file)
            if not _DATASET.fullmatch(file.parent.name):
                yield Finding("file-name", None, seen, f"The folder {file.parent.name!r} cannot be named as a dataset.",
                              "Letters, digits, _ and -, beginning with a letter or digit.")  # fmt: skip
            elif re.match(r"[vV]\d", file.name) and not _VERSION_FILE.fullmatch(file.stem):
                yield Finding("file-name", None, seen, f"{file.name} is no version, so it is never found.",
                              f"Call it v<MAJOR>_<MINOR>{suffix}, such as v1_0{suffix}.")  # fmt: skip
            elif suffix == ".json" and not (root / "contracts" / file.parent.name / f"{file.stem}.py").is_file():
                version = file.stem.removeprefix("v").replace("_", ".")
                yield Finding("suite-alone", f"{file.parent.name}@{version}", seen,
                              "There is no contract of the suite's name and version.",
                              "It is only found where a configuration names it.")  # fmt: skip


def _lacking(root: Path, release: Release) -> Iterator[Finding]:
    """What a contract does not say of itself."""
    contract, file = release.contract, _seen_from(root, release.contract.path)
    if not contract.description.strip():
        yield Finding("no-description", release.name, file, f"{release.name} does not say what a row is.",
                      "Write it as the docstring of the class.")  # fmt: skip
    for column in (*contract.columns, *contract.patterns):
        if not column.description.strip():
            yield Finding("no-description", release.name, file, f"The column {column.name!r} is not described.",
                          'Write it into the field: pa.Field(description="...").')  # fmt: skip
    if not contract.owner:
        yield Finding("no-owner", release.name, file, f"{release.name} does not say whose it is.",
                      'Write into class Config: metadata = {"owner": "who answers questions"}.')  # fmt: skip
    for path in (contract.path, *([] if release.suite is None else [release.suite.path])):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if guesses := [number for number, line in enumerate(lines, 1) if GUESS in line]:
            yield Finding("unconfirmed", release.name, _seen_from(root, path),
                          f"It is a draft whose guesses are not all confirmed: {len(guesses)} left.",
                          f"Correct what is guessed, or keep it, and take {GUESS!r} out.", guesses[0])  # fmt: skip


def _told(name: str, versions: Sequence[Version], mode: Mode, lock: Lock) -> Dataset:
    told = tuple(f"{major}.{minor}" for major, minor in versions)
    return Dataset(name, mode, told, tuple(version for version in told if f"{name}@{version}" in lock.contracts))


def _seen_from(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _each_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))
