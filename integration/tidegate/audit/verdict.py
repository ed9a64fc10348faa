"""The verdict: what of a submission goes in, and whether any of it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.config import ValidationConfig
from tidegate.receipt import Check, RowCounts, Verdict

_MOST_OF_SHAPE = 3
"""How many wrong columns are reasons by name: in a header of another language all are wrong."""


@dataclass(frozen=True)
class Disposition:
    """The verdict and its reasons; an accepted submission has none."""

    verdict: Verdict
    reasons: tuple[str, ...]


def decide(
    rows: RowCounts, dropped: int, wrong_shape: Sequence[Check], checks: Sequence[Check], config: ValidationConfig
) -> Disposition:
    """Accept or reject.

    Args:
        wrong_shape: failed checks of the columns: they turn the whole submission down.
        dropped: how many of the failed rows were dropped because the configuration says so (`drop_row`); they are
            no fault of the contributor's.
        checks: everything that was, or should have been, evaluated.
    """
    reasons = []
    if rows.read == 0:
        reasons.append("it holds no records")
    reasons += [f"{check.id}: {check.observed}" for check in wrong_shape[:_MOST_OF_SHAPE]]
    if len(wrong_shape) > _MOST_OF_SHAPE:
        reasons.append(f"{len(wrong_shape) - _MOST_OF_SHAPE} more checks of its columns failed")
    lacking = {check.column for check in wrong_shape if check.column is not None}
    unseen = [check.id for check in checks if check.status == "not_evaluated" and check.column not in lacking]
    if unseen:
        reasons.append(f"not evaluated, so not passed: {_listed(unseen)}")
    failing = rows.malformed + rows.failed - dropped
    if failing and not wrong_shape:
        if config.on_failure == "reject":
            reasons.append(f"{failing} of {rows.read} records fail, and on_failure is reject")
        elif failing > config.max_failing_fraction * rows.read:
            reasons.append(
                f"{failing} of {rows.read} records fail ({failing / rows.read:.1%}), more than"
                f" max_failing_fraction allows ({config.max_failing_fraction:.1%})"
            )
    rejecting = {"critical", "warning"} if config.warnings_reject else {"critical"}
    # A rule of the contract rejects by how many records fail it, unless it only warns.
    whole = [check for check in checks if check.kind != "rule" or check.severity == "warning"]
    failed = [check.id for check in whole if check.status == "failed" and check.severity in rejecting]
    if failed:
        reasons.append(f"checks failed: {_listed(failed)}")
    if not reasons and not (rows.accepted or rows.duplicate or rows.leaked):
        reasons.append("no record is left to go in")  # one that is all known already has nothing wrong with it
    return Disposition("rejected" if reasons else "accepted", tuple(reasons))


def _listed(ids: list[str], most: int = 5) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more
