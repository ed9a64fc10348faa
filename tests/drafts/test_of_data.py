"""Drafts from data: readable, marked, true of the file that they come from, and silent about people."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.drafts import write_draft
from tidegate.drafts.guess import outward, pattern_of, speaks_of_people
from tidegate.drafts.of_data import draft_of_data
from tidegate.drafts.write import Written, check_name
from tidegate.errors import Misuse, SourceUnreadable
from tidegate.registry import Contract, Registry, load_contract

PEOPLE = ["ada@example.com", "+1 415 555 2671", "Lovelace"]


def drafted(file: Path, *null_values: str) -> tuple[Contract, Written]:
    registry = Registry(file.parent)
    written = write_draft(draft_of_data(str(file), "drafted", null_values), registry, str(file), null_values)
    return load_contract(written.contract), written


def line(written: Written, column: str) -> str:
    """What the contract says of a column, in one line."""
    text = written.contract.read_text().partition(f"\n    {column}: ")[2]
    return re.sub(r"\s+", " ", re.split(r"\n    (?=\S)(?!\))|\n\n", text)[0]).replace("( ", "(").replace(", )", ")")


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contract, Written]:
    file = tmp_path_factory.mktemp("csv") / "orders.csv"
    lines = ["order,code,grams,price,state,paid,sent_at,day,zip,note,contact,last name,half,import,blank"]
    for n in range(400):
        lines.append(
            f"{n + 1},A{n % 90 + 10:03}-x,{n * 3},{n / 8},{'open' if n % 3 else 'done'},{'true' if n % 2 else 'False'},"
            f'2026-01-31T{n % 24:02}:30:00Z,2026-01-{n % 28 + 1:02},0{n % 10}123,"text, number {n * 7919 % 401}",'
            f"{PEOPLE[n % 2]},{PEOPLE[2]},{'NA' if n % 4 == 0 else n},{n % 2},"
        )
    file.write_text("\n".join(lines) + "\n")
    return drafted(file, "NA")


def test_the_file_is_accepted_by_what_was_drafted_from_it(csv: tuple[Contract, Written]) -> None:
    report = csv[1].verdict
    assert report is not None
    assert (report.verdict, report.rows.accepted) == ("accepted", 400)
    assert [check.id for check in report.checks if check.status != "passed"] == []


def test_types_nulls_ranges_categories_forms_and_keys_are_guessed(csv: tuple[Contract, Written]) -> None:
    contract, written = csv
    assert {column.name: column.type for column in contract.columns} == {
        "order": "int64", "code": "string", "grams": "int64", "price": "float64", "state": "string", "paid": "boolean",
        "sent_at": "timestamp('UTC', 6)", "day": "date", "zip": "string", "note": "string", "contact": "string",
        "last name": "string", "half": "int64", "import": "int64", "blank": "string",
    }  # fmt: skip
    assert contract.key == ("order",)
    assert [column.name for column in contract.columns if column.nullable] == ["half", "blank"]
    assert line(written, "order").startswith('int = pa.Field(ge=0, unique=True, metadata={"key": True}')
    assert line(written, "code").startswith('str = pa.Field(str_matches="^[A-Z][0-9]{3}-[a-z]$"')
    assert line(written, "grams").startswith('int = pa.Field(in_range={"min_value": 0, "max_value": 1500}')
    assert line(written, "state").startswith('str = pa.Field(isin=["done", "open"]')
    assert line(written, "paid").startswith("bool = pa.Field(")
    assert line(written, "zip").startswith('str = pa.Field(isin=["00123",')
    assert line(written, "half").startswith("pd.Int64Dtype = pa.Field(nullable=True")
    assert line(written, "import_").startswith('int = pa.Field(alias="import", isin=[0, 1]')
    assert "str_length" in line(written, "note")


def test_every_guess_is_marked_with_what_was_seen(csv: tuple[Contract, Written]) -> None:
    contract, written = csv
    lines = written.contract.read_text().splitlines()
    marked = [text for text in lines if text.startswith("    # guess: confirm. Seen in 400 records: ")]
    assert len(marked) == len(contract.columns)
    assert "    # guess: confirm. Seen in 400 records: 0 to 1197; no nulls." in marked
    assert "    # guess: confirm. Seen in 400 records: 1 to 399; 100 nulls." in marked
    suite = json.loads(written.suite.read_text())
    notes = [e["meta"]["notes"] for e in suite["expectations"][1:]]
    assert notes
    assert [note for note in notes if not note.startswith("guess: confirm. Seen in 400 records: ")] == []


def test_no_value_of_a_likely_personal_column_is_written(csv: tuple[Contract, Written]) -> None:
    contract, written = csv
    assert [column.name for column in contract.columns if column.personal] == ["contact", "last name"]
    text = written.contract.read_text() + written.suite.read_text()
    assert [value for value in PEOPLE if value in text] == []
    assert "# guess: confirm. Personal: email in 200 records, phone in 200 records." in text
    assert "# guess: confirm. Personal: by its name." in text
    assert '"contact"' not in written.suite.read_text()


def test_json_has_kinds_and_keys_that_may_be_absent(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"id": f"r{n}", "n": n if n % 2 else n / 4, "on": n > 5, "day": "2026-01-31", "digits": str(n),
         "tags": ["a"] * (n % 3), "parts": [{"sku": "x", "n": 1}, {"sku": None, "price": 1.5}], "extra": {"k": n}}
        for n in range(30)
    ]  # fmt: skip
    for record in records[::3]:
        del record["digits"]
    records[4]["on"] = None
    file = tmp_path / "x.json"
    file.write_text(json.dumps(records))
    contract, written = drafted(file)
    assert written.verdict is not None
    assert written.verdict.verdict == "accepted"
    assert [(c.name, "json" if c.json else c.type, c.required, c.nullable) for c in contract.columns] == [
        ("id", "string", True, False),
        ("n", "float64", True, False),
        ("on", "boolean", True, True),
        ("day", "date", True, False),
        ("tags", "array<string>", True, False),
        ("parts", "array<struct<sku: string, n: int64, price: float64>>", True, False),
        ("extra", "json", True, False),
        ("digits", "string", False, False),
    ]
    assert "10 records leave it out" in written.contract.read_text()


def test_parquet_keeps_its_types_and_a_key_may_be_several_columns(tmp_path: Path) -> None:
    rows = 60
    table = pa.table({
        "site": pa.array([f"s{n % 6}" for n in range(rows)]).dictionary_encode(),
        "number": pa.array([str(n // 6) for n in range(rows)]),
        "level": pa.array([n % 3 for n in range(rows)], pa.uint8()),
        "took": pa.array([n * 1_000_000 for n in range(rows)], pa.duration("us")),
        "price": pa.array([f"{n}.50" for n in range(rows)]).cast(pa.decimal128(8, 2)),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "x.parquet")
    contract, written = drafted(tmp_path / "x.parquet")
    assert written.verdict is not None
    assert written.verdict.verdict == "accepted"
    assert [(c.name, c.type, c.duration) for c in contract.columns] == [
        ("site", "string", False), ("number", "string", False), ("level", "uint8", False), ("took", "int64", True),
        ("price", "decimal(8, 2)", False),
    ]  # fmt: skip
    assert contract.key == ("site", "number")


def test_nothing_in_a_header_becomes_code(tmp_path: Path) -> None:
    names = ['x"""; import os; os.abort()', "a\nb", "class", "to_schema", "É", "str", "int", "e'", "\u202eturned"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    (tmp_path / "x.csv").write_text(f"{header}\n" + "".join(f"{n},1,1,1,1,1,1,1,x\n" for n in range(3)))
    contract, written = drafted(tmp_path / "x.csv")
    assert [column.name for column in contract.columns] == names
    assert "\u202e" not in written.contract.read_text()
    assert written.verdict is not None
    assert written.verdict.verdict == "accepted"


