"""The suite's expectations, by Great Expectations, over the rows that would go in."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from tidegate.audit.shape import Shape
from tidegate.columns import RECORD
from tidegate.engines import Engine, rows_of
from tidegate.errors import BrokenContract, nearest
from tidegate.receipt import Check, Example, Status
from tidegate.registry import Contract, Expectation, Suite
from tidegate.registry.suite import OF_COLUMNS, UNEXPECTED_ROWS

_EXAMPLES = 5
_NUMBER = "tidegate"  # the key in an expectation's meta under which its place in the suite is kept
_SHOWN = 300


@dataclass(frozen=True)
class ExpectationOutcome:
    """What the suite said.

    Attributes:
        checks: one per expectation, in the suite's order.
        failures: pairs of `_record` and `expectation` (its id) for every record that fails one that judges records;
            None where there are none.
        result: Great Expectations' own result, without cells' values.
    """

    checks: tuple[Check, ...]
    failures: ir.Table | None
    result: dict[str, Any]


def prepare_suite(suite: Suite) -> list[Any]:
    """The suite as Great Expectations' own objects; importing the library is most of the time this takes.

    Raises:
        BrokenContract: an expectation's type or arguments are none that Great Expectations knows.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.exceptions.exceptions import ExpectationNotFoundError
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
        from great_expectations.expectations.metadata_types import FailureSeverity
        from great_expectations.expectations.registry import list_registered_expectation_implementations

        prepared = []
        for number, expectation in enumerate(suite.expectations):
            try:
                configuration = ExpectationConfiguration(
                    type=expectation.type,
                    kwargs=expectation.kwargs,
                    severity=FailureSeverity(expectation.severity),
                    meta={_NUMBER: number},
                )
                prepared.append(configuration.to_domain_obj())
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
    engine: Engine,
    rows: ir.Table,
    contract: Contract,
    suite: Suite,
    prepared: list[Any],
    shape: Shape,
    folder: Path,
) -> ExpectationOutcome:
    """Run a prepared suite over `rows`.

    Args:
        shape: what the submission lacks. What reads a missing column is not evaluated; an optional column that is left
            out has nulls to what judges values, and is not there to what judges the columns.
        folder: where the failing records are written, as Parquet.
    """
    nested = {c.name: rows[c.name].cast("json").cast("string") for c in contract.columns if c.nested}
    names = [column.name for column in contract.columns]
    rows = rows.mutate(**nested).select(RECORD, *names)
    count = int(rows.count().to_pyarrow().as_py())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = engine.batch(rows)
        # An expectation about the columns themselves is not to see the record number.
        of_columns = [each for each in prepared if each.expectation_type in OF_COLUMNS]
        results = _validated(whole, [each for each in prepared if each not in of_columns], suite)
        if of_columns:
            results |= _validated(engine.batch(rows.drop(RECORD, *shape.left_out)), of_columns, suite)
    checks, failing = [], []
    for number, expectation in enumerate(suite.expectations):
        judged = _Judged(expectation, results.get(number), contract, shape, count)
        if judged.status != "not_evaluated" and judged.names_records:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                files = engine.failing(whole, prepared[number], folder / f"expectation-{number}.parquet")
            if files is not None and rows_of(files) != judged.failing:
                judged.unseen = f"{judged.failing} records fail, but {rows_of(files)} could be named"
            elif files is not None:
                table = engine.table(f"expectation_{number}", files)
                judged.examples = _examples(table, rows, judged.shown)
                failing.append(table.select(RECORD, expectation=ibis.literal(expectation.id)))
        checks.append(judged.check())
    failures = ibis.union(*failing) if len(failing) > 1 else failing[0] if failing else None
    told = {"expectations": [_without_values(results[n], check) for n, check in enumerate(checks) if n in results]}
    return ExpectationOutcome(tuple(checks), failures, told)


def _validated(batch: Any, expectations: list[Any], suite: Suite) -> dict[int, Any]:
    """Great Expectations' result by the expectation's number; it gives them back in another order."""
    import great_expectations as gx

    together = gx.ExpectationSuite(name=f"{suite.name}@{suite.version}")
    together.expectations.extend(expectations)
    validated = batch.validate(together, result_format={"result_format": "SUMMARY", "partial_unexpected_count": 0})
    return {result.expectation_config.meta[_NUMBER]: result for result in validated.results}


