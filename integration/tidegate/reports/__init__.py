"""A report put out: for a terminal, a program, a browser or CI. Whatever a cell holds, here it is inert."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from tidegate.impact import Impact
    from tidegate.receipt import Receipt, Report

__all__ = ["FORMS", "print_text", "receipt_to_html", "rendered", "to_html", "to_json", "to_text"]

FORMS = ("text", "json", "html", "junit", "github", "sarif", "gitlab")
"""The forms in which a report is put out. Each is a module of this room, with a function `to_<form>`."""


def rendered(report: Report, form: str) -> str:
    """The report in one of the forms."""
    to_form: Callable[[Report], str] = getattr(import_module(f"tidegate.reports.{form}"), f"to_{form}")
    return to_form(report)


def print_text(report: Report, console: Console) -> None:
    """Print a contributor's answer."""
    from tidegate.reports import text

    text.print_text(report, console)


def to_text(report: Report) -> str:
    """A contributor's answer, without colours."""
    return rendered(report, "text")


def to_json(report: Report) -> str:
    """The report as a JSON document; its fields are those of `tidegate.receipt.Report`."""
    return rendered(report, "json")


def to_html(report: Report, receipt: Receipt | None = None, impact: Impact | None = None) -> str:
    """The report as one self-contained page, with what the submission did for a model where that is known."""
    from tidegate.reports import html

    return html.to_html(report, receipt, impact)


def receipt_to_html(receipt: Receipt) -> str:
    """A page of what a receipt tells, where the report is lost."""
    from tidegate.reports import html

    return html.receipt_to_html(receipt)
