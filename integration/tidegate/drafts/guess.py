"""From what was seen of columns to what a contract may ask of them, each guess with what it was made from.

Of a column that is likely personal nothing is written but its type, that it may be null, and why it is taken for one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tidegate.drafts.draft import GUESS, DraftColumn
from tidegate.drafts.measure import FORMS, Seen

_LABELS = frozenset(range(10))
_MOST_CHARACTERS = 50
_SPEAKS_OF_PEOPLE = re.compile(
    r"(^|_)(e?mail|phone|telephone|mobile|fax|ssn|passport|iban|address|street|postcode|zip_?code|surname|forename"
    r"|nickname|username|user_name|login|password|birthday|dob|wallet|ip|ip_addr|latitude|longitude"
    r"|(first|last|middle|full|given|family|maiden|contact|person|customer|patient|client)_?name"
    r"|(date_of_birth|birth_?date)|card_?number|credit_?card)(_|$)|^name$"
)


def speaks_of_people(name: str) -> bool:
    """Whether a column's name is one that personal data often has."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return _SPEAKS_OF_PEOPLE.search(re.sub(r"[^A-Za-z0-9]+", "_", words).lower()) is not None


def guess(
    seen: Seen, personal: Mapping[str, str], key: Sequence[str], absent: int, kinds: Mapping[str, int]
) -> DraftColumn:
    """The draft of one column.

    Args:
        personal: per likely personal column, why it is taken for one.
        key: the columns that tell records apart.
        absent: how many records leave it out.
        kinds: how many records have which kind of value, where they have several.
    """
    column = seen.column
    drafted = DraftColumn(
        name=column.name,
        type=column.type,
        nullable=seen.nulls > absent or not seen.values,
        optional=absent > 0,
        unique=key == [column.name],
        key=column.name in key,
        personal=column.name in personal,
        json=column.json,
        duration=column.duration,
    )
    told = [] if drafted.personal else _told(seen)
    told.append(_nulls(seen, absent))
    if drafted.unique:
        told.append("no value twice")
    elif drafted.key:
        told.append(f"no two records with the same {', '.join(key)}")
    comments = [f"{GUESS}. Seen in {_counted(seen.records, 'record')}: {'; '.join(told)}."]
    if drafted.personal:
        comments.append(f"{GUESS}. Personal: {personal[column.name]}.")
    if kinds:
        several = ", ".join(
            f"{kind or 'null'} in {count:,}" for kind, count in sorted(kinds.items(), key=lambda k: -k[1])
        )
        comments.append(f"{GUESS}. It has values of several kinds, of which a contract takes one: {several}.")
    arguments = {} if drafted.personal else _asked(seen, drafted.key)
    return replace(drafted, arguments=arguments, comments=tuple(comments))


def _asked(seen: Seen, key: bool) -> dict[str, Any]:
    """The checks that what was seen suggests."""
    column = seen.column
    if not seen.values or column.nested or column.json or column.duration:
        return {}
    if seen.few is not None and not key and _are_categories(seen):
        return {"isin": list(seen.few)}
    if column.numeric and not column.type.startswith("decimal"):
        low, high = outward(seen.low, seen.high)
        if key:
            return {"ge": 0} if low >= 0 else {}
        return {"in_range": {"min_value": low, "max_value": high}} if math.isfinite(low) and math.isfinite(high) else {}
    if column.type != "string":
        return {}
    if seen.shape is not None and (pattern := pattern_of(seen.shape)) is not None:
        return {"str_matches": pattern}
    if seen.form is not None:
        return {"str_matches": f"^{seen.form}{{{seen.longest}}}$"}
    assert seen.shortest is not None
    assert seen.longest is not None
    return {"str_length": {"min_value": min(seen.shortest, 1), "max_value": outward(0, max(1, 2 * seen.longest))[1]}}


def _are_categories(seen: Seen) -> bool:
    assert seen.few is not None
    if seen.column.type == "int64":  # a range says more of numbers, unless they are labels
        return len(seen.few) >= 2 and set(seen.few) <= _LABELS and seen.values >= 20 * len(seen.few)
    return max(len(value) for value in seen.few) <= _MOST_CHARACTERS


def outward(low: Any, high: Any) -> tuple[Any, Any]:
    """Round numbers around two others: the next data will not have just the same extremes."""
    span = max(float(high) - float(low), abs(float(high)) / 10, abs(float(low)) / 10)
    if not math.isfinite(span):
        return low, high
    exponent = math.floor(math.log10(span)) if span > 0 else 0
    whole = isinstance(low, int) and isinstance(high, int)
    step = 10.0**exponent / 2
    step = max(1.0, step) if whole else step
    digits = max(1 - exponent, 0)
    least, most = round(math.floor(low / step) * step, digits), round(math.ceil(high / step) * step, digits)
    if whole:
        bottom, top = -(2**63), 2**63 - 1
        return max(bottom, min(int(least), low)), min(top, max(int(most), high))
    return min(least, low), max(most, high)


def pattern_of(shape: str) -> str | None:
    """The regular expression of a shape such as `AA-9999`; None for one that says nothing."""
    if not re.search("[A9]", shape) or len(shape) > 2 * _MOST_CHARACTERS:
        return None  # words of one length are no form
    parts = []
    for run in re.finditer(r"(.)\1*", shape):
        sign, count = run[1], len(run[0])
        known = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}
        one = known.get(sign) or (sign if sign.isalnum() or sign in " @:;,/<>=!~#%&'\"-_" else f"\\{sign}")
        parts.append(one if count == 1 else f"{one}{{{count}}}")
    return f"^{''.join(parts)}$"


def _told(seen: Seen) -> list[str]:
    """What was seen, in words."""
    column = seen.column
    if not seen.values:
        return ["no value"]
    if seen.few is not None and column.type == "string":
        return [f"{len(seen.few)} different text{'' if len(seen.few) == 1 else 's'}"]
    if seen.low is not None:
        return [f"{_number(seen.low)} to {_number(seen.high)}"]
    if column.type == "string" and not column.json:
        told = (
            f"{seen.shortest} to {seen.longest} characters"
            if seen.shortest != seen.longest
            else f"{seen.longest} characters"
        )
        return [f"{told}, all of them {FORMS[seen.form]}" if seen.form is not None else told]
    return []


def _nulls(seen: Seen, absent: int) -> str:
    parts = []
    if seen.nulls > absent:
        parts.append(f"{_counted(seen.nulls - absent, 'null')}")
    if absent:
        parts.append(f"{_counted(absent, 'record')} leave it out" if absent > 1 else "1 record leaves it out")
    return ", ".join(parts) or "no nulls"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