def test_what_no_contract_can_be_drafted_from_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("a,b\n")
    (tmp_path / "ours.csv").write_text("_a,b\n1,2\n")
    with pytest.raises(SourceUnreadable, match="has no records"):
        draft_of_data(str(tmp_path / "empty.csv"), "x")
    with pytest.raises(Misuse, match="a name of Tidegate's own"):
        draft_of_data(str(tmp_path / "ours.csv"), "x")
    pq.write_table(pa.table({"a": pa.array([b"x"])}), tmp_path / "x.parquet")
    with pytest.raises(Misuse, match="has the type binary"):
        draft_of_data(str(tmp_path / "x.parquet"), "x")
    for name in ("../x", "", "a b", "_x"):
        with pytest.raises(Misuse, match="is no name"):
            check_name(Registry(tmp_path), name)


@pytest.mark.parametrize(
    ("low", "high", "around"),
    [(1, 5973, (0, 6000)), (1987, 2013, (1950, 2050)), (-3, 14, (-5, 15)), (5, 5, (5, 5)), (0, 0, (0, 0)),
     (0.31, 0.92, (0.3, 0.95)), (-(2**63), 2**63 - 1, (-(2**63), 2**63 - 1)), (1e308, 1.7e308, (1e308, 1.7e308))],
)  # fmt: skip
def test_bounds_are_round_and_around_what_was_seen(low: Any, high: Any, around: tuple[Any, Any]) -> None:
    least, most = outward(low, high)
    assert least <= low <= high <= most
    assert (least, most) == around or low == high


def test_forms_and_names() -> None:
    assert pattern_of("AA-9999.a") == "^[A-Z]{2}-[0-9]{4}\\.[a-z]$"
    assert pattern_of("aaaa") is None
    for name in ("email", "customerEmail", "first_name", "Phone-Number", "name", "date of birth", "ip"):
        assert speaks_of_people(name), name
    for name in ("port", "ship", "product_name", "hotel", "unit", "zip_file", "description"):
        assert not speaks_of_people(name), name
