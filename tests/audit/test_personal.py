"""Likely personal data: what is taken for it, what is not, and what is counted."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.audit import Shape, personal, screen
from tidegate.audit.personal import find_personal
from tidegate.audit.personal_hash import hash_cells, key_from
from tidegate.audit.personal_kinds import HINTS, KINDS, kinds_in
from tidegate.columns import Column
from tidegate.config import ValidationConfig
from tidegate.engines import rows_of
from tidegate.errors import Misuse

FOUND = {
    "email": [
        "bob@example.com",
        "Write to <Bob.O+x@mail.example.co.uk>.",
        "a@b.co",
        "x@163.com",
        "mailto:b_b@1und1.de",
    ],
    "phone": [
        "+14155552671",
        "+1 415 555 2671",
        "+49 (0)171 1234567",
        "call +44-20-7946-0958.",
        "(415) 555-2671",
        "415-555-2671",
        "1-415-555-2671",
        "415.555.2671",
        "+1.415.555.2671",
    ],
    "credit_card": [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "378282246310005",
        "paid with 6011000990139424, thanks",
        "3530111333300000",
        "2223003122003222",
        "4111111111111112 4111111111111111",
    ],
    "iban": [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB82 WEST 1234 5698 7654 32 OK",
        "BE68 5390 0754 7034 PAY",
        "to NO9386011117947.",
    ],
    "us_ssn": ["536-90-4399", "SSN: 536-90-4399."],
    "ip": ["8.8.8.8", "from 192.168.1.20:8080", "10.0.0.0/8", "2001:db8::1", "[fe80::1ff:fe23:4567:890a]", "1.2.3.4."],
    "crypto_wallet": [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
        "0x52908400098527886E0F7030069857D2E4169EE7",
    ],
}
NOT_FOUND = [
    "", "boots", "@bob", "icon@2x.png", "left-pad@1.2.3", "a@b", "@app.route",
    "2026-01-31T09:30:00+01:00", "2026-01-31 09:30:00", "12:30:45", "00:1b:44:11:3a:b7",
    "1.2.3", "v1.2.3.4", "1.2.3.4.5", "256.1.1.1", "1.2.3.400", "127.0.0.1", "0.0.0.0", "std::vector", "dead::beef",
    "2001:db8:1", "fe80:1:2:3", "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrc",
    "bc1q5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
    "4155552671", "14155552671", "415 555 2671", "123-456-7890", "+15.25", "+1.2345678", "-14155552671", "+0123456789",
    "4111111111111112", "0.4111111111111111", "41111111111111111", "a4111111111111111", "1234567890123452",
    "9f4111111111111111ab", "4111-1111-1111-1111-1", "411111111111", "N14228",
    "DE88370400440532013000", "XX89370400440532013000", "DE8937040044053201300", "AB12CD34EF56GH78",
    "666-12-3456", "000-12-3456", "900-12-3456", "536-00-4399", "536-90-0000", "078-05-1120", "536904399",
    "1536-90-4399", "2026-01-3100",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "0x52908400098527886E0F7030069857D2E4169EE",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mda", "3b4e1c2a9d8f7e6b5c4d3a2f1e9d8c7b",
    "550e8400-e29b-41d4-a716-446655440000", "hashed:" + "41" * 32,
]  # fmt: skip
CASES = [(text, (kind,)) for kind, texts in FOUND.items() for text in texts] + [(text, ()) for text in NOT_FOUND]


@pytest.mark.parametrize(("text", "kinds"), CASES)
def test_what_is_taken_for_personal_data(text: str, kinds: tuple[str, ...]) -> None:
    assert kinds_in(text) == kinds


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_engine_finds_what_python_finds(kind: Any) -> None:
    for text in [text for text, _ in CASES]:
        (found,) = duckdb.execute("SELECT regexp_matches($1, $2)", [text, kind.pattern]).fetchone() or ()
        candidates = kind.confirmed is not None and found
        assert found == kind.within(text) or candidates, text
        if kind.within(text):
            assert len(text) >= kind.shortest
            assert any(hint in text for hint in HINTS)


def found(bench: Any, cells: dict[str, list[Any]] | pa.Table, *columns: Column) -> dict[str, dict[str, int]]:
    table = bench.table(cells)
    columns = columns or tuple(Column(name, "string") for name in cells)
    return {each.column.name: each.kinds for each in find_personal(bench.engine, table, columns, bench.folder)}


def test_records_are_counted_per_column_and_kind(bench: Any) -> None:
    cells = {
        "note": ["bob@example.com or 8.8.8.8", "bob@example.com twice@example.com", None, "boots", "4111111111111111"],
        "id": [str(10**15 + n) for n in range(5)],
        "code": ["a", "b", None, "", "c"],
    }
    assert found(bench, cells) == {"note": {"email": 2, "ip": 1, "credit_card": 1}}
    (each,) = find_personal(bench.engine, bench.table(cells), [Column("note", "string")], bench.folder)
    (records,) = each.records
    assert (each.cells, pq.read_table(records.path)["_record"].to_pylist()) == (3, [1, 2, 5])


def test_what_the_contract_marks_or_spells_out_is_not_looked_at(bench: Any) -> None:
    cells = {name: ["bob@example.com"] for name in ("marked", "category", "plain")}
    marked = Column("marked", "string", personal=True)
    category = Column("category", "string", categories=("bob@example.com",))
    assert found(bench, cells, marked, category, Column("plain", "string")) == {"plain": {"email": 1}}
    assert found(bench, {"n": [4111111111111111]}, Column("n", "int64")) == {}


def test_texts_in_lists_structs_and_json_are_found(bench: Any) -> None:
    who = {"mail": "bob@example.com", "n": 1}
    cells = {"tags": [["a", "8.8.8.8"], None], "who": [who, who], "more": ['{"a":"+14155552671"}', "{}"]}
    columns = (
        Column("tags", "array<string>"), Column("who", "struct<mail: string, n: int64>"),
        Column("more", "string", json=True),
    )  # fmt: skip
    assert found(bench, cells, *columns) == {"tags": {"ip": 1}, "who": {"email": 2}, "more": {"phone": 1}}


def test_numbers_whose_check_digit_is_right_by_chance_are_no_cards(bench: Any) -> None:
    ids = [str(4_000_000_000_000_000 + n) for n in range(200)]
    assert sum(bool(kinds_in(text)) for text in ids) == 20
    assert found(bench, {"id": ids}) == {}
    cards = [text for text in ids if kinds_in(text)]
    assert found(bench, {"id": cards}) == {"id": {"credit_card": 20}}
    assert found(bench, {"id": [*ids, "4111 1111 1111 1111"]}) == {"id": {"credit_card": 1}}, "no number of theirs"


@pytest.mark.parametrize("rows", [7, 1000])
def test_what_is_a_card_is_decided_over_all_batches(bench: Any, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(personal, "_BATCH_ROWS", rows)
    looking = [str(4_000_000_000_000_000 + n) for n in range(40)]
    cards, others = [t for t in looking if kinds_in(t)], [t for t in looking if not kinds_in(t)]
    few = personal._FEW
    for right, wrong, are in ((1, few - 2, True), (1, few - 1, False), (10, 10, True), (9, 11, False)):
        told = found(bench, {"id": (cards * 3)[:right] + others[:wrong]})
        assert told == ({"id": {"credit_card": right}} if are else {}), (right, wrong)
    spelled = ["order 4000 0000 0000 0001", "order 4111 1111 1111 1111"]  # one of them is a card's
    assert found(bench, {"id": [*others, *spelled]}) == {"id": {"credit_card": 1}}
    assert found(bench, {"id": [*spelled, *spelled, *cards[:2], *others]}) == {"id": {"credit_card": 2}}


def test_batches_make_no_difference(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal, "_BATCH_ROWS", 2)
    monkeypatch.setattr(personal, "_AT_ONCE", 1)
    cells = {
        "a": ["8.8.8.8", "DE89370400440532013000", "boots"] * 3,
        "b": ["boots and shoes"] * 9,
        "c": ["8.8.8.8"] * 9,
    }
    assert found(bench, cells) == {"a": {"ip": 3, "iban": 3}, "c": {"ip": 9}}
    each, _ = find_personal(
        bench.engine, bench.table(cells), [Column("a", "string"), Column("c", "string")], bench.folder
    )
    assert (each.cells, rows_of(each.records)) == (6, 6)


def test_no_rows_and_no_text(bench: Any) -> None:
    assert found(bench, pa.table({"s": pa.array([], pa.string())}), Column("s", "string")) == {}
    assert found(bench, pa.table({"s": pa.array([None], pa.string())}), Column("s", "string")) == {}


def expected(text: str, salt: str) -> str:
    key = hashlib.sha256(salt.encode()).hexdigest()
    inner = hashlib.sha256((key + text).encode()).hexdigest()
    return "hashed:" + hashlib.sha256((key + inner).encode()).hexdigest()


SALT = "a salt of many characters, it's é"


def test_whole_cells_are_replaced_and_equal_ones_stay_equal(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALT", SALT)
    table = bench.table(
        {"s": ["is Bob's bob@example.com", "boots", None, "is Bob's bob@example.com"], "t": ["8.8.8.8"] * 4}
    )
    columns = [Column("s", "string"), Column("t", "string")]
    every = find_personal(bench.engine, table, columns, bench.folder)
    hashed = hash_cells(bench.engine, table, every, key_from("SALT"), ["s"], bench.folder)
    rows = hashed.rows.order_by("_record").to_pyarrow().to_pylist()
    bob, ip = expected("is Bob's bob@example.com", SALT), expected("8.8.8.8", SALT)
    assert [(row["s"], row["t"]) for row in rows] == [(bob, ip), ("boots", ip), (None, ip), (bob, ip)]
    assert hashed.rows.columns == table.columns
    assert [(r.kind, r.column, r.detail, r.cells) for r in hashed.repairs] == [
        ("hash", "s", "email", 2), ("hash", "t", "ip", 4)
    ]  # fmt: skip
    pool = bench.table({"s": ["boots", "is Bob's bob@example.com", None, bob, "8.8.8.8"]})
    alike = hashed.alike(bench.engine, pool, "pool")
    assert alike is not None
    assert alike.order_by("_record").to_pyarrow()["s"].to_pylist() == ["boots", bob, None, bob, "8.8.8.8"]


@pytest.mark.parametrize("salt", [None, "", "too short a one"])
def test_a_salt_that_could_be_guessed_is_refused(salt: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SALT", raising=False)
    if salt is not None:
        monkeypatch.setenv("SALT", salt)
    with pytest.raises(Misuse, match="variable SALT holds no salt of 16") as refused:
        key_from("SALT")
    assert not salt or salt not in str(refused.value)


@pytest.mark.parametrize("salt", [b"sixteen letters!", b"\xff" * 16], ids=["the shortest", "no text"])
def test_a_salt_is_any_sixteen_bytes(salt: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALT", os.fsdecode(salt))
    assert key_from("SALT") == hashlib.sha256(salt).hexdigest()


def test_every_kind_is_told_apart() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert set(FOUND) == {kind.name for kind in KINDS}


@pytest.mark.parametrize("mode", ["report", "warn", "reject"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # hypothesis hooks into the collector
def test_a_scan_that_takes_too_long_is_no_pass(bench: Any, make_contract: Any, mode: Any) -> None:
    """A sender can make every cell a candidate that only its check digits decide."""
    rows = bench.table({"note": ["AA00 AAAA " * 500_000, "x"]})
    config, shape = ValidationConfig(personal_data=mode), Shape((), (), (), {})
    screened = screen(bench.engine, rows, config, make_contract("note: str"), shape, (), bench.folder, 0.001)
    assert [(check.id, check.status, check.severity) for check in screened.checks] == [
        ("dataframe.personal_data", "not_evaluated", "critical")
    ]
    assert screened.told == ()
    assert screened.checks[0].observed == "a timeout after 0.001 s; raise resources.max_seconds"
    assert screened.hashed.rows is rows
    assert [column.name for column in screened.contract.columns] == ["note"]