class _Judged:
    """What came of one expectation."""

    def __init__(self, expectation: Expectation, result: Any, contract: Contract, shape: Shape, count: int) -> None:
        self._expectation, self._contract, self._shape = expectation, contract, shape
        self._content: dict[str, Any] = dict(result.result) if result is not None else {}
        self._success = result is not None and bool(result.success)
        self.unseen = _raised(result) or self._overlooked(count)
        self.examples: tuple[Example, ...] = ()

    @property
    def reads(self) -> set[str]:
        """The columns that it names; a query may read any."""
        kwargs = self._expectation.kwargs
        if self._expectation.type == UNEXPECTED_ROWS:
            return {column.name for column in self._contract.columns}
        named = {str(kwargs[key]) for key in ("column", "column_A", "column_B") if key in kwargs}
        return named | {str(name) for name in kwargs.get("column_list", [])}

    @property
    def personal(self) -> bool:
        """Whether what it observed may be someone's."""
        return any(column.personal and column.name in self.reads for column in self._contract.columns)

    @property
    def shown(self) -> str | None:
        """The column whose failing values are shown."""
        column = self._expectation.kwargs.get("column")
        return column if isinstance(column, str) and not self.personal else None

    @property
    def failing(self) -> int | None:
        """How many records fail it; None where it judges the whole."""
        if self._expectation.type == UNEXPECTED_ROWS:
            observed = self._content.get("observed_value")
            return int(observed) if observed is not None else None
        failing = self._content.get("unexpected_count")
        return None if failing is None else int(failing)

    @property
    def names_records(self) -> bool:
        """Whether there are records to name."""
        return bool(self.failing)

    @property
    def status(self) -> Status:
        """Passed, failed, or not evaluated, which is no pass."""
        return "not_evaluated" if self.unseen else "passed" if self._success else "failed"

    def check(self) -> Check:
        """What the report says."""
        expectation, evaluated = self._expectation, self.status != "not_evaluated"
        return Check(
            id=expectation.id,
            kind="expectation",
            column=expectation.kwargs.get("column"),
            severity=expectation.severity,
            status=self.status,
            failing_rows=self.failing if evaluated else None,
            examples=self.examples if self.status == "failed" else (),
            expected=_expected(expectation),
            observed=_observed(self._content, self.unseen, self.personal, self.reads & set(self._shape.left_out)),
        )

    def _overlooked(self, count: int) -> str | None:
        if absent := self.reads & set(self._shape.missing):
            return f"the column {min(absent)!r} is missing"
        seen = self._content.get("element_count")
        if seen is not None and seen != count and not self._expectation.kwargs.get("row_condition"):
            return f"it saw {seen} of {count} records"
        return None


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


def _examples(failing: ir.Table, rows: ir.Table, shown: str | None) -> tuple[Example, ...]:
    """The first failing records, with the value where it may be shown."""
    first = failing.order_by(RECORD).limit(_EXAMPLES)[RECORD].to_pyarrow().to_pylist()
    values: dict[int, Any] = {}
    if shown is not None:
        found = rows.filter(rows[RECORD].isin(first)).select(RECORD, shown).to_pyarrow().to_pylist()
        values = {row[RECORD]: row[shown] for row in found}
    told = ((record, values.get(record)) for record in first)
    return tuple(Example(record=r, value=None if value is None else str(value)[:_SHOWN]) for r, value in told)


def _expected(expectation: Expectation) -> str:
    notes, shown = expectation.notes, [item for item in expectation.kwargs.items() if item[0] != "column"]
    told = expectation.arguments or ", ".join(f"{key} {json.dumps(value, default=str)}" for key, value in shown)
    return f"{notes} ({told})" if notes and told else notes or told or "as the expectation says"


def _observed(content: dict[str, Any], unseen: str | None, personal: bool, left_out: set[str]) -> str | None:
    if personal:  # neither a statistic nor a message that may quote a cell
        return "it could not be evaluated" if unseen else None
    if unseen:
        return unseen
    if left_out:
        return f"no file has the column {min(left_out)!r}"
    elements, nulls = content.get("element_count"), content.get("missing_count")
    if elements and elements == nulls:
        return f"all {elements} values are null, so none was judged"
    value = content.get("observed_value")
    if value is None and content.get("unexpected_percent") is not None:
        return f"{float(content['unexpected_percent']):.4g} % unexpected"
    return None if value is None else json.dumps(value, default=str)[:_SHOWN]


_KEPT = {"element_count", "missing_count", "missing_percent", "unexpected_count", "unexpected_percent",
         "unexpected_percent_total", "unexpected_percent_nonmissing"}  # fmt: skip


def _without_values(result: Any, check: Check) -> dict[str, Any]:
    """Great Expectations' result without the cells that it copies out of the data: counts, and what may be observed."""
    content: dict[str, Any] = result.to_json_dict()
    kept = {key: value for key, value in content.get("result", {}).items() if key in _KEPT}
    configuration = content.get("expectation_config", {})
    return {
        "id": check.id,
        "type": configuration.get("type"),
        "kwargs": {key: value for key, value in configuration.get("kwargs", {}).items() if key != "batch_id"},
        "severity": check.severity,
        "status": check.status,
        "result": kept | {"observed": check.observed},
    }
