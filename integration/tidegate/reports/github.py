"""The report for GitHub Actions: annotations at the file's lines, and a summary of the job."""

from __future__ import annotations

import re

from tidegate.receipt import Check, Report
from tidegate.reports.remarks import Remark, level_of, remarks
from tidegate.reports.safe import shown
from tidegate.reports.wording import failures, known_as, mended_as, place_of, title, verdict

_MOST = 10
"""How many annotations of a level GitHub shows for a step."""
_MOST_ROWS = 50
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def to_github(report: Report) -> str:
    """Workflow commands, one a line, no more of a level than are shown."""
    found = remarks(report)
    kept = [each for level in _COMMANDS for each in [one for one in found if one.level == level][:_MOST]]
    return "".join(f"{_command(remark)}\n" for remark in kept)


def summary(report: Report) -> str:
    """The report as Markdown, for the job's summary."""
    rows = report.rows.model_dump()
    lines = [
        f"### Tidegate: {_text(verdict(report))}",
        "",
        _text(title(report)),
        "",
        f"| {' | '.join(rows)} |",
        f"|{' ---: |' * len(rows)}",
        f"| {' | '.join(f'{count:,}' for count in rows.values())} |",
        "",
    ]
    failed = failures(report)
    if failed:
        lines += ["| check | level | records | where | how to mend it |", "| --- | --- | ---: | --- | --- |"]
        lines += [_row(report, check) for check in failed[:_MOST_ROWS]]
        lines += [f"\n… and {len(failed) - _MOST_ROWS} more.", ""] if len(failed) > _MOST_ROWS else [""]
    told = [known_as(report.known)] if report.known else []
    told += [f"mended: {mended_as(cells)}" for cells in (report.mended.cells if report.mended else ())]
    lines += [f"* {_text(each)}" for each in (*told, *report.notes)]
    lines += ["", f"digest `{report.digest}`, validation `{report.validation}`", ""]
    return "\n".join(lines)


def _row(report: Report, check: Check) -> str:
    first = check.examples[0] if check.examples else None
    where = ""
    if first is not None:
        where = place_of(report, first) + ("" if first.value is None else f": {shown(first.value)!r}")
    many = "" if check.failing_rows is None else f"{check.failing_rows:,}"
    cells = (shown(check.id, 160), level_of(report, check), many, where, shown(check.hint or "", 300))
    return f"| {' | '.join(_text(cell) for cell in cells)} |"


def _command(remark: Remark) -> str:
    properties = {"title": shown(remark.id, 160)}
    if remark.path is not None:
        properties |= {"file": shown(remark.path, 1_000), "line": str(remark.line or 1)}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[remark.level]} {told}::{_data(remark.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _text(text: str) -> str:
    """Nothing in a text is markup: what could be is written as a character reference."""
    return re.sub(r"[^\w\s,;'-]", lambda found: f"&#{ord(found[0])};", shown(text, 1_000)).replace("_", "&#95;")
