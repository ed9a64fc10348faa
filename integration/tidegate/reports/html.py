"""The report for a browser: one page, nothing loaded, nothing run.

It is pictures and tables: what cannot be seen is told, and without the extra `report`, which draws, it is tables alone.
It is bounded: so many failures, checks and columns, and how many more there are.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from tidegate.distributions import Distribution
from tidegate.impact import Impact, rows
from tidegate.receipt import Receipt, Report
from tidegate.reports import pictures
from tidegate.reports.safe import records, shown
from tidegate.reports.wording import engine_as, failures, known_as, mended_as, place_of

_MOST_FAILED = 200
_MOST_CHECKS = 2_000
_MOST_TOLD = 500  # repairs, and personal data that was found


def to_html(report: Report, receipt: Receipt | None = None, impact: Impact | None = None) -> str:
    """The report as one self-contained page.

    Args:
        receipt: tells where the rows went.
        impact: tells what they did for a model; of other contributions nothing is shown.
    """
    failed = failures(report)
    counts = report.rows.model_dump()
    told = report.distributions
    own = impact.of(report.submission.id) if impact is not None else None
    # To draw takes a second, which only those pay who asked for more than the verdict.
    drawn = told is not None and pictures.available()
    return _template("report").render(
        report=report,
        receipt=receipt,
        impact=impact,
        of_this=rows(own.effects) if own is not None else [],
        of_all=rows(impact.effects) if impact is not None else [],
        parts=[(name, counts[name], 100 * counts[name] / max(report.rows.read, 1)) for name in pictures.PARTS],
        flow=pictures.flow(report.rows) if drawn else "",
        drawn=drawn,
        told=told,
        columns=[(column, pictures.bars(column) if drawn else "") for column in told.columns] if told else [],
        drifted=drifted(report),
        shares=pictures.shares(told.contributors) if told is not None and drawn else "",
        failed=failed[:_MOST_FAILED],
        more_failed=max(0, len(failed) - _MOST_FAILED),
        checks=report.checks[:_MOST_CHECKS],
        more_checks=max(0, len(report.checks) - _MOST_CHECKS),
        passed=len(report.checks) - len(failed),
        most=_MOST_TOLD,
        place=partial(place_of, report),
    )


def receipt_to_html(receipt: Receipt) -> str:
    """A page of what a receipt tells, where the report is lost: the process was killed after its commit."""
    counts = receipt.rows.model_dump()
    return _template("receipt").render(receipt=receipt, parts=[(name, counts[name]) for name in pictures.PARTS])


@cache  # to compile it takes longer than to fill it in
def _template(name: str) -> Template:
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
    environment.filters["engine"] = engine_as
    environment.filters["contributor"] = pictures.contributor
    environment.filters["percent"] = percent
    return environment.get_template(f"{name}.html.j2")


def drifted(report: Report) -> list[Distribution]:
    """The columns that drifted, the furthest first."""
    columns = report.distributions.columns if report.distributions is not None else ()
    far = [each for each in columns if each.drift is not None and each.drift.level in ("moderate", "large")]
    return sorted(far, key=lambda each: -each.drift.psi if each.drift is not None else 0)


def percent(part: int, whole: int) -> str:
    """A part in per cent: none at all is 0 %, and the whole is 100 %, but nothing else is."""
    if not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.01:
        return "< 0.01 %"
    return "> 99.99 %" if 99.99 < share < 100 else f"{share:.2f} %"
