"""What was published when, from the pool's own log, and the way back."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tidegate.errors import Misuse, PoolError
from tidegate.pool.location import Location
from tidegate.pool.log import COMPACTED, REVOKED, Revocation
from tidegate.pool.object_folder import ObjectFolder, delta_reason
from tidegate.pool.table import open_table, table_files
from tidegate.receipt import Receipt

if TYPE_CHECKING:
    from deltalake import DeltaTable

RECEIPT = "tidegate.receipt"
RECEIPT_DIGEST = "tidegate.receipt_digest"


@dataclass(frozen=True)
class HistoryEntry:
    """One commit of a pool. `rows` are those that it added, or removed; None where it is neither publish nor revoke."""

    version: int
    time: str
    operation: str
    receipt: Receipt | None
    revoked: Revocation | None = None
    restores: int | None = None

    @property
    def rows(self) -> int | None:
        """Rows added by a publish, or taken out by a revocation, which are negative."""
        if self.revoked is not None:
            return -self.revoked.rows
        return self.receipt.rows.accepted if self.receipt else None


def table_version(location: Location) -> int:
    """The pool's newest version. Raises `Misuse` where there is no pool."""
    return int(existing_table(location).version())


def history(location: Location) -> list[HistoryEntry]:
    """Every commit of the pool, newest first. Raises `Misuse` where there is no pool."""
    return [_entry(commit) for commit in commits(location, existing_table(location))]


def find_published(location: Location, integration: str) -> Receipt | None:
    """The receipt of an integration whose rows are at `location` now, or None."""
    table = open_table(location)
    return None if table is None else published_receipt(location, table, integration)


def published_receipt(location: Location, table: DeltaTable, integration: str) -> Receipt | None:
    """The receipt of an integration whose rows are in the table as it stands now, or None.

    Walks back through the log; where it meets a rollback it goes on from the version that was restored. What was
    revoked after it was published is not there.
    """
    revoked: list[Revocation] = []
    there = {commit["version"]: commit for commit in commits(location, table)}
    version = table.version()
    while version in there:
        commit = there[version]
        if commit.get("operation") == "RESTORE":
            version = int(commit["operationParameters"]["version"])
            continue
        entry = _entry(commit)
        if entry.revoked is not None:
            revoked.append(entry.revoked)
        receipt = entry.receipt
        if receipt is not None and receipt.integration == integration:
            whose = receipt.submission
            return None if any(taken.covers(whose.id, whose.contributor) for taken in revoked) else receipt
        version -= 1
    return None


def versions_with(location: Location, submission: str | None, contributor: str | None) -> frozenset[int]:
    """The versions that hold rows of a submission, or of a contributor where that is None, by receipts alone."""
    whose = Revocation(submission, contributor, 0, "")
    held: dict[int, bool] = {}
    for entry in reversed(history(location)):
        there = held.get(entry.version - 1 if entry.restores is None else entry.restores, False)
        if entry.revoked is not None and there:
            there = not _covered(whose, entry.revoked)
        if entry.receipt is not None:
            theirs = entry.receipt.submission
            there = there or whose.covers(theirs.id, theirs.contributor)
        held[entry.version] = there
    return frozenset(version for version, there in held.items() if there)


def commits(location: Location, table: DeltaTable) -> list[dict[str, Any]]:
    """The table's commits as delta-rs reads them, newest first."""
    with (
        location.told(f"The log of {location} cannot be read") if isinstance(location, ObjectFolder) else nullcontext()
    ):
        return table.history()


def rollback(location: Location, version: int) -> int:
    """Make the pool what it was at `version`, by a new commit, which can itself be undone.

    Returns:
        The version of the new commit.

    Raises:
        Misuse: there is no such version, or no pool.
        PoolError: its files are gone, or another writer was faster.
    """
    from deltalake import CommitProperties
    from deltalake.exceptions import CommitFailedError, DeltaError

    table = existing_table(location)
    if not 0 <= version <= table.version():
        raise Misuse(f"The pool {location} has no version {version}.", f"It has 0 to {table.version()}.")
    try:
        table.restore(
            version, commit_properties=CommitProperties(custom_metadata={"tidegate.rollback_to": str(version)})
        )
    except CommitFailedError:
        raise PoolError(f"Somebody else wrote to {location}; nothing was rolled back.", "Run it again.") from None
    except (DeltaError, OSError) as error:
        reason = delta_reason(error) if isinstance(location, ObjectFolder) else str(error).splitlines()[0]
        raise PoolError(
            f"Version {version} of {location} cannot be restored: {reason}", "Its files may have been vacuumed."
        ) from None
    after = existing_table(location)
    if isinstance(location, ObjectFolder):
        location.check_files(after)
    else:
        table_files(after)  # raises where a file is gone
    return int(after.version())


def existing_table(location: Location) -> DeltaTable:
    """The pool's table at its newest version. Raises `Misuse` where there is no pool."""
    table = open_table(location)
    if table is None:
        raise Misuse(f"There is no pool at {location}.", "The first publish makes one.")
    return table


def _covered(whose: Revocation, taken: Revocation) -> bool:
    return (whose.submission, whose.contributor) == (taken.submission, taken.contributor)


def _entry(commit: dict[str, Any]) -> HistoryEntry:
    receipt = restores = None
    if RECEIPT in commit:
        try:
            receipt = Receipt.model_validate_json(commit[RECEIPT])
        except ValidationError:
            receipt = None  # of another version of Tidegate, or not ours; the commit is still listed
    operation = str(commit.get("operation", "UNKNOWN"))
    if receipt is not None:
        receipt = receipt.model_copy(update={"dataset_version": commit["version"]})
        operation = "publish"
    elif operation == "RESTORE":
        restores = int(commit["operationParameters"]["version"])
        operation = f"rollback to {restores}"
    elif REVOKED in commit:
        operation = "revoke"
    elif COMPACTED in commit:
        operation = "compact"
    time = datetime.fromtimestamp(commit["timestamp"] / 1000, UTC).isoformat(timespec="seconds")
    return HistoryEntry(int(commit["version"]), time, operation.lower(), receipt, Revocation.read(commit), restores)
