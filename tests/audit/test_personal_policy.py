"""What is done about personal data in each mode, and what of it is not told."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.audit import Shape, screen
from tidegate.audit.personal_policy import discreet, discreet_repairs
from tidegate.config import ValidationConfig
from tidegate.receipt import Check, Example, PersonalData, Repair

CELLS = {
    "note": ["bob@example.com or 8.8.8.8", "to eve@example.com", "boots", None],
    "who": [{"mail": "bob@example.com"}, {"mail": "x"}, {"mail": "y"}, {"mail": "z"}],
    "more": ['{"a":"+14155552671"}', "{}", "{}", "{}"],
    "quiet": ["a", "b", "c", "d"],
    "late": ["eve@example.com"] * 4,
}
BODY = """\
note: str = pa.Field(nullable=True)
who: Annotated[pd.ArrowDtype, pyarrow.struct([("mail", pyarrow.string())])]
more: str = pa.Field(metadata={"json": "object"})
quiet: str
late: str
"""
PLAIN = "note: str = pa.Field(nullable=True)\nquiet: str\n"
IN_NOTE = "note: email in 2 records, ip in 1 record"


def screened(bench: Any, make_contract: Any, mode: Any, body: str = BODY, absent: str = "late") -> Any:
    contract = make_contract(body)
    cells = {column.name: CELLS[column.name] for column in contract.columns}
    config = ValidationConfig(personal_data=mode, personal_salt_env="SALT" if mode == "hash" else None)
    shape = Shape((), (absent,), (), {})
    return screen(bench.engine, bench.table(cells), config, contract, shape, ("note",), bench.folder, 60)


def by_column(told: tuple[PersonalData, ...]) -> set[tuple[str, str, int, str]]:
    return {(each.column, each.kind, each.records, each.done) for each in told}


@pytest.mark.parametrize(("mode", "done"), [("report", "reported"), ("warn", "warned"), ("reject", "rejected")])
def test_what_is_found_is_told_and_its_columns_are_personal_from_then_on(
    bench: Any, make_contract: Any, mode: str, done: str
) -> None:
    out = screened(bench, make_contract, mode)
    assert by_column(out.told) == {
        ("note", "email", 2, done), ("note", "ip", 1, done), ("who", "email", 1, done), ("more", "phone", 1, done),
    }  # fmt: skip
    assert [c.name for c in out.contract.columns if c.personal] == ["note", "who", "more"]
    assert [c.name for c in out.contract.columns] == list(CELLS)
    assert out.hashed.repairs == ()
    assert list(out.hashed.rows.columns) == [*CELLS, "_record"], "the rows as they were"
    listed = f"{IN_NOTE}; who: email in 1 record; more: phone in 1 record"
    expected = "no personal data in columns that are not marked personal"
    severity = "warning" if mode == "warn" else "critical"
    assert out.checks == (() if mode == "report" else (check("failed", severity, expected, listed),))


def check(status: Any, severity: Any, expected: str, observed: str | None) -> Check:
    return Check(
        id="dataframe.personal_data", kind="scan", column=None, severity=severity, status=status,
        expected=expected, observed=observed,
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["warn", "reject", "report", "hash"])
def test_where_nothing_is_found_only_who_asks_is_told(
    bench: Any, make_contract: Any, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALT", "a salt that is long enough")
    out = screened(bench, make_contract, mode, "quiet: str\n")
    assert out.told == ()
    assert [(c.status, c.observed) for c in out.checks] == ([("passed", None)] if mode in ("warn", "reject") else [])
    assert out.hashed.repairs == ()


def test_ignore_does_not_look(bench: Any, make_contract: Any) -> None:
    out = screened(bench, make_contract, "ignore")
    assert (out.told, out.checks, [c for c in out.contract.columns if c.personal]) == ((), (), [])
    assert list(out.hashed.rows.columns) == [*CELLS, "_record"], "the rows as they were"


@pytest.mark.parametrize("body", [PLAIN, BODY])
def test_what_can_be_hashed_is_and_the_rest_rejects(
    bench: Any, make_contract: Any, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setenv("SALT", "a salt that is long enough")
    out = screened(bench, make_contract, "hash", body)
    plain = {("note", "email", 2, "hashed"), ("note", "ip", 1, "hashed")}
    nested = {("who", "email", 1, "rejected"), ("more", "phone", 1, "rejected")}
    assert by_column(out.told) == plain | (nested if body is BODY else set())
    assert [(r.column, r.detail, r.cells) for r in out.hashed.repairs] == [("note", "email, ip", 2)]
    rows = out.hashed.rows.order_by("_record").to_pyarrow().to_pylist()
    assert [str(row["note"])[:7] for row in rows] == ["hashed:", "hashed:", "boots", "None"]
    assert list(out.hashed.known) == ["note"], "the columns by which rows are compared"
    expected = "personal data in plain text columns only, where a cell can be hashed"
    observed = "who: email in 1 record; more: phone in 1 record"
    assert out.checks == ((check("failed", "critical", expected, observed),) if body is BODY else ())


def told(observed: str | None, *values: str | None, name: str = "a.gt") -> Check:
    return Check(
        id=name, kind="rule", column="a", severity="critical", status="failed", failing_rows=len(values),
        examples=tuple(Example(record=n, value=v) for n, v in enumerate(values)), expected="more than 0",
        observed=observed,
    )  # fmt: skip


def test_examples_and_observations_that_hold_some_are_not_shown() -> None:
    config = ValidationConfig()
    quiet, empty = told("7", "8", None), told(None)
    loud = told("bob@example.com", "9", "8.8.8.8", None)
    shown = discreet(config, [quiet, loud, empty])
    assert (shown[0], shown[2]) == (quiet, empty)
    assert [each.value for each in shown[1].examples] == ["9", None, None]
    assert [each.record for each in shown[1].examples] == [0, 1, 2]
    assert shown[1].observed == "it holds personal data"
    (half,) = discreet(config, [told("5", "8.8.8.8")])
    assert (half.observed, half.examples) == ("5", told("", None).examples)
    assert discreet(config, [told("8.8.8.8", "5")])[0].examples == told("", "5").examples


def test_the_scans_own_check_and_who_ignores_see_all() -> None:
    loud = told("ip 8.8.8.8", "8.8.8.8", name="dataframe.personal_data")
    assert discreet(ValidationConfig(), [loud]) == (loud,)
    other = told("8.8.8.8", "8.8.8.8")
    assert discreet(ValidationConfig(personal_data="ignore"), [other]) == (other,)


def test_a_fill_that_holds_some_is_not_shown() -> None:
    kept = Repair(kind="missing", column="a", detail="mode 7 of b", cells=1)
    loud = Repair(kind="missing", column="a", detail="mode bob@example.com", cells=2)
    assert discreet_repairs([kept, loud]) == (kept, loud.model_copy(update={"detail": "mode"}))
