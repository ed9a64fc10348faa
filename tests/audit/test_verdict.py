"""Accept or reject: every reason by itself, and where it begins."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.audit import Disposition, decide
from tidegate.config import ValidationConfig
from tidegate.receipt import Check, RowCounts


def rows(**counts: int) -> RowCounts:
    told = {"malformed": 0, "failed": 0, "duplicate": 0, "leaked": 0, "accepted": 0} | counts
    return RowCounts(read=sum(told.values()), **told)


def check(identity: str = "a.x", **how: Any) -> Check:
    told = {"kind": "expectation", "column": None, "severity": "critical", "status": "failed", "expected": ""} | how
    return Check(id=identity, **told)


def verdict(counts: RowCounts, *checks: Check, dropped: int = 0, shape: tuple[Check, ...] = (), **config: Any) -> Any:
    told = decide(counts, dropped, shape, checks, ValidationConfig(**config))
    assert (told.verdict == "rejected") == bool(told.reasons)
    return told


def test_what_passes_is_accepted_without_a_reason() -> None:
    passed = check(status="passed")
    assert verdict(rows(accepted=3, duplicate=5, leaked=2), passed) == Disposition("accepted", ())


def test_nothing_is_not_accepted() -> None:
    assert verdict(rows()).reasons == ("it holds no records",)
    assert verdict(rows(duplicate=1)).reasons == ()


def test_where_nothing_is_left_for_another_reason_than_that_it_is_known_nothing_is_accepted() -> None:
    everything = {"max_failing_fraction": 1.0}
    assert verdict(rows(failed=2), **everything).reasons == ("no record is left to go in",)
    assert verdict(rows(malformed=1, failed=1), dropped=1, **everything).reasons == ("no record is left to go in",)
    assert verdict(rows(failed=1, accepted=1), **everything).reasons == ()
    assert verdict(rows(failed=1, leaked=1), **everything).reasons == ()


@pytest.mark.parametrize(("failed", "malformed", "reasons"), [(1, 0, 0), (0, 1, 0), (1, 1, 1), (0, 0, 0)])
def test_failing_and_malformed_records_count_together(failed: int, malformed: int, reasons: int) -> None:
    counts = rows(failed=failed, malformed=malformed, accepted=100 - failed - malformed)
    assert len(verdict(counts, max_failing_fraction=0.01).reasons) == reasons  # exactly the fraction is allowed


def test_the_fraction_is_told() -> None:
    told = verdict(rows(failed=2, malformed=1, accepted=5), max_failing_fraction=0.25)
    assert told.reasons == ("3 of 8 records fail (37.5%), more than max_failing_fraction allows (25.0%)",)


def test_what_the_configuration_drops_is_no_fault() -> None:
    assert verdict(rows(failed=5, accepted=5), dropped=5, on_failure="reject").reasons == ()
    assert verdict(rows(failed=5, accepted=5), dropped=4, on_failure="reject").reasons == (
        "1 of 10 records fail, and on_failure is reject",
    )


def test_a_wrong_shape_is_the_reason_and_not_the_records_that_fail_for_it() -> None:
    shape = (check("a.column_in_dataframe", kind="rule", column="a", observed="x.csv lacks it."),)
    unseen = [check(f"{column}.in", kind="rule", status="not_evaluated", column=column) for column in ("a", "b")]
    told = verdict(rows(failed=9), *unseen[:1], shape=shape).reasons
    assert told == ("a.column_in_dataframe: x.csv lacks it.",)
    assert verdict(rows(failed=9), *unseen, shape=shape).reasons == (*told, "not evaluated, so not passed: b.in")


def test_of_many_wrong_columns_three_are_named() -> None:
    shape = tuple(check(f"{n}.column_in_dataframe", kind="rule", observed="no") for n in range(5))
    assert verdict(rows(failed=9), shape=shape).reasons[2:] == (
        "2.column_in_dataframe: no",
        "2 more checks of its columns failed",
    )


def test_what_was_not_evaluated_rejects_whatever_its_severity() -> None:
    checks = [check(f"a.{n}", status="not_evaluated", severity="info") for n in range(7)]
    assert verdict(rows(accepted=1), *checks).reasons == (
        "not evaluated, so not passed: a.0, a.1, a.2, a.3, a.4 and 2 more",
    )
    assert verdict(rows(accepted=1), *checks[:5]).reasons == ("not evaluated, so not passed: a.0, a.1, a.2, a.3, a.4",)


@pytest.mark.parametrize(
    ("kind", "severity", "strictly", "rejects"),
    [
        ("expectation", "critical", False, True),
        ("expectation", "critical", True, True),
        ("expectation", "warning", False, False),
        ("expectation", "warning", True, True),
        ("expectation", "info", True, False),
        ("rule", "critical", True, False),  # by the records that fail it, not by itself
        ("rule", "warning", False, False),
        ("rule", "warning", True, True),
    ],
)
def test_a_failed_check_rejects_by_its_severity(kind: str, severity: str, strictly: bool, rejects: bool) -> None:
    told = verdict(rows(accepted=1), check(kind=kind, severity=severity), warnings_reject=strictly)
    assert told.reasons == (("checks failed: a.x",) if rejects else ())


def test_every_reason_is_told() -> None:
    failed, unseen = check("a.f"), check("a.u", status="not_evaluated")
    assert len(verdict(rows(failed=1), failed, unseen, shape=(check("b", observed="o"),)).reasons) == 3
