"""A report is right and inert, whatever a cell holds."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from tests.reports.made_up import HOSTILE, check, report

from tidegate.receipt import Example, Known, Mended, MendedCells
from tidegate.reports import print_text, to_html, to_json, to_text
from tidegate.reports.data_docs import data_docs
from tidegate.reports.safe import shown


def test_the_first_line_is_the_verdict_and_the_rest_names_record_column_and_rule() -> None:
    lines = to_text(report(check("a.dtype", ["NA"], hint="Mend it so."), check("b.isin", [], "passed"))).splitlines()
    assert lines[:2] == ["REJECTED  x.csv  by sample@1.0", "  because 2 of 4 records fail"]
    assert "records: 4 read = 2 accepted + 1 malformed + 1 failed + 0 duplicate + 0 leaked" in lines
    at = lines.index("failed  a.dtype  1 record")
    assert lines[at + 1 : at + 4] == ["    expected type int64", "    record 1, line 2: 'NA'", "    Mend it so."]
    assert "1 checks passed, 1 did not." in lines


def test_what_was_not_evaluated_is_told_as_such() -> None:
    assert "not evaluated  a.odd" in to_text(report(check("a.odd", [], "not_evaluated")))


def test_many_failures_are_cut_and_said_to_be() -> None:
    text = to_text(report(*(check(f"c{n}.isin", ["x"]) for n in range(40))))
    assert text.count("failed  c") == 10
    assert "… and 30 more; --format json has all." in text
    assert len(text.splitlines()) < 60, "the verdict does not scroll away"


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_cell_is_inert_in_a_terminal(cell: str) -> None:
    out = io.StringIO()
    print_text(report(check("a.isin", [cell]), uri=cell), Console(file=out, force_terminal=True, width=200))
    plain = out.getvalue()
    for bad in ("\x1b]", "\x07", "\u202e", "\u200b"):
        assert bad not in plain
    assert ("[red]" in plain) == ("[red]" in cell), "markup was taken for markup"


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_cell_is_inert_in_json(cell: str) -> None:
    text = to_json(report(check("a.isin", [cell])))
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["checks"][0]["examples"] == [{"record": 1, "value": cell, "file": 0, "line": 2}]


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_cell_is_inert_in_html(cell: str) -> None:
    page = to_html(report(check(f"{cell}.isin", [cell]), uri=cell))
    for bad in ("<script", "<img", "\x1b", "\u202e", "\u200b", "60481729"):
        assert bad not in page


def test_duplicates_the_pool_and_a_mended_copy_are_told() -> None:
    told = report().model_copy(
        update={
            "duplicates": (Example(record=4, line=5, file=0),),
            "known": Known(records=12, false_positive_rate=0.001, pool_version=7),
            "mended": Mended(
                path="mended.csv",
                cells=(MendedCells(column="cars", slip="thousands", cells=13),),
                left_out=1,
                digest="d" * 64,
            ),
        }
    )
    for text in (to_text(told), to_html(told)):
        assert "record 4, line 5" in text
        assert "about 12 records of those accepted are in version 7 of the pool already" in text
        assert "13 cells of cars (thousands)" in text
        assert "mended.csv" in text
    assert "No mended copy was written: so" in to_text(
        report().model_copy(update={"mended": Mended(path=None, reason="so")})
    )


def test_shown_cuts_and_escapes() -> None:
    assert shown("a" * 100, 10) == "a" * 9 + "…"
    assert shown("ü\t\x00") == "ü\\t\\x00"


def test_great_expectations_page_has_expectations_that_count_without_a_share(caplog: pytest.LogCaptureFixture) -> None:
    kwargs = {"column": "mail", "value_set": ["a"]}
    one = {"type": "expect_column_distinct_values_to_be_in_set", "status": "failed", "severity": "warning"}
    told = {"expectations": [one | {"kwargs": kwargs, "result": {"unexpected_count": 40, "observed": None}}]}
    page = data_docs(told, "sample@1.0")
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    assert "For trusted data only" in page
    assert "distinct values must" in page
