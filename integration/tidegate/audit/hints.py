"""How to mend what failed, as far as a look at a few failing values tells. No value of a personal column comes here."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from tidegate.audit.slips import Evidence, Slip, Wanted, most_frequent, near_choice, wanted
from tidegate.columns import Column
from tidegate.registry import Contract
from tidegate.registry.rules import Rule

_SENTENCES = 2
_KEPT_ONCE = "Of records with the same key the first goes in, and the others are left out."
_SPELLINGS = 3

_OF_RECORDS = {
    "not-utf-8": "Save the file as UTF-8, which spreadsheets call CSV UTF-8.",
    "field-count": "Put quotes around cells that hold the delimiter or a newline, and write one cell for each column.",
    "broken-quoting": "Close every quote, or leave it out. A quote within a cell in quotes is written twice.",
    "invisible-character": "Leave out characters that cannot be seen.",
    "unknown-column": "Leave out keys that the contract does not know.",
}
"""What to do about records that cannot be read, by their code."""

_WRITTEN = {
    "integer": "a whole number, such as 1200",
    "real": "a number, such as 1200.5",
    "boolean": "true or false",
    "date": "a date, such as 2026-01-31",
    "time": "a time without a zone, such as 2026-01-31T09:30:00",
    "zoned": "a time with its zone, such as 2026-01-31T09:30:00Z",
}
"""What to write into a cell, by the kind that is wanted."""


def hints_of(
    samples: Mapping[str, Sequence[tuple[int, str | None]]],
    failing: Mapping[str, int],
    contract: Contract,
    malformed: str | None,
    settled: Collection[str] = (),
) -> dict[str, str]:
    """What to do about failed rules, by their id: how failing values are mended, and of others what is asked for.

    Args:
        samples: failing records of each rule, with the value where it may be shown.
        failing: how many records fail each rule in all.
        malformed: what is wrong with records that cannot be read.
        settled: the rules whose failing records deduplication settles.
    """
    columns = {column.name: column for column in contract.columns}
    rules = {rule.id: rule for rule in contract.rules}
    hints = {rule: "Send each record once." for rule in samples if rule.endswith(".unique")}
    hints |= {rule: f"{_KEPT_ONCE} {hints[rule]}" for rule in settled if rule in hints}
    code = (malformed or "").partition(":")[0]
    if code in _OF_RECORDS:
        hints["dataframe.well_formed"] = _OF_RECORDS[code]
    for rule, examples in samples.items():
        name = rules[rule].column if rule in rules else rule.removesuffix(".dtype")
        if rule in hints or name not in columns:
            continue
        values = [value for _, value in examples if value is not None]
        asked = wanted(columns[name], choices_of(rules.get(rule)))
        told, unexplained = _told(values, asked)
        if told and failing[rule] > len(examples):
            told = f"Of the first {len(examples)}: {told}"
        if unexplained or not values:
            told = " ".join(filter(None, (told, _asked(rules.get(rule), columns[name], asked))))
        if told:
            hints[rule] = told
    return hints


def choices_of(rule: Rule | None) -> Sequence[object] | None:
    """The values that a rule allows, where it lists them."""
    if rule is None or rule.definition is None or rule.check != "isin" or not rule.builtin:
        return None
    allowed = (rule.definition.statistics or {}).get("allowed_values")
    return list(allowed) if allowed is not None else None


def _asked(rule: Rule | None, column: Column, wanted: Wanted) -> str:
    """What is asked for in the column: its spelling where a cell has another type, and what it means."""
    if rule is None and wanted.kind in _WRITTEN:
        told = f"Write {_WRITTEN[wanted.kind]}. "
    elif rule is not None and rule.check == "not_nullable":
        told = "Write the value. "
    else:
        told = "Correct the value. " if column.meaning else ""
    return f"{told}{column.meaning}".rstrip()


def _told(values: Sequence[str], wanted: Wanted) -> tuple[str, bool]:
    """What slips the values have, and whether there are values of which nothing is known."""
    quoted = sum(value != _unquoted(value) and wanted.takes(_unquoted(value)) for value in values)
    values = [_unquoted(value) for value in values]
    evidence = Evidence(wanted)
    for value in values:
        evidence.see(value)
    told = [f"{_values(quoted)} {_agreeing('are right, but in quotes', quoted)}: leave them out."] if quoted else []
    told += [_sentence(slip, count, values, evidence) for slip, count in most_frequent(evidence, values)]
    doubtful = sum(map(evidence.doubtful, values))
    if doubtful:
        what = (
            "have a separator that may be of thousands or a decimal one: write 1200, or 1200.5"
            if wanted.kind in ("integer", "real")
            else "may be day-first or month-first: write 2026-01-31"
        )
        told.append(f"{_values(doubtful)} {what}.")
    unexplained = sum(not evidence.named(value) and not evidence.doubtful(value) for value in values)
    return " ".join(told[:_SENTENCES]), unexplained > quoted


def _sentence(slip: Slip, count: int, values: Sequence[str], evidence: Evidence) -> str:
    if slip.name in ("case", "near"):
        meant = {value: near_choice(value, evidence.wanted) for value in values if slip.name in evidence.named(value)}
        return " ".join(f"{value!r}: did you mean {choice!r}?" for value, choice in list(meant.items())[:_SPELLINGS])
    if slip.name == "missing":
        spelled = sorted({value.strip() for value in values if slip.name in evidence.named(value)} - {""})
        declared = f", or declare cleaning_config: {{null_values: {spelled[:_SPELLINGS]}}}" if spelled else ""
        return f"{_values(count)} {_agreeing(slip.told, count)}: {slip.write}{declared}."
    return f"{_values(count)} {_agreeing(slip.told, count)}: {slip.write}."


def _unquoted(value: str) -> str:
    """A text of JSON without its quotes: where another kind was asked for, it is shown as JSON has it."""
    try:
        text = json.loads(value) if value.startswith('"') else value
    except ValueError:
        return value
    return text if isinstance(text, str) else value


def _values(count: int) -> str:
    return f"{count:,} value{'' if count == 1 else 's'}"


def _agreeing(told: str, count: int) -> str:
    """The verb that comes first, for one value or several."""
    verb, _, rest = told.partition(" ")
    one = {"have": "has", "are": "is", "say": "says", "look": "looks"}
    return told if count != 1 else f"{one[verb]} {rest.replace('around them', 'around it')}"
