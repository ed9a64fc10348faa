"""The columns of a contract as every room below the contract sees them: plain and engine-neutral."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass

Scalar = bool | int | float | str
"""A cell's value as a configuration spells it."""

RECORD = "_record"
"""The record number: 1 for the first record of the submission, counted through all its files."""
PROBLEMS = "_problems"
"""Why a record is malformed: JSON text, a list of objects (code, column, text, detail); null where it is not."""
WHOLE = "_whole"
"""Whether checks over several columns are asked about a record: not where one of them has a null that is a failure."""
SUBMISSION = "_submission"
CONTRIBUTOR = "_contributor"
LINEAGE = (SUBMISSION, CONTRIBUTOR)
SAMPLE_WEIGHT = "sample_weight"
RESERVED = frozenset({"file_index", "file_row_number"})
"""Names that engines give to a row's place in its file; a column of that name would be taken for it."""

NUMBERS = ("int", "uint", "float64")
"""How the types begin whose extremes can be compared with any number exactly."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(_DAY.pattern + r"(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?")


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Attributes:
        name: the column's name, exactly as files spell it.
        type: its type in Ibis' spelling, such as ``int64`` or ``array<string>``.
        required: whether a file must have it.
        nullable: whether a cell may be null.
        key: whether it is part of the dedupe key.
        personal: whether its values may never be shown.
        json: whether the text is a JSON object that nobody looks into.
        duration: whether the whole number counts microseconds, which files spell as a duration.
        categories: the only values that there may be; None where any may be.
        default: what stands for a null; None where nothing does.
        category: whether it is a category, whichever there may be.
        added: whether a file that lacks the column gets it, with its default or nulls in it.
        description: what it means, for people.
    """

    name: str
    type: str
    required: bool = True
    nullable: bool = False
    key: bool = False
    personal: bool = False
    json: bool = False
    duration: bool = False
    categories: tuple[str | int, ...] | None = None
    default: Scalar | None = None
    category: bool = False
    added: bool = False
    description: str = ""

    @property
    def meaning(self) -> str:
        """What it means, in one sentence that names it; empty where its contract does not say."""
        told = " ".join(self.description.split())
        return f"{self.name} means: {told}{'' if told.endswith('.') else '.'}" if told else ""

    @property
    def stored_type(self) -> str:
        """The type in the pool. Delta has no unsigned integers: the next wider signed type holds them."""
        wider = {"uint8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "decimal(20, 0)"}
        return wider.get(self.type, self.type)

    @property
    def nested(self) -> bool:
        """Whether cells are lists or structs, which text formats carry as JSON."""
        return self.type.startswith(("array<", "struct<"))

    @property
    def numeric(self) -> bool:
        """Whether cells are numbers."""
        return not self.nested and not self.duration and self.type.startswith(("int", "uint", "float", "decimal"))

    @property
    def told_apart(self) -> bool:
        """Whether records are told apart by its cells, so that two that look alike must be one."""
        return self.key or self.category

    def takes(self, value: object) -> bool:
        """Whether a scalar of a configuration can stand in a cell."""
        if self.categories is not None:
            return value in self.categories
        if self.numeric:
            return isinstance(value, int | float) and not isinstance(value, bool) and self._holds(value)
        if self.type == "boolean":
            return isinstance(value, bool)
        return isinstance(value, str) and (self.type == "string" or self._is_time(value))

    def _holds(self, number: int | float) -> bool:
        """Whether a column of numbers can hold one."""
        if self.type.startswith("decimal"):
            precision, scale = map(int, re.findall(r"\d+", self.type))
            return math.isfinite(number) and round(abs(number), scale) < 10 ** (precision - scale)
        if "int" not in self.type:
            return True
        bits = int(self.type.removeprefix("u").removeprefix("int"))
        low, high = (0, 1 << bits) if self.type.startswith("u") else (-1 << bits - 1, 1 << bits - 1)
        return float(number).is_integer() and low <= number < high

    def _is_time(self, text: str) -> bool:
        """Whether it is a day of a column of dates, or a day or a time of a column of those."""
        pattern = _DAY if self.type == "date" else _TIME if self.type.startswith("timestamp") else None
        if pattern is None or not pattern.fullmatch(text):
            return False
        try:
            time = datetime.datetime.fromisoformat(text)
        except ValueError:  # there is no such day
            return False
        return time.tzinfo is None or "UTC" in self.type
