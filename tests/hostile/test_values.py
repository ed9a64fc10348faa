"""Rows 42 to 50: names, types and values. A cell has one spelling, and what would lose something is kept out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from tests.hostile.harness import Case, Gate, file, params
from tests.hostile.test_parquet import of, parquet

CAFE = ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}")
TEXT = {"value": "str"}
FLOAT = {"value": "pd.Float64Dtype"}
NAIVE = {"value": "Annotated[pd.ArrowDtype, pyarrow.timestamp('us')]"}
ZONED = {"value": "Annotated[pd.DatetimeTZDtype, 'us', 'UTC']"}
DATE = {"value": "Annotated[pd.ArrowDtype, pyarrow.date32()]"}
BOOLEAN = {"value": "pd.BooleanDtype"}
TWICE = "two columns of one name"


def cells(*spelt: str) -> Any:
    """A CSV of keys 1, 2, 3 ... and these cells."""
    return file("x.csv", "id,value\n" + "".join(f"{number},{cell}\n" for number, cell in enumerate(spelt, 1)))


def bad(*records: int, code: str = "cell-type") -> tuple[tuple[int, str, str], ...]:
    return tuple((record, "value", code) for record in records)


def nanoseconds(*zone: str) -> bytes:
    return of([1_700_000_000_000_000_000, 1_700_000_000_000_000_001], pa.timestamp("ns", *zone))


NA_IS_NULL = {"cleaning_config": {"null_values": ["NA"]}}
COERCED = "    class Config:\n        coerce = True\n"
SECOND = datetime.fromisoformat("2023-11-14T22:13:20")
AT, STAMP = 1_700_000_000_000_000, pa.timestamp("us")
DEEP_TYPE = pa.list_(pa.struct([("x", pa.float64()), ("d", pa.list_(pa.date32())), ("t", pa.timestamp("us", "UTC"))]))
TIMES = {"value": "Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.timestamp('us'))]"}
LISTS = {
    "value": "Annotated[pd.ArrowDtype, pyarrow.list_(pyarrow.struct([('x', pyarrow.float64()),"
    " ('d', pyarrow.list_(pyarrow.date32())), ('t', pyarrow.timestamp('us', 'UTC'))]))]"
}
DEEP: list[Any] = [
    [{"x": 1.5, "d": [date(2026, 1, 31), None], "t": SECOND.replace(tzinfo=UTC)}, {"x": None, "d": None, "t": None}],
    [{"x": 1.5, "d": [], "t": -(2**62)}],
    [None, {"x": 1.5, "d": [0, 2_932_897], "t": None}],
]
MATCHES = {"value": "str = pa.Field(str_matches=r'^abc$', nullable=True)"}
CASES = (
    Case(42, "a column three times, in two cases", file("x.csv", "id,a,a,A\nx,1,2,3\n"), "unreadable", TWICE),
    Case(42, "a column in two cases", file("x.csv", "id,value,Value\nx,1,2\n"), "unreadable", TWICE),
    Case(42, "a column composed and decomposed", file("x.csv", f"id,{CAFE[0]},{CAFE[1]}\nx,1,2\n"), "unreadable",
         TWICE),
    Case(42, "a column of Parquet composed and decomposed", file("x.parquet", parquet({"id": ["x"], CAFE[0]: [1],
         CAFE[1]: [2]})), "unreadable", TWICE),
    Case(43, "whole numbers in other spellings", cells("7", "1.5", "1e3", " 7 ", "1_000", "0x10", "007", "+1"),
         "accepted", "a whole number (int64)", (("1", 7),), bad(2, 3, 4, 5, 6, 7, 8)),
    Case(43, "whole numbers in longer spellings only", cells("7", "1.5", " 8", "1_000", "007", "+1"), "accepted",
         "a whole number (int64)", (("1", 7),), bad(2, 3, 4, 5, 6)),
    Case(43, "whole numbers in other spellings, each quoted", cells('"7"', '"1.5"', '" 7"', '"0x10"'), "accepted",
         "a whole number (int64)", (("1", 7),), bad(2, 3, 4)),
    Case(43, "a short exponent alone", cells("7", "1e5"), "accepted", "a whole number", (("1", 7),), bad(2)),
    Case(44, "leading zeros and 1.10 as text", file("x.csv", "id,value\n007,1.10\n00,0\n"), "accepted",
         rows=(("007", "1.10"), ("00", "0")), columns=TEXT),
    Case(45, "NA as a country", cells("NA", '""', ""), "accepted", rows=(("1", "NA"), ("2", ""), ("3", None)),
         columns=TEXT),
    Case(45, "NA as null, where configured", cells("NA", '""', "x"), "accepted",
         rows=(("1", None), ("2", ""), ("3", "x")), columns=TEXT, config=NA_IS_NULL),
    Case(46, "a day and a month that may be swapped", cells("2024-04-03", "03/04/2024", "3.4.2024"), "accepted",
         "a date such as 2026-01-31", (("1", date(2024, 4, 3)),), bad(2, 3), DATE),
    Case(46, "an offset into a time without zone", cells("2024-03-31T02:30:00", "2024-03-31T02:30:00+01:00"),
         "accepted", "a time without zone", (("1", datetime.fromisoformat("2024-03-31T02:30:00")),), bad(2), NAIVE),
    Case(46, "a local time into one with zone, in the gap and the overlap", cells("2024-03-31T01:30:00Z",
         "2024-03-31T02:30:00", "2024-10-27T02:30:00"), "accepted", "a time with its zone", columns=ZONED,
         rows=(("1", datetime.fromisoformat("2024-03-31T01:30:00Z")),), quarantine=bad(2, 3)),
    Case(46, "dates in no year that there is", cells("2024-04-03", "12024-04-03", "infinity", "0044-03-15 (BC)",
         "0000-01-01"), "accepted", "a date such as 2026-01-31", (("1", date(2024, 4, 3)),), bad(2, 3, 4, 5), DATE),
    Case(46, "dates of Parquet in no year that there is", file("x.parquet", of([2_932_896, 2_932_897, -719_162,
         -719_163, 2**31 - 1], pa.date32())), "accepted", "a date such as 2026-01-31",
         (("a", date.max), ("c", date.min)), bad(2, 4, 5), DATE),
    Case(46, "times in no year that there is", cells("2023-11-14T22:13:20Z", "9999-12-31T23:59:59-00:01",
         "0001-01-01T00:00:00+00:01"), "accepted", "a time with its zone", columns=ZONED,
         rows=(("1", SECOND.replace(tzinfo=UTC)),), quarantine=bad(2, 3)),
    Case(46, "times of Parquet in no year that there is", file("x.parquet", of([AT, 2**62, -2**62], STAMP)),
         "accepted", "a time without zone", (("a", SECOND),), bad(2, 3), NAIVE),
    Case(46, "a time of Parquet before any that the engine has", file("x.parquet", of([AT, -2**63], STAMP)),
         "unreadable", "Date out of range", columns=NAIVE),
    Case(46, "times of Parquet in other units in no year that there is", file("x.parquet", of([AT // 1000, 2**53],
         pa.timestamp("ms"))), "accepted", "a time without zone", (("a", SECOND),), bad(2), NAIVE),
    Case(46, "times of Parquet within lists in no year that there is", file("x.parquet", of([[AT, None], None,
         [AT, 2**62], []], pa.list_(STAMP))), "accepted", "not array<timestamp(6)>",
         (("a", [SECOND, None]), ("b", None), ("d", [])), bad(3), TIMES),
    Case(46, "dates of Parquet deep within in no year that there is", file("x.parquet", of(DEEP, DEEP_TYPE)),
         "accepted", "not array<struct<", (("a", DEEP[0]),), bad(2, 3), LISTS),
    Case(46, "nanoseconds", cells("2024-03-31T02:30:00.123456", "2024-03-31T02:30:00.1234567"), "accepted",
         "a time without zone", (("1", datetime.fromisoformat("2024-03-31T02:30:00.123456")),), bad(2), NAIVE),
    Case(46, "nanoseconds of Parquet", file("x.parquet", nanoseconds()), "accepted", "a time without zone",
         (("a", SECOND),), bad(2), NAIVE),
    Case(46, "nanoseconds of Parquet with a zone", file("x.parquet", nanoseconds("UTC")), "unreadable",
         "finer than a microsecond", columns=ZONED),
    Case(47, "NaN and a bound", cells("1.5", "NaN", "nan"), "accepted", "a number (float64)", (("1", 1.5),), bad(2, 3),
         {"value": "pd.Float64Dtype = pa.Field(ge=0, nullable=True)"}),
    Case(47, "NaN of Parquet and a bound", file("x.parquet", of([1.5, float("nan")])), "accepted", "null", (("a", 1.5),
         ), bad(2, code="rule-failed"), {"value": "float = pa.Field(ge=0)"}, known=(1.0,)),
    Case(47, "other spellings of true and false", cells("true", "yes", "T", "2", "1", "False"), "accepted",
         "true or false", (("1", True), ("6", False)), bad(2, 3, 4, 5), BOOLEAN),
    Case(48, "coerced whole numbers", cells("1", "1.5", "9.3e18", "9300000000000000000"), "accepted", "a whole number",
         (("1", 1),), bad(2, 3, 4), {"value": "int"}, COERCED, known=(1,)),
    Case(48, "coerced whole numbers of Parquet", file("x.parquet", of([1.0, 1.7, 9.3e18, -1e300])), "accepted",
         "a whole number", (("a", 1),), bad(2, 3, 4), {"value": "int"}, COERCED, known=(1,)),
    Case(48, "coerced booleans", cells("False", "0", "no"), "accepted", "true or false", (("1", False),), bad(2, 3),
         {"value": "bool"}, COERCED, known=(True,)),
    Case(48, "a fraction into whole numbers of the pool", file("x.parquet", of([1.7, 2.0])), "accepted",
         "a whole number", (("b", 2),), bad(1)),
    Case(49, "a pattern's end before a final newline", cells('"abc\n"', "abc", "abcd", '"abc\n\n"'), "accepted",
         "str_matches", (("1", "abc\n"), ("2", "abc")), bad(3, 4, code="rule-failed"), MATCHES),
    Case(50, "no rows", file("x.parquet", parquet({"id": pa.nulls(0, pa.string()), "value": pa.nulls(0, pa.int64())})),
         "rejected", "it holds no records"),
    Case(50, "nothing but nulls", file("x.csv", "id,value\n,\n,\n,\n"), "rejected", "3 of 3 records fail",
         quarantine=tuple((record, "id", "rule-failed") for record in (1, 2, 3))),
)  # fmt: skip


@params(CASES)
def test_values(case: Case, gate: Gate) -> None:
    gate.holds(case)
