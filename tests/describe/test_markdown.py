"""The data dictionary."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

from markdown_it import MarkdownIt
from tests.describe.shipped import CONTRACTS, loaded

from tidegate.describe.markdown import markdown
from tidegate.registry import Contract

FLIGHTS = next(path for path in CONTRACTS if path.parent.name == "flights")


def cells(text: str) -> list[list[str]]:
    """The rows of all tables, as a reader of Markdown sees them."""
    rendered = MarkdownIt("commonmark").enable("table").render(text)
    return [
        [html.unescape(cell.partition(">")[2].partition("</td>")[0]) for cell in row.split("<td")[1:]]
        for row in rendered.split("<tr>")
        if "<td" in row
    ]


def test_every_column_has_its_line_in_words() -> None:
    contract, suite = loaded(FLIGHTS)
    rows = cells(markdown(contract, suite))
    assert [row[0] for row in rows[:3]] == [f"<code>{name}</code>" for name in ("year", "month", "day")]
    assert rows[1][1:] == ["whole number (int64)", "<code>1200</code>", "", "1 to 12", "Month of departure."]
    assert rows[9][4] == "matches <code>^[A-Z0-9]{2}$</code>"
    assert len(rows) == len(contract.columns) + len(suite.expectations if suite else ())


def test_nothing_in_a_name_or_value_ends_its_code(make_contract: Callable[[str], Contract]) -> None:
    contract = make_contract('a: str = pa.Field(alias="`<b>", isin=["x`<script>", "z"])\n')
    told = markdown(contract, None)
    assert cells(told)[0][0] == "<code>`<b></code>"
    assert "<script>" not in MarkdownIt("commonmark").enable("table").render(told)


def test_nothing_in_a_cell_ends_it(make_contract: Callable[[str], Contract], tmp_path: Path) -> None:
    contract = make_contract(
        'a: str = pa.Field(isin=["x|y", "z"], metadata={"personal": True}, description="one\\ntwo | three")\n'
        "b: pd.Int64Dtype = pa.Field(nullable=True)\n"
    )
    rows = cells(markdown(contract, None))
    assert [len(row) for row in rows] == [6, 6]
    assert rows[0][-1] == "one two | three"
    assert rows[0][0] == "<code>a</code> <strong>personal</strong>"
    assert rows[1][3] == "null"
