"""Every error that Tidegate raises, split by whose fault it is.

::

    TidegateError
    ├── SubmissionRejected      the data was read and judged, and may not go in     exit code 1
    ├── Misuse                  the call or its configuration makes no sense        exit code 2
    ├── VersionRefused          the contract's version is no longer taken           exit code 2
    ├── BrokenContract          a contract or suite is wrong; its author mends it   exit code 2
    ├── SourceUnreadable        the bytes are not there, or are not what they say   exit code 3
    ├── NoRoom                  memory or disk is too little for the work           exit code 4
    ├── EngineFailed            a cluster gave up on the work                       exit code 4
    ├── PoolError               the pool refuses: not a Delta table, lost races     exit code 4
    └── UnbalancedReceipt       the row accounting does not add up: our own fault   exit code 4

A message is the fact; a hint, if there is one, follows after a blank line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tidegate.receipt import Receipt, Report


class TidegateError(Exception):
    """The root of the tree.

    Args:
        fact: what happened and where, in one sentence.
        hint: what to do next.
    """

    code: ClassVar[str] = "tidegate-error"
    exit_code: ClassVar[int] = 4

    def __init__(self, fact: str, hint: str | None = None) -> None:
        self.fact = fact
        self.hint = hint
        super().__init__(fact if hint is None else f"{fact}\n\n{hint}")


class SubmissionRejected(TidegateError):
    """The submission was read and judged, and nothing of it was published. Has the report and the receipt."""

    code = "submission-rejected"
    exit_code = 1

    def __init__(self, report: Report, receipt: Receipt) -> None:
        self.report, self.receipt = report, receipt
        reasons = "; ".join(report.reasons)
        where = f"The quarantine is at {report.quarantine}." if report.quarantine else None
        super().__init__(f"The submission was rejected: {reasons}", where)


class Misuse(TidegateError):
    """The call or its configuration makes no sense."""

    code = "misuse"
    exit_code = 2


class VersionRefused(TidegateError):
    """The version of the contract was deprecated, and is no longer taken."""

    code = "version-refused"
    exit_code = 2


class BrokenContract(TidegateError):
    """A contract or a suite is wrong in itself."""

    code = "broken-contract"
    exit_code = 2


class SourceUnreadable(TidegateError):
    """The source is absent, is not what it claims to be, or ends before its end."""

    code = "source-unreadable"
    exit_code = 3


class NoRoom(TidegateError):
    """Memory or disk is too little for the work. Nothing was published."""

    code = "no-room"


class EngineFailed(TidegateError):
    """The cluster gave up on the work: machines were lost, or code failed on them. Nothing was published."""

    code = "engine-failed"


class PoolError(TidegateError):
    """The pool or the output cannot take the commit."""

    code = "pool-error"


class UnbalancedReceipt(TidegateError):
    """The row accounting does not add up. Nothing is published on such a receipt."""

    code = "unbalanced-receipt"


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that an unknown one was probably meant to be."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    return close[0] if close else None


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to an unknown one, or else all of them."""
    known = sorted(known)
    if close := closest(word, known):
        return f"Did you mean {close!r}?"
    return "Known are: " + ", ".join(known) + "." if known else "There are none."
