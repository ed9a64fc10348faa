"""Slips: ways in which a right value is written so that its column does not take it, and how it is written right.

One table of kinds, for hints and for mending. Nobody guesses: where a value can be read in two ways (`1,234`,
`03/04/2026`), the other values of its column must tell which way is theirs, or it stays as it is.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from tidegate.audit.readings import date_of, first_of, midnight, number, time_of
from tidegate.columns import Column
from tidegate.readers.invisible import without_invisible
from tidegate.readers.names import loosely

_NULLS = frozenset({"na", "n/a", "nan", "null", "none", "nil", "-", "--", ".", "?", "#n/a", ""})
_TRUTH = {"yes": "true", "y": "true", "t": "true", "on": "true", "1": "true", "true": "true",
          "no": "false", "n": "false", "f": "false", "off": "false", "0": "false", "false": "false"}  # fmt: skip
_DIGITS = r"[+\-−]?\d+"
_THOUSANDS = r"[+\-−]?[1-9]\d{0,2}"
_FRACTION = re.compile(r"[+\-−]?\d++([.,])\d++", re.ASCII)
_GROUPED = re.compile(rf"{_THOUSANDS}[.,]\d{{3}}", re.ASCII)
_COMPARED = 500  # choices: to compare a hundred values with thousands takes minutes
_OF_THOUSANDS = {",": "thousands", ".": "thousands with a point"}


@dataclass(frozen=True)
class Wanted:
    """What a column takes, as far as a text can tell.

    Attributes:
        kind: `integer`, `real`, `boolean`, `date`, `time`, `zoned` (a time with its zone), `text`, or `other`.
        choices: the only values that there may be; None where any may be.
        scale: how many digits may follow the point; None where any number may.
        nullable: whether a cell may be empty.
    """

    kind: str
    choices: tuple[str, ...] | None = None
    scale: int | None = None
    nullable: bool = False

    def takes(self, text: str) -> bool:
        """Whether a cell may be written so. Of free text nobody knows: its rules may say anything."""
        if self.choices is not None:
            return text in self.choices
        return self._written(text)

    def _written(self, text: str) -> bool:
        match self.kind:
            case "integer":
                return re.fullmatch(r"0|-?[1-9]\d*", text, re.ASCII) is not None
            case "real":
                digits = r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"
                return re.fullmatch(digits, text, re.ASCII) is not None and self._scaled(text)
            case "boolean":
                return text in ("true", "True", "TRUE", "false", "False", "FALSE")
            case "date":
                return date_of(text, "ymd", "-") == text
            case "time" | "zoned":
                day, clock = text[:10], text[10:]
                return date_of(day, "ymd", "-") == day and time_of(clock, self.kind == "zoned") == clock
        return self.kind == "text"

    def _scaled(self, text: str) -> bool:
        return self.scale is None or len(text.partition(".")[2]) <= self.scale


def wanted(column: Column, choices: Iterable[object] | None = None) -> Wanted:
    """What a column takes.

    Args:
        choices: what a rule of the contract allows besides.
    """
    kind = "other"
    if column.duration or column.json or column.nested:
        pass
    elif "int" in column.type:
        kind = "integer"
    elif column.type.startswith(("float", "decimal")):
        kind = "real"
    elif column.type in ("boolean", "date"):
        kind = column.type
    elif column.type.startswith("timestamp"):
        kind = "zoned" if "UTC" in column.type else "time"
    elif column.type == "string":
        kind = "text"
    allowed = column.categories if column.categories is not None else choices
    scale = int(column.type.rstrip(")").split(",")[1]) if column.type.startswith("decimal") else None
    texts = tuple(str(choice) for choice in allowed) if allowed is not None else None
    return Wanted(kind, texts, scale, column.nullable)


@dataclass(frozen=True)
class Slip:
    """One kind of slip.

    Attributes:
        name: what reports and programs call it.
        told: what is said of values that have it.
        write: how to write them.
        reads: the value without the slip, as its column takes it; None where the value does not have it.
        mends: whether the value without it is certain enough to be written in its place.
        null: whether what is read is that there is no value.
    """

    name: str
    told: str
    write: str
    reads: Callable[[str, Wanted], str | None]
    mends: bool = True
    null: bool = False


def _trimmed(text: str, wanted: Wanted) -> str | None:
    return text.strip() if text != text.strip() else None


def _visible(text: str, wanted: Wanted) -> str | None:
    visible = without_invisible(text)
    return visible if visible != text else None


def _missing(text: str, wanted: Wanted) -> str | None:
    return "" if text.strip().lower() in _NULLS and wanted.nullable else None


def _missing_but_needed(text: str, wanted: Wanted) -> str | None:
    return "" if text.strip().lower() in _NULLS and not wanted.nullable else None


def _truth(text: str, wanted: Wanted) -> str | None:
    return _TRUTH.get(text.lower()) if wanted.kind == "boolean" else None


def _case(text: str, wanted: Wanted) -> str | None:
    alike = [choice for choice in wanted.choices or () if loosely(choice) == loosely(text)]
    return alike[0] if len(alike) == 1 else None


def _near(text: str, wanted: Wanted) -> str | None:
    if wanted.choices is None or wanted.kind not in ("text", "other") or len(wanted.choices) > _COMPARED:
        return None
    return _nearest(text, wanted.choices)


@lru_cache(maxsize=1_024)  # of each value it is asked several times
def _nearest(text: str, choices: tuple[str, ...]) -> str | None:
    close = difflib.get_close_matches(text.lower(), [choice.lower() for choice in choices], n=1, cutoff=0.7)
    return next((choice for choice in choices if choice.lower() == close[0]), None) if close else None


def _numbers(pattern: str, thousands: str, point: str) -> Callable[[str, Wanted], str | None]:
    """Reads numbers of a layout: what parts the thousands is left out, and a point is put for what stands for one."""
    layout = re.compile(pattern, re.ASCII)

    def read(text: str, wanted: Wanted) -> str | None:
        if wanted.kind not in ("integer", "real") or not layout.fullmatch(text):
            return None
        bare = re.sub(f"[{thousands}]", "", text) if thousands else text
        return number(bare.replace(point, "."), whole=wanted.kind == "integer")

    return read


def _days(order: str, separators: str) -> Callable[[str, Wanted], str | None]:
    """Reads dates, and times behind them, whose parts come in this order."""

    def read(text: str, wanted: Wanted) -> str | None:
        if wanted.kind not in ("date", "time", "zoned"):
            return None
        day, rest = first_of(text, separators)
        written = date_of(day, order, separators)
        if written is None:
            return None
        if wanted.kind == "date":
            return written if midnight(rest) else None
        clock = time_of(rest, wanted.kind == "zoned")
        return None if clock is None else written + clock

    return read


def _part_lacking(kinds: tuple[str, ...], pattern: str) -> Callable[[str, Wanted], str | None]:
    """Recognises what lacks a part that nobody can make up."""
    layout = re.compile(pattern, re.ASCII)
    return lambda text, wanted: "" if wanted.kind in kinds and layout.fullmatch(text) else None


_DAY = r"(\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4})"
_AMOUNT = rf"{_DIGITS}+[\d.,]*+"
_CLOCK = r"[ T]\d{1,2}:\d\d(:\d\d(\.\d+)?)?"

AROUND: tuple[Slip, ...] = (
    Slip("white space", "have white space around them",
         "leave it out, or declare cleaning_config: {trim_strings: true}", _trimmed),
    Slip("invisible characters", "have characters that cannot be seen", "leave them out", _visible),
)  # fmt: skip
"""What may stand around a value that is right, or has another slip besides."""

SLIPS: tuple[Slip, ...] = (
    Slip("missing", "say that there is no value", "leave the cell empty", _missing, null=True),
    Slip("missing where needed", "say that there is no value, and there must be one", "write the value",
         _missing_but_needed, mends=False),
    Slip("case", "are an allowed value in another case", "write it as it is listed", _case),
    Slip("truth", "are other words for true and false", "write true or false", _truth),
    Slip("thousands", "have a separator of thousands", "write 1200, not 1,200",
         _numbers(rf"{_THOUSANDS}(,\d{{3}})+(\.\d+)?", ",", ".")),
    Slip("thousands with a point", "have a point between thousands", "write 1200, not 1.200",
         _numbers(rf"{_THOUSANDS}(\.\d{{3}})+(,\d+)?", ".", ",")),
    Slip("thousands with a space", "have a separator of thousands", "write 1200, not 1 200",
         _numbers(rf"{_THOUSANDS}([ \u00a0\u202f'’_]\d{{3}})+([.,]\d+)?", " \u00a0\u202f'’_", ",")),
    Slip("decimal comma", "have a decimal comma", "write a point: 1200.5", _numbers(rf"{_DIGITS},\d+", "", ",")),
    Slip("number", "are numbers in another spelling", "write 7, not +7, 007 or 7.0",
         _numbers(r"[+\-−]?(\d++(\.\d*+)?|\.\d++)([eE][+-]?\d+)?", "", ".")),
    Slip("day first", "look like day-first dates", "write 2026-01-31, not 31.01.2026", _days("dmy", "./-")),
    Slip("month first", "look like month-first dates", "write 2026-01-31, not 01/31/2026", _days("mdy", "/-")),
    Slip("year first", "are dates or times in another spelling", "write 2026-01-31, a time like 2026-01-31T09:30:00",
         _days("ymd", "./-")),
    Slip("no time", "have no time of day", "write 2026-01-31T09:30:00", _part_lacking(("time", "zoned"), _DAY), False),
    Slip("no zone", "have no zone", "write the zone: 2026-01-31T09:30:00Z", _part_lacking(("zoned",), _DAY + _CLOCK),
         False),
    Slip("zone", "have a zone, and the column has none", "write 2026-01-31T09:30:00",
         _part_lacking(("time",), _DAY + _CLOCK + r" ?(Z|z|UTC|[+-]\d\d:?\d\d)"), False),
    Slip("two-digit year", "have a year of two digits", "write 2026-01-31",
         _part_lacking(("date", "time", "zoned"), r"\d{1,2}[-./]\d{1,2}[-./]\d\d([ T].*)?"), False),
    Slip("unit", "have a unit or a sign beside the number", "write the number alone",
         _part_lacking(("integer", "real"), rf"[$€£¥] ?{_AMOUNT}|{_AMOUNT} ?([%$€£¥]|[A-Za-z]{{1,12}})"), False),
    Slip("near", "are close to an allowed value", "write it as it is listed", _near, False),
)  # fmt: skip
"""The kinds of slips; of those that do not mend, the first that a value has is told."""


@dataclass(frozen=True)
class Mended:
    """A value without its slips: `text` is null where there is no value. `slips` are the names of what it had."""

    text: str | None
    slips: tuple[str, ...]


@dataclass
class Evidence:
    """What the failing values of one column tell together.

    Attributes:
        certain: the slips that some value has and cannot be read without.
        doubted: slips that are not believed, whatever the values say.
    """

    wanted: Wanted
    certain: set[str] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)

    def see(self, text: str) -> None:
        """Take a failing value into account."""
        bare, _ = _bare(text, self.wanted)
        found = {slip.name: read for slip, read in _readings(bare, self.wanted)}
        if len(found) == 1:
            self.certain |= found.keys()
        # Where a sign stands before a fraction of whole numbers, 1.234 is one too, and no thousand.
        fraction = _FRACTION.fullmatch(bare) if self.wanted.kind == "integer" else None
        if fraction is not None and not _GROUPED.fullmatch(bare):
            self.doubted.add(_OF_THOUSANDS[fraction[1]])

    def mended(self, text: str) -> Mended | None:
        """The value as its column takes it, if that is certain."""
        bare, around = _bare(text, self.wanted)
        if around and self.wanted.takes(bare):
            return Mended(bare, around)
        found = self._chosen(_readings(bare, self.wanted))
        if found is None or found[0].name in self.doubted:
            return None
        slip, read = found
        return Mended(None if slip.null else read, (*around, slip.name))

    def doubtful(self, text: str) -> bool:
        """Whether the value has a slip, but can be read in two ways."""
        readings = _readings(_bare(text, self.wanted)[0], self.wanted)
        chosen = self._chosen(readings)
        return bool(readings) and (chosen is None or chosen[0].name in self.doubted)

    def named(self, text: str) -> tuple[str, ...]:
        """The slips of a value, those that do not mend among them."""
        if mended := self.mended(text):
            return mended.slips
        bare, around = _bare(text, self.wanted)
        told = next((s.name for s in SLIPS if not s.mends and s.reads(bare, self.wanted) is not None), None)
        return (*around, *([told] if told and not self.doubtful(text) else []))

    def _chosen(self, readings: list[tuple[Slip, str]]) -> tuple[Slip, str] | None:
        if len({read for _, read in readings}) == 1:
            return readings[0]
        sure = [(slip, read) for slip, read in readings if slip.name in self.certain]
        return sure[0] if len({read for _, read in sure}) == 1 else None


def near_choice(text: str, wanted: Wanted) -> str | None:
    """The allowed value that was probably meant."""
    return _case(text, wanted) or _near(text.strip(), wanted)


def most_frequent(evidence: Evidence, texts: Iterable[str]) -> list[tuple[Slip, int]]:
    """The slips of values, the most frequent first, each with how many have it."""
    by_name = {slip.name: slip for slip in (*AROUND, *SLIPS)}
    counted = Counter(name for text in texts for name in evidence.named(text))
    return [(by_name[name], count) for name, count in counted.most_common()]


def _bare(text: str, wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    """The value without what stands around it, and the names of that."""
    names: list[str] = []
    for slip in AROUND:
        read = slip.reads(text, wanted)
        if read is not None:
            text, names = read, [*names, slip.name]
    return text, tuple(names)


def _readings(text: str, wanted: Wanted) -> list[tuple[Slip, str]]:
    """What the value may mean, by the slip that it would have."""
    if wanted.takes(text):
        return []
    found = []
    for slip in SLIPS:
        read = slip.reads(text, wanted) if slip.mends else None
        if read is not None and (slip.null or wanted.takes(read)):
            found.append((slip, read))
    return found
