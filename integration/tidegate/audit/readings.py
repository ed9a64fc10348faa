"""Texts read in one certain way: numbers, days and times of day, each to the spelling that a column takes."""

from __future__ import annotations

import re
from datetime import date

_NUMBER = re.compile(r"([+\-−]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?", re.ASCII)
_CLOCK = re.compile(
    r"([ Tt]) *(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?: ?([AaPp])[Mm])?"
    r"(?: ?([Zz]|UTC|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?))?",
    re.ASCII,
)
_MIDNIGHT = re.compile(r"([ Tt]0{1,2}:00(:00(\.0+)?)?( ?([Zz]|UTC|\+00:?00))?)?", re.ASCII)


def number(text: str, *, whole: bool) -> str | None:
    """A number with one sign at most, no digits that say nothing before the point, and no point without digits.

    Args:
        whole: whether only a whole number is one; then 7.0 is 7.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        return None
    sign, digits = "-" if found[1] in ("-", "−") else "", found[2].lstrip("0") or "0"
    if whole:
        if found[4] or (found[3] or "").strip("0"):
            return None
        return f"{sign}{digits}" if digits != "0" else "0"
    return f"{sign}{digits}{f'.{found[3]}' if found[3] else ''}{found[4] or ''}"


def first_of(text: str, separators: str) -> tuple[str, str]:
    """The day that a text begins with, and what follows it."""
    found = re.match(rf"\d+([{separators}])\d+\1\d+|\d{{8}}(?!\d)", text, re.ASCII)
    return (found[0], text[found.end() :]) if found else (text, "")


def date_of(text: str, order: str, separators: str) -> str | None:
    """A day as ISO 8601 has it.

    Args:
        order: of the year (of four digits), the month and the day: `ymd`, `dmy` or `mdy`.
        separators: what may stand between them, twice the same; years may come first without any.
    """
    if order == "ymd" and re.fullmatch(r"\d{8}", text, re.ASCII):
        text = f"{text[:4]}{separators[0]}{text[4:6]}{separators[0]}{text[6:]}"
    digits = {"y": r"(?P<y>\d{4})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})"}
    first, second, third = (digits[part] for part in order)
    found = re.fullmatch(rf"{first}(?P<s>[{separators}]){second}(?P=s){third}", text, re.ASCII)
    if found is None:
        return None
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"])).isoformat()
    except ValueError:
        return None


def midnight(text: str) -> bool:
    """Whether what follows a day adds nothing to it."""
    return _MIDNIGHT.fullmatch(text) is not None


def time_of(text: str, zoned: bool) -> str | None:
    """What follows a day, with its seconds, and with its zone if and only if `zoned`."""
    found = _CLOCK.fullmatch(text)
    if found is None or zoned != (found[7] is not None):
        return None
    between, hour, minute, second, fraction, half, zone = found.groups()
    hours = int(hour) if half is None else int(hour) % 12 + (12 if half in "Pp" else 0)
    if hours > 23 or int(minute) > 59 or int(second or 0) > 59 or (half and not 1 <= int(hour) <= 12):
        return None
    if fraction and len(fraction) > 6:
        if fraction[6:].strip("0"):
            return None
        fraction = fraction[:6]
    told = f"{between.upper()}{hours:02}:{minute}:{second or '00'}{f'.{fraction}' if fraction else ''}"
    return told + _zone(zone) if zone else told


def _zone(zone: str) -> str:
    if zone in ("Z", "z", "UTC"):
        return "Z"
    return f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
