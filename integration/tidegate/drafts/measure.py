"""What staged cells have in common, told by the engine: no cell leaves it but the few values of a likely category."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.columns import Column

FEW = 50
"""A text column with more different values has no categories."""

_AT_ONCE = 40  # columns in a query
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = rf"^{_DAY}[ T][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,6}})?"
_FLOAT = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_TRUTHS = ["true", "True", "TRUE", "false", "False", "FALSE"]

SPELLINGS = ("int64", "float64", "boolean", "date", "timestamp('UTC', 6)", "timestamp(6)")
"""What text may turn out to be, the narrowest first."""

FORMS = {
    "[0-9]": "digits",
    "[A-Z]": "capitals",
    "[a-z]": "small letters",
    "[0-9a-f]": "hexadecimal digits",
    "[A-Z0-9]": "capitals and digits",
    "[a-z0-9]": "small letters and digits",
    "[A-Za-z0-9]": "letters and digits",
}
"""Classes of characters, the narrowest first, of which the cells of a column may be made."""


@dataclass(frozen=True)
class Seen:
    """What was seen of one column.

    Attributes:
        column: with its type, as it turned out.
        values: how many cells have one; the other records have none.
        distinct: about how many different ones.
        low, high, mean: of numbers; of times, without the mean.
        shortest, longest: of texts, in characters.
        shape: of texts that all have the same: `A` for a capital, `a` for a small letter, `9` for a digit.
        form: the class of characters that all texts are made of, where all are of one length.
        few: the different values, where they are few and may be shown.
    """

    column: Column
    records: int
    values: int
    distinct: int
    low: Any = None
    high: Any = None
    mean: float | None = None
    shortest: int | None = None
    longest: int | None = None
    shape: str | None = None
    form: str | None = None
    few: tuple[Any, ...] | None = None

    @property
    def nulls(self) -> int:
        """How many records have no value."""
        return self.records - self.values


def typed(rows: ir.Table, columns: Sequence[Column], spellings: Sequence[str]) -> tuple[ir.Table, list[Column]]:
    """The rows with the text columns as what all of their cells spell.

    Args:
        spellings: of `SPELLINGS`, those that the file's format allows in text.
    """
    texts = [column for column in columns if column.type == "string" and not column.json]
    told = _ask(
        rows,
        texts,
        lambda column, cell: (
            {"values": cell.count()}
            | {f"is_{n}": _spells(cell, spelling).sum() for n, spelling in enumerate(spellings)}
        ),
    )
    found: list[Column] = []
    for column in columns:
        answers = told.get(column.name)
        kind = None
        if answers is not None and answers["values"]:
            kind = next((s for n, s in enumerate(spellings) if answers[f"is_{n}"] == answers["values"]), None)
        found.append(column if kind is None else replace(column, type=kind))
    changed = {c.name: rows[c.name].cast(c.type) for c, before in zip(found, columns, strict=True) if c != before}
    return (rows.mutate(**changed) if changed else rows), found


def measured(rows: ir.Table, columns: Sequence[Column], records: int, secret: frozenset[str]) -> list[Seen]:
    """What is seen of every column.

    Args:
        secret: the columns of which no value may be shown.
    """
    told = _ask(rows, columns, _measures)
    seen = []
    for column in columns:
        answers = told[column.name]
        one = Seen(column, records, int(answers["values"] or 0), int(answers.get("distinct") or 0))
        if column.name not in secret:
            one = replace(
                one, **{n: answers[n] for n in ("low", "high", "mean", "shortest", "longest") if n in answers}
            )
            one = replace(one, shape=_shape(answers), form=_form(answers))
            if _may_be_categories(one):
                one = replace(one, few=_few(rows, column.name))
        else:
            one = replace(one, shortest=answers.get("shortest") and 1)
        seen.append(one)
    return seen


def is_unique(rows: ir.Table, names: Sequence[str]) -> bool:
    """Whether no two rows are the same in these columns."""
    twice = rows.group_by(list(names)).aggregate(_n=rows.count())
    return int(twice.filter(twice["_n"] > 1).limit(1).count().to_pyarrow().as_py()) == 0


def distinct_together(rows: ir.Table, names: Sequence[str], more: Sequence[str]) -> dict[str, int]:
    """About how many different rows there are in some columns and each one of others."""
    asked = {
        f"d{n}": ibis.struct({f"f{k}": rows[name] for k, name in enumerate((*names, other))}).hash().approx_nunique()
        for n, other in enumerate(more)
    }
    answers = rows.aggregate(**asked).to_pyarrow().to_pylist()[0]
    return {other: int(answers[f"d{n}"]) for n, other in enumerate(more)}


def _ask(
    rows: ir.Table, columns: Sequence[Column], questions: Callable[[Column, Any], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The answers to questions about columns, of as many at once as a query takes well."""
    told: dict[str, dict[str, Any]] = {}
    for start in range(0, len(columns), _AT_ONCE):
        asked = {c.name: questions(c, rows[c.name]) for c in columns[start : start + _AT_ONCE]}
        flat = {f"q{n}_{key}": each for n, name in enumerate(asked) for key, each in asked[name].items()}
        answers = rows.aggregate(**flat).to_pyarrow().to_pylist()[0]
        for n, name in enumerate(asked):
            told[name] = {key: answers[f"q{n}_{key}"] for key in asked[name]}
    return told


