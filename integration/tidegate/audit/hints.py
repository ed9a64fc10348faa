"""How to mend what failed, as far as a look at a few failing values tells. No value of a personal column comes here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tidegate.audit.slips import Evidence, Slip, Wanted, most_frequent, near_choice, wanted
from tidegate.registry import Contract
from tidegate.registry.rules import Rule

_SENTENCES = 2
_SPELLINGS = 3

_OF_RECORDS = {
    "not-utf-8": "Save the file as UTF-8.",
    "field-count": "Put quotes around cells that hold the delimiter or a newline, and write one cell for each column.",
    "broken-quoting": "Write a quote within quotes twice.",
    "invisible-character": "Leave out characters that cannot be seen.",
    "unknown-column": "Leave out keys that the contract does not know.",
}
"""What to do about records that cannot be read, by their code."""


def hints_of(
    samples: Mapping[str, Sequence[tuple[int, str | None]]],
    failing: Mapping[str, int],
    contract: Contract,
    malformed: str | None,
) -> dict[str, str]:
    """What to do about failed rules, by their id.

    Args:
        samples: failing records of each rule, with the value where it may be shown.
        failing: how many records fail each rule in all.
        malformed: what is wrong with records that cannot be read.
    """
    columns = {column.name: column for column in contract.columns}
    rules = {rule.id: rule for rule in contract.rules}
    hints = {rule: "Send each record once." for rule in samples if rule.endswith(".unique")}
    code = (malformed or "").partition(":")[0]
    if code in _OF_RECORDS:
        hints["dataframe.well_formed"] = _OF_RECORDS[code]
    for rule, examples in samples.items():
        values = [value for _, value in examples if value is not None]
        name = rules[rule].column if rule in rules else rule.removesuffix(".dtype")
        if rule in hints or not values or name not in columns:
            continue
        told = _told(values, wanted(columns[name], choices_of(rules.get(rule))))
        if told is not None:
            more = failing[rule] > len(examples)
            hints[rule] = f"Of the first {len(examples)}: {told}" if more else told
    return hints


def choices_of(rule: Rule | None) -> Sequence[object] | None:
    """The values that a rule allows, where it lists them."""
    if rule is None or rule.definition is None or rule.check != "isin" or not rule.builtin:
        return None
    allowed = (rule.definition.statistics or {}).get("allowed_values")
    return list(allowed) if allowed is not None else None


def _told(values: Sequence[str], wanted: Wanted) -> str | None:
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
    return " ".join(told[:_SENTENCES]) or None


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
