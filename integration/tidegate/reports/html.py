"""The report for a browser: one page, nothing loaded, nothing run."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from tidegate.receipt import Receipt, Report
from tidegate.reports.safe import records, shown
from tidegate.reports.wording import failures, known_as, mended_as, place_of

_MOST_FAILED = 200
_MOST_CHECKS = 2_000
_PARTS = ("accepted", "malformed", "failed", "duplicate", "leaked")


def to_html(report: Report, receipt: Receipt | None = None) -> str:
    """The report as one self-contained page, and where the rows went if a receipt is given."""
    failed = failures(report)
    counts = report.rows.model_dump()
    return _template().render(
        report=report,
        receipt=receipt,
        parts=[(name, counts[name], 100 * counts[name] / max(report.rows.read, 1)) for name in _PARTS],
        failed=failed[:_MOST_FAILED],
        more_failed=max(0, len(failed) - _MOST_FAILED),
        checks=report.checks[:_MOST_CHECKS],
        more_checks=max(0, len(report.checks) - _MOST_CHECKS),
        passed=len(report.checks) - len(failed),
        place=partial(place_of, report),
    )


@cache  # to compile it takes longer than to fill it in
def _template() -> Template:
    # Everything is escaped on the way in; a cell cannot become markup.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["records"] = records
    environment.filters["known"] = known_as
    environment.filters["mended"] = mended_as
    return environment.get_template("report.html.j2")
