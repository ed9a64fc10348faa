"""Pandera's own YAML of a schema, with what it leaves out in comments above it."""

from __future__ import annotations

import copy
import decimal
import warnings
from collections.abc import Sequence

import pandera.pandas as pa
from pandera.api.function_dispatch import Dispatcher
from pandera.io import pandas_io

from tidegate.describe.said import columns_of, rules_over_columns, unsaid
from tidegate.registry import Contract, Rule


def pandera_yaml(contract: Contract) -> str:
    """YAML that `pandera.io.pandas_io.from_yaml` reads."""
    schema = copy.deepcopy(contract.schema)
    left_out = []
    for column, rules in columns_of(contract):
        definition = schema.columns[column.name]
        marks = [mark for mark in ("key", "personal", "json") if getattr(column, mark)]
        if marks:
            left_out.append(f"{column.name} is marked {', '.join(marks)}")
        if not _reads_back(definition):
            left_out.append(f"{column.name} has the type {definition.dtype}")
            definition.dtype = None
        left_out += _not_written(rules)
        definition.checks, definition.parsers = _written(definition.checks), []
    left_out += _not_written(rules_over_columns(contract))
    schema.checks, schema.parsers = _written(schema.checks), []
    if contract.parsed:
        left_out.append("the parsers")
    schema.description = schema.description or contract.description or None
    head = [f"{contract.name}@{contract.version}, for pandera.io.pandas_io.from_yaml"]
    head += [f"Not said here: {what}" for what in left_out]
    return "".join(f"# {' '.join(line.split())}.\n" for line in head) + _to_yaml(schema)


def _written(checks: Sequence[pa.Check]) -> list[pa.Check]:
    return [check for check in checks if _can_be_written(check)]


def _not_written(rules: Sequence[Rule]) -> list[str]:
    return [unsaid(rule) for rule in rules if rule.definition is not None and not _can_be_written(rule.definition)]


def _can_be_written(check: pa.Check) -> bool:
    """Pandera's own checks can, with arguments that YAML knows; a check in Python cannot."""
    arguments = (check.statistics or {}).values()
    return isinstance(check._check_fn, Dispatcher) and not any(isinstance(a, decimal.Decimal) for a in arguments)


def _reads_back(definition: pa.Column) -> bool:
    """Whether Pandera reads the type's name as the type again."""
    alone = pa.DataFrameSchema({"x": pa.Column(definition.dtype)})
    try:
        again = pandas_io.from_yaml(_to_yaml(alone))  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - NumPy, pandas and Pandera raise many kinds for a name that is none
        return False
    return bool(again.columns["x"].dtype == definition.dtype)


def _to_yaml(schema: pa.DataFrameSchema) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pandera warns of what it leaves out, and that is told above
        return str(pandas_io.to_yaml(schema))
