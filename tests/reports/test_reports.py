"""A report is right and inert, whatever a cell holds."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from tidegate.receipt import Check, Example, Report, RowCounts, SourceFile, Status, Submission, Versioned
from tidegate.reports import print_text, to_html, to_json, to_text
from tidegate.reports.hints import hint
from tidegate.reports.safe import shown

HOSTILE = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b]0;title\x07",
    "abc\u202egnp.exe",
    "[red]markup[/red]",
    "zero\u200bwidth",
    "{{ 7777 * 7777 }}",
]


def check(name: str, values: list[str | None], status: Status = "failed", expected: str = "type int64") -> Check:
    return Check(
        id=name,
        kind="rule",
        column=name.partition(".")[0],
        severity="critical",
        status=status,
        failing_rows=len(values),
        examples=tuple(Example(record=n, value=value) for n, value in enumerate(values, 1)),
        expected=expected,
    )


def report(*checks: Check, uri: str = "x.csv") -> Report:
    file = SourceFile(uri=uri, sha256="0" * 64, bytes=12, format="csv", compression="none")
    return Report(
        verdict="rejected",
        reasons=("2 of 4 records fail",),
        submission=Submission(id="a" * 64, files=(file,)),
        contract=Versioned(name="sample", version="1.0", digest="1" * 64),
        suite=None,
        rows=RowCounts(read=4, malformed=1, failed=1, duplicate=0, leaked=0, accepted=2),
        checks=checks,
        configuration="2" * 64,
    )


def test_the_first_line_is_the_verdict_and_the_rest_names_record_column_and_rule() -> None:
    lines = to_text(report(check("a.dtype", ["NA"]), check("b.isin", [], "passed"))).splitlines()
    assert lines[:2] == ["REJECTED  x.csv  by sample@1.0", "  because 2 of 4 records fail"]
    assert "records: 4 read = 2 accepted + 1 malformed + 1 failed + 0 duplicate + 0 leaked" in lines
    at = lines.index("failed  a.dtype  1 record")
    assert lines[at + 1 : at + 4] == [
        "    expected type int64",
        "    record 1: 'NA'",
        "    If 'NA' means missing, list it: cleaning_config: {null_values: ['NA']}",
    ]
    assert "1 checks passed, 1 did not." in lines


def test_what_was_not_evaluated_is_told_as_such() -> None:
    assert "not evaluated  a.odd" in to_text(report(check("a.odd", [], "not_evaluated")))


def test_many_failures_are_cut_and_said_to_be() -> None:
    text = to_text(report(*(check(f"c{n}.isin", ["x"]) for n in range(40))))
    assert text.count("failed  c") == 25
    assert "… and 15 more; --format json has all." in text


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
    assert json.loads(text)["checks"][0]["examples"] == [{"record": 1, "value": cell}]


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_cell_is_inert_in_html(cell: str) -> None:
    page = to_html(report(check(f"{cell}.isin", [cell]), uri=cell))
    for bad in ("<script", "<img", "\x1b", "\u202e", "\u200b", "60481729"):
        assert bad not in page


def test_the_page_opens_in_a_browser_and_runs_nothing(tmp_path: Path, require_program: Callable[..., Path]) -> None:
    chromium = require_program("chromium", package="chromium")
    (tmp_path / "r.html").write_text(to_html(report(check("a.dtype", HOSTILE))))  # type: ignore[arg-type]
    done = subprocess.run(
        [
            str(chromium), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", (tmp_path / "r.html").as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    for heading in ("Records", "What did not pass", "All checks", "Versions and digests"):
        assert f">{heading}</h2>" in done.stdout
    assert "<title>Tidegate: rejected, sample@1.0</title>" in done.stdout


@pytest.mark.parametrize(
    ("name", "expected", "values", "words"),
    [
        ("a.dtype", "type int64", ["N/A", "N/A"], "null_values: ['N/A']"),
        ("a.dtype", "type int64", ["517.0"], "Write 517, not 517.0."),
        ("a.dtype", "type int64", [" 7"], "trim_strings"),
        ("a.dtype", "type float64", ["1,234,567"], "separator of thousands"),
        ("a.dtype", "type float64", ["1,5"], "decimal point"),
        ("a.dtype", "type timestamp('UTC', 6)", ["2026-01-31T09:30:00"], "Write the zone"),
        ("a.dtype", "type date", ["31.01.2026"], "2026-01-31"),
        ("a.isin", "isin", ["x "], "trim_strings"),
    ],
)
def test_hints_say_how_to_mend_it(name: str, expected: str, values: list[str | None], words: str) -> None:
    assert words in (hint(check(name, values, expected=expected)) or "")


def test_a_file_in_another_encoding_is_told_which_one_is_read() -> None:
    broken = check("dataframe.well_formed", [None]).model_copy(update={"observed": "not-utf-8: 1, the first at ..."})
    assert hint(broken) == "Save the file as UTF-8."


def test_no_hint_where_the_examples_do_not_tell() -> None:
    assert hint(check("a.dtype", ["abc"])) is None
    assert hint(check("a.dtype", [None])) is None


def test_shown_cuts_and_escapes() -> None:
    assert shown("a" * 100, 10) == "a" * 9 + "…"
    assert shown("ü\t\x00") == "ü\\t\\x00"
