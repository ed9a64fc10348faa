"""The suite's expectations, by Great Expectations, over the rows that would go in."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from tidegate.columns import RECORD
from tidegate.engines import Engine
from tidegate.errors import BrokenContract, nearest
from tidegate.receipt import Check, Example, Status
from tidegate.registry import Contract, Expectation, Suite

_EXAMPLES = 5
_NUMBER = "tidegate"  # the key in an expectation's meta under which its place in the suite is kept
_SHOWN = 300


@dataclass(frozen=True)
class ExpectationOutcome:
    """What the suite said: one check per expectation, and Great Expectations' own result without cells' values."""

    checks: tuple[Check, ...]
    result: dict[str, Any]


def prepare_suite(suite: Suite) -> Any:
    """The suite as a Great Expectations object; importing the library is most of the time this takes.

    Raises:
        BrokenContract: an expectation's type or arguments are none that Great Expectations knows.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.exceptions.exceptions import ExpectationNotFoundError
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
        from great_expectations.expectations.metadata_types import FailureSeverity
        from great_expectations.expectations.registry import list_registered_expectation_implementations

        prepared = gx.ExpectationSuite(name=f"{suite.name}@{suite.version}")
        for number, expectation in enumerate(suite.expectations):
            try:
                configuration = ExpectationConfiguration(
                    type=expectation.type,
                    kwargs=expectation.kwargs,
                    severity=FailureSeverity(expectation.severity),
                    meta={_NUMBER: number},
                )
                prepared.expectations.append(configuration.to_domain_obj())
            except ExpectationNotFoundError:
                raise BrokenContract(
                    f"{expectation.where}: there is no such expectation.",
                    nearest(expectation.type, list_registered_expectation_implementations()),
                ) from None
            except Exception as error:  # noqa: BLE001 - pydantic's and others, by the kind of slip
                first = " ".join(str(error).split())[:_SHOWN]
                raise BrokenContract(
                    f"{expectation.where}: {first}",
                    "See docs/suites.md, and Great Expectations' own page on this expectation.",
                ) from None
    return prepared


def run_suite(
    engine: Engine, rows: ir.Table, contract: Contract, suite: Suite, prepared: Any, missing: Collection[str]
) -> ExpectationOutcome:
    """Run a prepared suite over `rows`.

    Args:
        missing: columns that the submission lacks; what reads them is not evaluated.
    """
    nested = {c.name: rows[c.name].cast("json").cast("string") for c in contract.columns if c.nested}
    names = [column.name for column in contract.columns]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batch = engine.batch(rows.mutate(**nested).select(RECORD, *names))
        validated = batch.validate(
            prepared,
            result_format={
                "result_format": "SUMMARY",
                "partial_unexpected_count": _EXAMPLES,
                "unexpected_index_column_names": [RECORD],
            },
        )
    results: dict[int, Any] = {r.expectation_config.meta[_NUMBER]: r for r in validated.results}
    checks = []
    for number, expectation in enumerate(suite.expectations):
        column = expectation.kwargs.get("column")
        reads = {str(expectation.kwargs.get(key)) for key in ("column", "column_A", "column_B")}
        reads |= {str(name) for name in expectation.kwargs.get("column_list", [])}
        status: Status = "not_evaluated"
        result = results.get(number)
        raised = _raised(result)
        if result is not None and not raised and not reads & set(missing):
            status = "passed" if result.success else "failed"
        content = dict(result.result) if result is not None else {}
        personal = any(c.personal and c.name in reads for c in contract.columns)
        checks.append(
            Check(
                id=expectation.id,
                kind="expectation",
                column=column,
                severity=expectation.severity,
                status=status,
                failing_rows=content.get("unexpected_count") if status != "not_evaluated" else None,
                examples=_examples(content, column, personal) if status == "failed" else (),
                expected=_expected(expectation),
                observed=_observed(content, raised, personal),
            )
        )
    return ExpectationOutcome(tuple(checks), _without_values(validated.to_json_dict()))


def _raised(result: Any) -> str | None:
    """Why an expectation raised, in one line, or None. Great Expectations has two shapes for it."""
    if result is None:
        return "Great Expectations gave no result"
    info: dict[str, Any] = result.exception_info or {}
    for entry in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if entry.get("raised_exception"):
            message = str(entry.get("exception_message") or "unknown").strip().splitlines()[0]
            return f"it could not be evaluated: {message[:_SHOWN]}"
    return None


def _examples(content: dict[str, Any], column: str | None, personal: bool) -> tuple[Example, ...]:
    examples = []
    for entry in (content.get("partial_unexpected_index_list") or [])[:_EXAMPLES]:
        value = entry.get(column) if column else None
        examples.append(Example(record=int(entry[RECORD]), value=None if personal or value is None else str(value)))
    return tuple(examples)


def _expected(expectation: Expectation) -> str:
    notes, shown = expectation.notes, [item for item in expectation.kwargs.items() if item[0] != "column"]
    told = expectation.arguments or ", ".join(f"{key} {json.dumps(value, default=str)}" for key, value in shown)
    return f"{notes} ({told})" if notes and told else notes or told or "as the expectation says"


def _observed(content: dict[str, Any], raised: str | None, personal: bool) -> str | None:
    if personal:  # neither a statistic nor a message that may quote a cell
        return "it could not be evaluated" if raised else None
    if raised:
        return raised
    value = content.get("observed_value")
    if value is None and content.get("unexpected_percent") is not None:
        return f"{float(content['unexpected_percent']):.4g} % unexpected"
    return None if value is None else json.dumps(value, default=str)[:_SHOWN]


def _without_values(result: dict[str, Any]) -> dict[str, Any]:
    """Great Expectations' result without the cells that it copies out of the data."""
    copied = {"partial_unexpected_list", "partial_unexpected_counts", "partial_unexpected_index_list",
              "unexpected_list", "unexpected_index_list", "unexpected_index_query"}  # fmt: skip
    for entry in result.get("results", []):
        entry["result"] = {key: value for key, value in entry.get("result", {}).items() if key not in copied}
        entry.get("exception_info", {}).pop("exception_traceback", None)
    return result
