"""What `tidegate contracts check` finds, each with a code, the version that it is about, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

FINDINGS = {
    "file-name": "A file that looks like a version and is none, so nobody would find it.",
    "broken": "The contract or suite is wrong in itself: a type or name that cannot be, a column that is not there.",
    "no-description": "The contract or a column says nothing of what it means.",
    "no-owner": "The contract does not say whose it is.",
    "unconfirmed": "A draft from data has a guess that nobody confirmed: its line says so.",
    "no-examples": "The version has no valid or no invalid example.",
    "example-fails": "A valid example is not accepted.",
    "example-passes": "An invalid example does not fail for just the rule that it is named after.",
    "example-unreadable": "An example cannot be read.",
    "suite-alone": "A suite has no contract of its name and version.",
    "contradiction": "The suite asks for what the contract's rules rule out.",
    "released-changed": "A released contract or suite was changed.",
    "released-gone": "A released contract or suite is not there any more.",
    "lock-changed": "An entry of `contracts.lock` was changed or taken out.",
    "breaking-change": "A minor version breaks those whom the dataset's compatibility mode protects.",
    "needs-review": "A minor version changes what only a person can tell, and was not released yet.",
    "no-migration": "A new major version that is not released yet has no migration from the last one.",
    "migration-fails": "A valid example of the version before is not accepted when it is migrated.",
    "deprecation": "`contracts.toml` deprecates a version that is not there, or leads to one that is not or goes.",
    "page-stale": "A generated page is of another version than the newest.",
}
"""Every code, and what it means."""

WARNINGS = frozenset({"suite-alone", "needs-review", "no-migration"})
"""The codes that are told and fail nothing."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        code: one of `FINDINGS`.
        contract: the version that it is about, as in ``flights@1.0``; None where it is about none.
        file: where, seen from the registry's folder.
        line: the line of it, where that is known.
        fact: what is so.
        hint: what to do next.
    """

    code: str
    contract: str | None
    file: str
    fact: str
    hint: str = ""
    line: int | None = None

    @property
    def severity(self) -> Severity:
        """Whether it fails the check."""
        return "warning" if self.code in WARNINGS else "error"
