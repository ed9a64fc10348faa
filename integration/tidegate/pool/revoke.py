"""Take a submission's or a contributor's rows out of the pool, by their lineage, in one commit that can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.columns import CONTRIBUTOR, SUBMISSION
from tidegate.errors import Misuse
from tidegate.pool.history import history
from tidegate.pool.location import Location
from tidegate.pool.log import REVOKED, live_files
from tidegate.pool.replace import Part, Plan, replace
from tidegate.pool.rows import PoolFiles

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class Revoked:
    """What a revocation took out: at which version, whose rows, how many, and of how many files all or some."""

    version: int
    submission: str | None
    contributor: str | None
    rows: int
    files_removed: int
    files_rewritten: int


def revoke(location: Location, *, submission: str | None = None, contributor: str | None = None) -> Revoked:
    """Take out the rows of one submission, or of all submissions of a contributor.

    Args:
        submission: its id, or how that begins where no other one in the history begins so.
        contributor: the name as it was given.

    Raises:
        Misuse: there is no pool, no such submission or contributor in it, or not exactly one of the two is named.
        PoolError: a file cannot be read or written, or every attempt lost a race. The pool is as it was.
    """
    if (submission is None) == (contributor is None) or "" in (submission, contributor):
        raise Misuse("Either a submission or a contributor is revoked.", "Name one of the two.")
    if submission is not None:
        submission = _whole_id(location, submission)
    column, value = (SUBMISSION, submission) if submission is not None else (CONTRIBUTOR, contributor)
    assert value is not None

    def planned(table: DeltaTable) -> Plan | None:
        parts, rows = _parts(location, table, column, value)
        told = {"submission": submission, "contributor": contributor, "rows": rows}
        return Plan(parts, told, changes_data=True) if parts else None

    done = replace(location, REVOKED, planned)
    if done is None:
        whose = f"submission {value}" if submission is not None else f"contributor {value!r}"
        raise Misuse(f"The pool {location} has no rows of {whose}.", "tidegate history lists who has published.")
    version, plan = done
    rewritten = sum(1 for part in plan.parts if part.rows)
    return Revoked(version, submission, contributor, int(plan.metadata["rows"]), len(plan.parts) - rewritten, rewritten)


def _parts(location: Location, table: DeltaTable, column: str, value: str) -> tuple[list[Part], int]:
    """The files that hold such rows, with what of each is kept, and how many rows are taken out.

    Raises:
        PoolError: a file cannot be read.
    """
    import pyarrow.dataset as ds

    others = ds.field(column).is_null() | (ds.field(column) != value)
    opener, parts, taken = PoolFiles(location, table), [], 0
    for file in live_files(table):
        if not opener.may_hold(file.name, column, value):
            continue
        owners = opener.owners(file.name)
        theirs = sum(rows for owner, rows in owners.items() if value == owner[column == CONTRIBUTOR])
        if theirs:
            parts.append(Part((file,), owners.total() - theirs, others))
            taken += theirs
    return parts, taken


def _whole_id(location: Location, begins: str) -> str:
    """The id of the one submission in the history that begins so; what none begins with is taken as it is."""
    known = {entry.receipt.submission.id for entry in history(location) if entry.receipt is not None}
    found = sorted(name for name in known if name.startswith(begins))
    if begins in found or not found:
        return begins
    if len(found) > 1:
        listed = ", ".join(name[: len(begins) + 8] for name in found[:5])
        raise Misuse(f"{len(found)} submissions begin with {begins}.", f"Name more of the id: {listed}.")
    return found[0]
