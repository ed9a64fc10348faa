"""A report put out: for a terminal, for a program, for a browser. Whatever a cell holds, here it is inert."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from tidegate.receipt import Receipt, Report

__all__ = ["print_text", "to_html", "to_json", "to_text"]


def print_text(report: Report, console: Console) -> None:
    """Print a contributor's answer."""
    from tidegate.reports import text

    text.print_text(report, console)


def to_text(report: Report) -> str:
    """A contributor's answer, without colours."""
    from tidegate.reports import text

    return text.to_text(report)


def to_json(report: Report) -> str:
    """The report as a JSON document; its fields are those of `tidegate.receipt.Report`."""
    from tidegate.reports import json

    return json.to_json(report)


def to_html(report: Report, receipt: Receipt | None = None) -> str:
    """The report as one self-contained page."""
    from tidegate.reports import html

    return html.to_html(report, receipt)
