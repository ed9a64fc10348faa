"""From a pool's version back to the submissions that it is made of, and from a submission forward to what has it.

All of it is told by pools' logs and the receipts of a state folder. MLflow is asked for models by
`tidegate.tracking.models`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tidegate.errors import Misuse, TidegateError, UnbalancedReceipt
from tidegate.pool import Contribution, contents, pool_location, table_version, versions_of
from tidegate.receipt import Receipt
from tidegate.tracking.derived import Derived, derived_datasets, training_data_of

_VERSION = re.compile(r"(.+)@(\d+)", re.DOTALL)
_SUBMISSION = re.compile(r"[0-9a-f]{6,64}")
_RUN = re.compile(r"[0-9a-f]{32}")
_REGISTERED = re.compile(r"[^/@:]+/\d+")


@dataclass(frozen=True)
class Asked:
    """What lineage is asked of. `kind` says which: `model`, `version` of a pool, or `submission`."""

    kind: str
    name: str
    version: int | None = None


@dataclass(frozen=True)
class VersionLineage:
    """What a version of a dataset is made of.

    Attributes:
        contributions: every publish that led to it, oldest first.
        made_of: the version of the pool that was merged in, where it is an integrated dataset and that is known.
        notes: what could not be told.
    """

    uri: str
    version: int
    contributions: tuple[Contribution, ...]
    made_of: VersionLineage | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """Where a submission's rows are: in which versions of one dataset, and what became of them there."""

    uri: str
    contribution: Contribution
    versions: tuple[int, ...]
    derived: tuple[Derived, ...] = ()


@dataclass(frozen=True)
class SubmissionLineage:
    """Where a submission went. `rejected` are receipts of integrations by which it did not get in anywhere."""

    id: str
    contributor: str | None
    held: tuple[Held, ...] = ()
    rejected: tuple[Receipt, ...] = ()
    notes: tuple[str, ...] = ()


def asked(what: str) -> Asked:
    """What is meant by a word of the command line. Raises `Misuse` where it can be nothing."""
    if what.startswith(("runs:/", "models:/")) or _RUN.fullmatch(what):
        return Asked("model", what)
    if found := _VERSION.fullmatch(what):
        return Asked("version", found[1], int(found[2]))
    if _SUBMISSION.fullmatch(what):
        return Asked("submission", what)
    if _REGISTERED.fullmatch(what) and not Path(what).exists():
        return Asked("model", f"models:/{what}")
    raise Misuse(
        f"{what!r} is no model, no submission and no version of a pool.",
        "A model is runs:/RUN_ID, models:/NAME/VERSION or models:/NAME@ALIAS; a submission is its id, or how that "
        "begins, of six characters at least; a version is POOL@VERSION.",
    )


def of_version(uri: str, version: int, receipts: Path) -> VersionLineage:
    """What a version of a pool or of an integrated dataset is made of.

    Args:
        receipts: the folder of receipts, which tell what an integrated dataset was merged from.

    Raises:
        Misuse: there is no such pool or version.
        PoolError: it cannot be read.
    """
    location = pool_location(uri)
    found = contents(location, version)
    notes = []
    if found.begins:
        notes.append(f"The log of {location} begins at version {found.begins}; what was published before is not known.")
    made_of = None
    merged = [each.receipt for each in found.contributions if each.receipt.merge_strategy != "append"]
    if merged:
        pool, before = training_data_of(receipts, merged[0].integration)
        try:
            made_of = of_version(pool, before, receipts) if pool is not None and before is not None else None
            why = "no receipt here tells from which"
        except TidegateError as error:
            why = error.fact
        if made_of is None:
            notes.append(f"{location} was merged from a pool as well: {why}.")
    return VersionLineage(str(location), version, found.contributions, made_of, tuple(notes))


def of_submission(begins: str, receipts: Path, pool: str | None) -> SubmissionLineage:
    """Where a submission went.

    Args:
        begins: its id, or how it begins.
        receipts: the folder of receipts of the integrations.
        pool: the pool to look into; without it, those that the receipts name.

    Raises:
        Misuse: no receipt or log tells of it, or of more than one.
        PoolError: a pool that is named cannot be read.
    """
    kept = [receipt for receipt in read_receipts(receipts) if receipt.submission.id.startswith(begins)]
    places = {r.dataset_uri for r in kept if r.dataset_uri is not None}
    if pool is not None:
        places = {str(pool_location(pool))}
    held: list[Held] = []
    notes: list[str] = []
    for place in sorted(places):
        try:
            held += _held(place, begins, receipts)
        except TidegateError as error:
            if pool is not None:
                raise
            notes.append(error.fact)
    rejected = tuple(receipt for receipt in kept if receipt.verdict == "rejected")
    ids = {each.contribution.receipt.submission.id for each in held} | {r.submission.id for r in kept}
    if not ids:
        where = f"the pool {pool}" if pool is not None else f"the receipts of {receipts.parent}"
        hint = "Name its pool with --pool, or the state folder of its integration with --state-dir."
        raise Misuse(f"There is no submission {begins} in {where}.", hint)
    if len(ids) > 1:
        raise Misuse(f"{len(ids)} submissions begin with {begins}.", f"They are {', '.join(sorted(ids))}.")
    whose = [each.contribution.receipt for each in held] + kept
    return SubmissionLineage(ids.pop(), whose[0].submission.contributor, tuple(held), rejected, tuple(notes))


def _held(place: str, begins: str, receipts: Path) -> Iterator[Held]:
    location = pool_location(place)
    for contribution in contents(location, table_version(location)).contributions:
        if contribution.receipt.submission.id.startswith(begins):
            versions = versions_of(location, contribution.version)
            derived = derived_datasets(receipts, str(location), versions)
            yield Held(str(location), contribution, versions, tuple(derived))


def read_receipts(receipts: Path) -> Iterator[Receipt]:
    """The receipts of a state folder that can be read."""
    for path in sorted(receipts.glob("*/receipt.json")):
        try:
            yield Receipt.model_validate_json(path.read_bytes())
        except (OSError, ValidationError, UnbalancedReceipt):
            continue
