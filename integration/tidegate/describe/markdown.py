"""A data dictionary in Markdown: for people who fill the columns, or read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidegate.columns import Column
from tidegate.describe.said import code, columns_of, in_words, rules_over_columns
from tidegate.registry import Contract, Expectation, Rule, Suite

_SPELLED = {
    "string": ("text", "as it is"),
    "boolean": ("true or false", "`true`"),
    "date": ("date", "`2026-01-31`"),
    "timestamp('UTC', 6)": ("time with zone", "`2026-01-31T09:30:00Z`"),
    "timestamp(6)": ("time without zone", "`2026-01-31T09:30:00`"),
}


def markdown(contract: Contract, suite: Suite | None) -> str:
    """The data dictionary of a contract."""
    key = ", ".join(code(column.name) for column in contract.columns if column.key) or "the whole record"
    unknown = "refused" if contract.strict else "ignored"
    parts = [
        f"# {contract.name} {contract.version}",
        _text(contract.description),
        f"Records are the same where they have the same {key}. Unknown columns are {unknown}.",
        _table(
            ("column", "type", "written like", "may be", "rules", "meaning"),
            (_row(contract, column, rules) for column, rules in columns_of(contract)),
        ),
    ]
    if over := rules_over_columns(contract):
        parts += ["## Across columns", "\n".join(f"- {_text(in_words(rule))}" for rule in over)]
    if suite is not None:
        parts += [
            "## What the rows add up to",
            _table(("expectation", "if not", "why"), map(_expected, suite.expectations)),
        ]
    if any(column.personal for column in contract.columns):
        parts.append("Values of **personal** columns are shown in no report.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _row(contract: Contract, column: Column, rules: Sequence[Rule]) -> tuple[str, ...]:
    name = f"begins with {code(column.name)}" if column in contract.patterns else code(column.name)
    kind, like = _kind(column)
    may_be = [word for word, so in (("absent", not column.required), ("null", column.nullable)) if so]
    if column.default is not None:
        may_be.append(f"null, for {code(column.default)}")
    words = [in_words(rule) for rule in rules if rule.check != "not_nullable"]
    if column.categories is not None:
        words.insert(0, "one of " + ", ".join(code(value) for value in column.categories))
    marks = " **personal**" if column.personal else ""
    return f"{name}{marks}", kind, like, ", ".join(may_be), "; ".join(words), column.description


def _kind(column: Column) -> tuple[str, str]:
    """The type in words, and how a cell of it is spelled."""
    if column.json:
        return "JSON object", '`{"a": 1}`'
    if column.duration:
        return "duration", "`PT1H30M`"
    if column.type in _SPELLED:
        return _SPELLED[column.type]
    if column.nested:
        return code(column.type), "JSON"
    if "int" in column.type:
        return f"whole number ({column.type})", "`1200`"
    return f"number ({column.type})", "`1200.5`"


def _expected(expectation: Expectation) -> tuple[str, ...]:
    outcome = "rejected" if expectation.severity == "critical" else expectation.severity
    return code(expectation.id), outcome, expectation.notes


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _text(text: str) -> str:
    """A text in one line, in which nothing ends a cell."""
    return " ".join(text.replace("|", "\\|").split())
