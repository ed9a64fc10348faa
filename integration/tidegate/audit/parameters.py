"""Put numbers in the place of suite parameters, before Great Expectations sees the suite."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.columns import Column
from tidegate.receipt import Check
from tidegate.registry import Contract, Suite
from tidegate.registry.parameters import PARAMETER, Node, Number, Operation, Parameter, Root, Rows, Statistic
from tidegate.registry.statistics import Measure, PoolStatistics, measure_of
from tidegate.registry.suite import Expectation

_SHOWN = 200


class _NothingThere(Exception):
    """There is nothing to compare with; the text says what is not there."""


class _NoNumber(Exception):
    """What there is cannot be reckoned with; the text says why."""


@dataclass(frozen=True)
class Resolved:
    """A suite for one submission.

    Attributes:
        suite: the expectations that can be judged, with values in the place of parameters.
        checks: those whose parameters cannot be reckoned: not evaluated, so not passed.
        notes: what was left out, since there is nothing to compare with.
    """

    suite: Suite
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


def measures_asked(suite: Suite, contract: Contract) -> Mapping[Column, frozenset[str]] | None:
    """The measures that a suite needs of the pool, by column; None where it asks nothing of the pool.

    A suite that asks for nothing but the number of rows needs the pool and no column of it.
    """
    parameters = [parameter for expectation in suite.expectations for parameter in expectation.parameters]
    if not any(parameter.pooled for parameter in parameters):
        return None
    asked: dict[Column, frozenset[str]] = {}
    for statistic in (statistic for parameter in parameters for statistic in parameter.statistics()):
        column = contract.column(statistic.column)
        asked[column] = asked.get(column, frozenset()) | {measure_of(column, statistic.name)}
    return asked


def resolve(suite: Suite, pool: PoolStatistics | None, rows: int) -> Resolved:
    """Put values in the place of parameters.

    Args:
        pool: the statistics that the suite asks for; None where there is no pool.
        rows: how many rows of the submission would go in.
    """
    ready, checks, notes = [], [], []
    for expectation in suite.expectations:
        try:
            ready.append(_resolved(expectation, pool, rows) if expectation.parameters else expectation)
        except _NothingThere as nothing:
            notes.append(f"{expectation.id} was not judged: {nothing}, so there is nothing to compare with.")
        except _NoNumber as why:
            checks.append(_not_evaluated(expectation, str(why)))
    return Resolved(replace(suite, expectations=tuple(ready)), tuple(checks), tuple(notes))


def _resolved(expectation: Expectation, pool: PoolStatistics | None, rows: int) -> Expectation:
    values = {parameter.text: _value(parameter, pool, rows) for parameter in expectation.parameters}
    kwargs = {key: _put_in(value, values) for key, value in expectation.kwargs.items()}
    told = []
    for key, authored in expectation.kwargs.items():
        source = f" = {_text(authored)}" if kwargs[key] != authored else ""
        told += [f"{key} {_text(kwargs[key])}{source}"] if key != "column" else []
    if pool is not None and any(parameter.pooled for parameter in expectation.parameters):
        told.append(f"the pool at version {pool.version}")
    return replace(expectation, kwargs=kwargs, arguments=", ".join(told))


def _put_in(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if PARAMETER in value:
            return values[value[PARAMETER]]
        return {key: _put_in(inner, values) for key, inner in value.items()}
    return [_put_in(inner, values) for inner in value] if isinstance(value, list) else value


def _value(parameter: Parameter, pool: PoolStatistics | None, rows: int) -> Any:
    if isinstance(parameter.node, Statistic):
        return _statistic(parameter.node, pool)  # as it is: a list stays a list, and a whole number whole
    try:
        value = _number(parameter.node, pool, rows)
    except (ZeroDivisionError, OverflowError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise _NoNumber(f"{parameter.text} is no number: it divides by zero, takes a root of less, or is too large")
    return value


def _number(node: Node, pool: PoolStatistics | None, rows: int) -> float:
    match node:
        case Number(value):
            return value
        case Rows("submission"):
            return float(rows)
        case Rows("pool"):
            if pool is None:
                raise _NothingThere("there is no training data")
            return float(pool.rows)
        case Root(of):
            return math.sqrt(_number(of, pool, rows))
        case Operation(symbol, left, right):
            a, b = _number(left, pool, rows), _number(right, pool, rows)
            match symbol:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "/":
                    return a / b
        case Statistic():
            return float(_statistic(node, pool))
    raise AssertionError(node)


def _statistic(statistic: Statistic, pool: PoolStatistics | None) -> Any:
    if pool is None:
        raise _NothingThere("there is no training data")
    found: Measure = pool.statistic(statistic.column, statistic.name, statistic.item)
    if found.fault is not None:
        raise _NoNumber(f"the pool's column {statistic.column!r} gives no {statistic.name}: {found.fault}")
    if found.value is None:
        raise _NothingThere(f"the training data has no {statistic.name} of {statistic.column!r}")
    return found.value


def _not_evaluated(expectation: Expectation, why: str) -> Check:
    asked = ", ".join(parameter.text for parameter in expectation.parameters)
    return Check(
        id=expectation.id,
        kind="expectation",
        column=expectation.kwargs.get("column"),
        severity=expectation.severity,
        status="not_evaluated",
        expected=f"{expectation.notes} ({asked})" if expectation.notes else asked,
        observed=f"it could not be evaluated: {why}",
    )


def _text(value: Any) -> str:
    """A value for people: numbers without the digits that nobody reads, parameters as their author wrote them."""
    if isinstance(value, dict) and PARAMETER in value:
        return str(value[PARAMETER])
    text = f"{value:.10g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