def _spells(cell: Any, spelling: str) -> Any:
    """Whether a text is the canonical spelling of a value of that type."""
    if spelling == "boolean":
        return cell.isin(_TRUTHS)
    attempt = cell.try_cast(spelling)
    if spelling in ("int64", "date"):
        return (attempt.cast("string") == cell).fill_null(False)
    if spelling == "float64":
        return (cell.re_search(_FLOAT) & (attempt.abs() < float("inf"))).fill_null(False)
    zone = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])" if "UTC" in spelling else ""
    return (cell.re_search(f"{_TIME}{zone}$") & attempt.notnull()).fill_null(False)


def _measures(column: Column, cell: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"values": cell.count()}
    if column.nested or column.json:
        return asked
    asked["distinct"] = cell.approx_nunique()
    if column.numeric:
        asked |= {"low": cell.min(), "high": cell.max(), "mean": cell.cast("float64").mean()}
    elif column.type == "date" or column.type.startswith("timestamp"):
        asked |= {"low": cell.min(), "high": cell.max()}
    elif column.type == "string":
        shape = cell.re_replace("[A-Z]", "A").re_replace("[a-z]", "a").re_replace("[0-9]", "9")
        asked |= {"shortest": cell.length().min(), "longest": cell.length().max()}
        asked |= {"shape_low": shape.min(), "shape_high": shape.max()}
        asked |= {f"form_{n}": cell.re_search(f"^{form}+$").sum() for n, form in enumerate(FORMS)}
    return asked


def _shape(answers: dict[str, Any]) -> str | None:
    low = answers.get("shape_low")
    return low if low and low == answers["shape_high"] and low.isascii() and low.isprintable() else None


def _form(answers: dict[str, Any]) -> str | None:
    if not answers["values"] or answers.get("shortest") != answers.get("longest") or not answers.get("shortest"):
        return None
    return next((form for n, form in enumerate(FORMS) if answers.get(f"form_{n}") == answers["values"]), None)


def _may_be_categories(seen: Seen) -> bool:
    whole_or_text = seen.column.type in ("string", "int64") and not seen.column.json and not seen.column.duration
    return whole_or_text and 0 < seen.distinct <= FEW and seen.values >= 10 * seen.distinct


def _few(rows: ir.Table, name: str) -> tuple[Any, ...] | None:
    """All different values, in order, where they are as few as it seems."""
    found = rows.select(name).distinct().limit(FEW + 2).to_pyarrow().column(0).to_pylist()
    values = sorted(value for value in found if value is not None)
    return tuple(values) if len(values) <= FEW else None
