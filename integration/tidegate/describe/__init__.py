"""A contract in other languages: one module for each, and each says what it cannot say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tidegate.registry import Contract, Suite

__all__ = ["FORMS", "describe", "facts"]


def describe(contract: Contract, suite: Suite | None, form: str) -> str:
    """The contract in another language.

    Args:
        suite: its suite, if it has one.
        form: one of `FORMS`.
    """
    return FORMS[form](contract, suite)


def facts(contract: Contract, suite: Suite | None) -> dict[str, Any]:
    """What a contract asks of every column and its suite of the whole, as plain values."""
    return {
        "name": contract.name,
        "version": contract.version,
        "digest": contract.digest,
        "description": contract.description,
        "key": [column.name for column in contract.columns if column.key],
        "strict": contract.strict,
        "columns": [
            {
                "name": column.name,
                "type": "json" if column.json else column.type,
                "required": column.required,
                "nullable": column.nullable,
                "personal": column.personal,
                "description": column.description,
                "rules": [r.expected for r in contract.rules if r.column == column.name and r.check != "not_nullable"],
            }
            for column in contract.columns
        ],
        "rules": [rule.id for rule in contract.rules if rule.column is None],
        "migrations": {
            source: {column: repr(how) for column, how in written.items()}
            for source, written in contract.migrations.items()
        },
        "suite": [
            {"id": e.id, "severity": e.severity, "notes": e.notes} for e in (suite.expectations if suite else ())
        ],
    }


def _json(contract: Contract, suite: Suite | None) -> str:
    return json.dumps(facts(contract, suite), indent=2) + "\n"


def _markdown(contract: Contract, suite: Suite | None) -> str:
    from tidegate.describe.markdown import markdown

    return markdown(contract, suite)


def _json_schema(contract: Contract, suite: Suite | None) -> str:
    from tidegate.describe.json_schema import json_schema

    return json.dumps(json_schema(contract), indent=2, ensure_ascii=False) + "\n"


def _odcs(contract: Contract, suite: Suite | None) -> str:
    from tidegate.describe.odcs import odcs

    return odcs(contract, suite)


def _sql(contract: Contract, suite: Suite | None) -> str:
    from tidegate.describe.sql import sql

    return sql(contract)


def _pandera_yaml(contract: Contract, suite: Suite | None) -> str:
    from tidegate.describe.pandera_yaml import pandera_yaml

    return pandera_yaml(contract)


FORMS: dict[str, Callable[[Contract, Suite | None], str]] = {
    "json": _json,
    "markdown": _markdown,
    "json-schema": _json_schema,
    "odcs": _odcs,
    "sql": _sql,
    "pandera-yaml": _pandera_yaml,
}
"""The languages, by the name that the command line has for them."""
