"""Slips: what is mended, what is only told, and what nobody may guess."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.audit.slips import AROUND, SLIPS, Evidence, Wanted, most_frequent, near_choice, wanted
from tidegate.columns import Column

INTEGER, REAL = Wanted("integer", nullable=True), Wanted("real", nullable=True)
DATE, TIME, ZONED = Wanted("date"), Wanted("time"), Wanted("zoned")
PORT = Wanted("text", ("north", "South-West"), nullable=True)


def mended(kind: Wanted, *texts: str) -> list[str | None]:
    """What becomes of the failing values of one column; `?` where it is not certain."""
    evidence = Evidence(kind)
    for text in texts:
        evidence.see(text)
    found = [evidence.mended(text) for text in texts]
    return ["?" if each is None else each.text for each in found]


@pytest.mark.parametrize(
    ("kind", "texts", "becomes"),
    [
        (INTEGER, ["1,200", "12,345,678"], ["1200", "12345678"]),
        (INTEGER, ["1 200", "1\u00a0200", "1'200"], ["1200", "1200", "1200"]),
        (INTEGER, ["7.0", "+7", "007", "−7", "-0"], ["7", "7", "7", "-7", "0"]),
        (INTEGER, [" 7", "7\u200b", "\u00a07 "], ["7", "7", "7"]),
        (INTEGER, [" 1,200 "], ["1200"]),
        (INTEGER, ["n/a", "NULL", "-"], [None, None, None]),
        (INTEGER, ["0.500", "0,500", "0 500"], ["?"] * 3),
        (REAL, ["0,500", "1,5"], ["0.500", "1.5"]),
        (INTEGER, ["1.5", "1e3", "abc", "12%", "12,34"], ["?"] * 5),
        (REAL, ["1,5", "-0,25"], ["1.5", "-0.25"]),
        (REAL, [".5", "5.", "+1.5", "01.5"], ["0.5", "5", "1.5", "1.5"]),
        (REAL, ["1,234.5", "1,234"], ["1234.5", "1234"]),
        (REAL, ["1,5", "1,234"], ["1.5", "1.234"]),
        (REAL, ["1.234,5"], ["1234.5"]),
        (REAL, ["NaN"], [None]),
        (Wanted("real", scale=2), ["1,234.567"], ["?"]),
        (Wanted("integer"), ["n/a"], ["?"]),
        (Wanted("boolean"), ["yes", "N", "1", "maybe"], ["true", "false", "true", "?"]),
        (DATE, ["31.01.2026", "03.04.2026"], ["2026-01-31", "2026-04-03"]),
        (DATE, ["31/01/2026", "03/04/2026"], ["2026-01-31", "2026-04-03"]),
        (DATE, ["01/31/2026", "03/04/2026"], ["2026-01-31", "2026-03-04"]),
        (DATE, ["2026/1/31", "20260131", "2026-01-31 00:00:00"], ["2026-01-31"] * 3),
        (DATE, ["31.02.2026", "31.01.26", "2026-01-31 09:30:00"], ["?"] * 3),
        (TIME, ["31.01.2026 9:30", "2026-01-31t09:30"], ["2026-01-31 09:30:00", "2026-01-31T09:30:00"]),
        (TIME, ["2026-01-31 09:30 PM", "2026-01-31 12:05 am"], ["2026-01-31 21:30:00", "2026-01-31 00:05:00"]),
        (TIME, ["2026-01-31T09:30:00Z", "2026-01-31", "2026-01-31 25:00"], ["?"] * 3),
        (ZONED, ["2026-01-31 09:30:00+0100"], ["2026-01-31 09:30:00+01:00"]),
        (ZONED, ["2026-01-31T09:30Z"], ["2026-01-31T09:30:00Z"]),
        (ZONED, ["2026-01-31T09:30:00"], ["?"]),
        (PORT, ["NORTH", " north", "south_west", "NA"], ["north", "north", "South-West", None]),
        (PORT, ["nort", "east"], ["?", "?"]),
        (Wanted("text"), [" boots "], ["boots"]),
        (Wanted("text"), ["boots"], ["?"]),
    ],
)  # fmt: skip
def test_a_value_is_mended_where_that_is_certain(kind: Wanted, texts: list[str], becomes: list[str | None]) -> None:
    assert mended(kind, *texts) == becomes


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (REAL, ["1,234"]),
        (REAL, ["1,5", "1,234.5", "1,234"]),
        (INTEGER, ["1.000"]),
        (INTEGER, ["1.5", "1.234"]),
        (INTEGER, ["7.0", "1.234"]),
        (INTEGER, ["12,34", "1,234"]),
        (DATE, ["03/04/2026"]),
        (DATE, ["31/01/2026", "01/31/2026", "03/04/2026"]),
    ],
)
def test_what_can_be_read_in_two_ways_stays(kind: Wanted, texts: list[str]) -> None:
    evidence = Evidence(kind)
    for text in texts:
        evidence.see(text)
    assert (evidence.mended(texts[-1]), evidence.doubtful(texts[-1]), evidence.named(texts[-1])) == (None, True, ())


@pytest.mark.parametrize(
    ("kind", "text", "slips"),
    [
        (INTEGER, " 1,200", ("white space", "thousands")),
        (INTEGER, "12 %", ("unit",)),
        (REAL, "$12.50", ("unit",)),
        (INTEGER, "seven", ()),
        (Wanted("integer"), "n/a", ("missing where needed",)),
        (ZONED, "2026-01-31T09:30:00", ("no zone",)),
        (ZONED, "2026-01-31", ("no time",)),
        (TIME, "2026-01-31T09:30:00Z", ("zone",)),
        (DATE, "31.01.26", ("two-digit year",)),
        (PORT, "nort", ("near",)),
        (PORT, "Moon", ()),
    ],
)
def test_a_slip_is_told_also_where_nobody_can_mend_it(kind: Wanted, text: str, slips: tuple[str, ...]) -> None:
    assert Evidence(kind).named(text) == slips


def test_a_long_cell_is_looked_at_in_one_pass() -> None:
    cell = "1" * 100_000 + "x"  # as many times as it has digits took minutes
    assert mended(INTEGER, cell) == ["?"]


def test_no_two_slips_have_one_name() -> None:
    names = [slip.name for slip in (*AROUND, *SLIPS)]
    assert len(set(names)) == len(names)


def test_the_most_frequent_slip_comes_first() -> None:
    evidence, texts = Evidence(INTEGER), ["1,200", "2,300", " 7", "abc"]
    for text in texts:
        evidence.see(text)
    assert [(slip.name, count) for slip, count in most_frequent(evidence, texts)] == [
        ("thousands", 2),
        ("white space", 1),
    ]


def test_the_choice_that_was_meant() -> None:
    assert [near_choice(text, PORT) for text in ("NORTH", "nort", "moon")] == ["north", "north", None]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (Column("a", "int64"), Wanted("integer")),
        (Column("a", "decimal(10, 2)", nullable=True), Wanted("real", scale=2, nullable=True)),
        (Column("a", "timestamp('UTC', 6)"), ZONED),
        (Column("a", "timestamp(6)"), TIME),
        (Column("a", "string", categories=("x", "y")), Wanted("text", ("x", "y"))),
        (Column("a", "int64", duration=True), Wanted("other")),
        (Column("a", "array<string>"), Wanted("other")),
    ],
)
def test_what_a_column_takes(column: Column, kind: Wanted) -> None:
    assert wanted(column) == kind


KINDS = [INTEGER, REAL, DATE, TIME, ZONED, PORT, Wanted("boolean"), Wanted("text")]
LIKELY = st.text(st.sampled_from(list("0123456789.,-/: +TZeEnaNA%'")), max_size=14) | st.text(max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.lists(LIKELY, min_size=1, max_size=4))
def test_what_is_mended_is_taken_and_what_is_taken_is_never_changed(kind: Wanted, texts: list[str]) -> None:
    evidence = Evidence(kind)
    for text in texts:
        evidence.see(text)
    for text in texts:
        found = evidence.mended(text)
        if found is None:
            continue
        assert found.slips
        assert found.text is None or (kind.takes(found.text) and found.text != text)
        assert not (kind.takes(text) and kind.kind != "text")


@settings(max_examples=40)
@given(
    st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)), st.sampled_from(["%d.%m.%Y", "%Y/%m/%d", "%Y%m%d"])
)
def test_a_day_is_mended_to_itself(day: datetime.date, layout: str) -> None:
    assert mended(DATE, day.strftime(layout)) == [day.isoformat()]


@settings(max_examples=40)
@given(st.integers(-(10**15), 10**15))
def test_a_number_with_separators_is_mended_to_itself(number: int) -> None:
    text = f"{number:,}"
    if "," in text and not text.endswith(",000"):
        assert mended(INTEGER, text) == [str(number)]


def test_a_value_is_compared_with_some_hundreds_of_choices_and_no_more() -> None:
    choices = tuple(f"port-{number:04}" for number in range(5_000))
    assert near_choice("port-00077", Wanted("text", choices)) is None, "a hundred values would take minutes"
    assert near_choice("port-00077", Wanted("text", choices[:500])) is not None
