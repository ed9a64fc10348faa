"""Migrations between major versions, checked: each can be done, and takes the valid examples of the version before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tidegate.config import load_config
from tidegate.engines import open_engine
from tidegate.errors import BrokenContract, TidegateError
from tidegate.evolution.compare import Release
from tidegate.evolution.examples import Examples
from tidegate.evolution.findings import Finding
from tidegate.evolution.lock import Lock
from tidegate.evolution.steps import major_of
from tidegate.judgement import acquire_submission
from tidegate.migrating import judge_submission
from tidegate.registry import Migration, migration_between
from tidegate.standard import Standard
from tidegate.workspace import work_folder


def migrations_within(
    root: Path, releases: Sequence[Release], lock: Lock, only: str | None = None
) -> Iterator[Finding]:
    """What is wrong with the migrations of one dataset, and where there is none from the last major version.

    Args:
        releases: all versions of the dataset, oldest first.
        only: one version; the migrations of the others are not tried.
    """
    there = {release.contract.version: release for release in releases}
    for release in (one for one in releases if only in (None, one.name)):
        for version in release.contract.migrations:
            yield from _held(root, there.get(version), release, version)
    yield from _not_told(root, releases, lock)


def _held(root: Path, old: Release | None, new: Release, version: str) -> Iterator[Finding]:
    file = new.contract.path.relative_to(root).as_posix()
    if old is None:
        if (new.contract.path.parent / f"v{version.replace('.', '_')}.py").is_file():
            return  # it is broken, which is told already
        yield Finding("broken", new.name, file, f"{new.name} migrates from {version}, which there is not.",
                      "Name a version that there is.")  # fmt: skip
        return
    try:
        migration = migration_between(old.contract, new.contract)
    except BrokenContract as error:
        place, _, fact = error.fact.removeprefix(f"{new.contract.path}:").partition(": ")
        line = int(place) if place.isdigit() else None
        yield Finding("broken", new.name, file, fact if line else error.fact, error.hint or "", line)
        return
    yield from _examples(root, migration, old, new)


def _examples(root: Path, migration: Migration, old: Release, new: Release) -> Iterator[Finding]:
    """The valid examples of the old version that are not accepted under the new one.

    They are judged at once, and each by itself where something is found: it may be there only because of another one.
    """
    valid = Examples.beside(old.contract.path).valid
    if not valid or _rejected(root, migration, valid) is None:
        return
    mend = f"Mend the migration in {new.contract.path.relative_to(root).as_posix()}, or the rules of {new.name}."
    for example in valid:
        why = _rejected(root, migration, [example])
        if why is not None:
            yield Finding(
                "migration-fails", new.name, example.relative_to(root).as_posix(),
                f"This valid example of {old.name} is not accepted when it is migrated: {why}.", mend,
            )  # fmt: skip


def _rejected(root: Path, migration: Migration, examples: Sequence[Path]) -> str | None:
    """Why not every record of the examples goes in; None where it does."""
    config = load_config(
        {
            "data_path": [str(example) for example in examples],
            "schema_config": f"{migration.target.name}@{migration.target.version}",
            "registry": str(root),
            "validation_config": {"personal_data": "ignore", "max_failing_fraction": 1},
            "resources": {"threads": 1},  # a process for each core takes longer to start than the work
        }
    )
    standard = Standard(migration.target, None, None, migration)
    try:
        with work_folder(None) as folder, open_engine(config, folder) as engine:
            submission, snapshots = acquire_submission(config, folder)
            report = judge_submission(config, standard, submission, snapshots, engine, folder).report
    except TidegateError as error:
        return error.fact.rstrip(".")
    failed = [check.id for check in report.checks if check.status == "failed"]
    if failed:
        return f"it fails {', '.join(failed)}"
    return "; ".join(report.reasons) or None


def _not_told(root: Path, releases: Sequence[Release], lock: Lock) -> Iterator[Finding]:
    """A draft of a new major version that files of the last one cannot be migrated to."""
    majors: dict[str, list[Release]] = {}
    for release in releases:
        majors.setdefault(major_of(release), []).append(release)
    last: Release | None = None
    for versions in majors.values():
        newest = versions[-1]
        if last is not None and newest.name not in lock.contracts and last.contract.version not in _told(newest):
            told = ", ".join(_told(newest))
            yield Finding(
                "no-migration", newest.name, newest.contract.path.relative_to(root).as_posix(),
                f"{newest.name} has no migration from {last.name}{f', but from {told}' if told else ''}.",
                f'Write MIGRATION = {{"{last.contract.version}": {{...}}}} into it, or let everybody change at once.',
            )  # fmt: skip
        released = [release for release in versions if release.name in lock.contracts]
        last = (released or versions)[-1]


def _told(release: Release) -> Sequence[str]:
    return list(release.contract.migrations)
