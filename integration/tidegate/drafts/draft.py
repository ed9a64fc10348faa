"""What a draft says, before it is Python and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

GUESS = "guess: confirm"
"""How a comment begins beside what was not said by anyone, but seen."""


@dataclass(frozen=True)
class DraftColumn:
    """One column of a draft.

    Attributes:
        name: the column's name, or where it is a `pattern` the regular expression.
        type: in Ibis' spelling.
        arguments: checks of Pandera's own, by their names as arguments of `pa.Field`, with plain values.
        comments: what stands above the column, each in a line of its own.
    """

    name: str
    type: str = "string"
    nullable: bool = False
    optional: bool = False
    unique: bool = False
    key: bool = False
    personal: bool = False
    json: bool = False
    duration: bool = False
    category: bool = False
    pattern: bool = False
    categories: tuple[str | int, ...] | None = None
    default: bool | int | float | str | None = None
    description: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A contract and its suite.

    Attributes:
        name: of the dataset.
        version: of both.
        description: what one row is.
        origin: what it was written from.
        owner: who answers questions about it.
        config: what stands in the model's `Config`.
        left_out: what the origin says and the contract does not.
        expectations: of the suite, as its JSON has them.
    """

    name: str
    columns: tuple[DraftColumn, ...]
    version: tuple[int, int] = (1, 0)
    description: str = ""
    origin: str = ""
    owner: str = ""
    config: dict[str, Any] = field(default_factory=lambda: {"strict": True})
    left_out: tuple[str, ...] = ()
    expectations: tuple[dict[str, Any], ...] = ()
