"""One difference between two versions, and what it means on either side of a contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["compatible", "review", "breaking"]
"""`review` is what nobody but a person can tell."""

_ORDER: tuple[Effect, ...] = ("compatible", "review", "breaking")

CHANGES = {
    "column-added": "A column is new.",
    "column-removed": "A column is gone.",
    "column-renamed": "A column is gone, and a new one looks like it.",
    "columns-reordered": "The columns stand in another order.",
    "type-changed": "A column has another type.",
    "nullable-changed": "A cell may be null, or no longer.",
    "required-changed": "A file may lack a column, or no longer.",
    "default-changed": "Something else stands for a null.",
    "unique-changed": "Values may be there twice, or no longer; or other copies of them fail.",
    "key-changed": "Other columns tell which records are the same.",
    "personal-changed": "The values of a column are personal, or no longer.",
    "metadata-changed": "A mark of a column or of the contract, which nothing is judged by.",
    "coerce-changed": "`coerce` of a column or of the contract, which nothing is judged by.",
    "description-changed": "Something is described in other words.",
    "owner-changed": "Somebody else owns the contract.",
    "strict-changed": "Unknown columns are refused, or no longer.",
    "ordered-changed": "The order of a file's columns matters, or no longer.",
    "parser-changed": "A parser is new, gone or another one.",
    "rule-added": "A rule is new.",
    "rule-removed": "A rule is gone.",
    "rule-tightened": "A rule lets less through.",
    "rule-loosened": "A rule lets more through.",
    "rule-changed": "A rule is another one, and neither tighter nor looser, or nobody can tell.",
    "rule-reworded": "A rule is told in other words, or shows more or fewer examples.",
    "severity-changed": "A rule or an expectation rejects, or only warns.",
    "expectation-added": "An expectation is new.",
    "expectation-removed": "An expectation is gone.",
    "expectation-tightened": "An expectation lets less through.",
    "expectation-loosened": "An expectation lets more through.",
    "expectation-changed": "An expectation is another one, and neither tighter nor looser, or nobody can tell.",
    "expectation-reworded": "An expectation has other notes.",
}
"""Every kind of change, and what it is."""


def worst(effects: Iterable[Effect]) -> Effect:
    """The worst of several; `compatible` where there are none."""
    return max(effects, key=_ORDER.index, default="compatible")


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        change: its kind, one of `CHANGES`.
        subject: the column, or the rule's or the expectation's id; `contract` for the whole.
        contributors: whether what was valid stays valid.
        consumers: whether what trainers read stays what it was.
        before, after: what it was and what it is, as plain values; None where there is nothing.
        why: what it does to either side, where that is not plain.
    """

    change: str
    subject: str
    contributors: Effect
    consumers: Effect
    before: Any = None
    after: Any = None
    why: str = ""


@dataclass(frozen=True)
class Diff:
    """Every difference between two versions."""

    before: str
    after: str
    changes: tuple[Change, ...]

    @property
    def contributors(self) -> Effect:
        """Whether what was valid stays valid."""
        return worst(change.contributors for change in self.changes)

    @property
    def consumers(self) -> Effect:
        """Whether what trainers read stays what it was."""
        return worst(change.consumers for change in self.changes)
