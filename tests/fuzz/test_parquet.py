"""Parquet: whatever was done to a file, it is refused, or as many records are staged as its footer tells of."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.fuzz.fuzzer import fuzz, told
from tests.fuzz.stager import RESOURCES, Stager

from tidegate.columns import Column
from tidegate.errors import SourceUnreadable
from tidegate.readers.parquet_pages import check_pages

COLUMNS = (
    Column("id", "string", key=True), Column("n", "int64"), Column("f", "float64"), Column("b", "boolean"),
    Column("d", "decimal(10, 2)"), Column("t", "timestamp(6)"), Column("l", "array<int64>"), Column("s",
    "struct<a: int64>"),
)  # fmt: skip
EPOCH = dt.datetime.fromisoformat("2026-01-01")


def table(rows: int) -> pa.Table:
    """Rows of every kind; one in five is null."""

    def cells(make: Any) -> list[Any]:
        return [None if n % 5 == 4 else make(n) for n in range(rows)]

    return pa.table(
        {
            "id": [f"r{n}" for n in range(rows)],
            "n": pa.array(cells(lambda n: n * n), pa.int64()),
            "f": pa.array(cells(lambda n: n / 3), pa.float64()),
            "b": cells(lambda n: n % 2 == 0),
            "d": pa.array(cells(lambda n: decimal.Decimal(n) / 4), pa.decimal128(10, 2)),
            "t": pa.array(cells(lambda n: EPOCH + dt.timedelta(days=n)), pa.timestamp("us")),
            "l": pa.array(cells(lambda n: list(range(n % 4))), pa.list_(pa.int64())),
            "s": pa.array(cells(lambda n: {"a": n}), pa.struct([("a", pa.int64())])),
        }
    )


def parquet(rows: pa.Table, **how: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, store_schema=False, **how)
    return bytes(sink.getvalue().to_pybytes())


SMALL = table(6).select(["id", "n"])
SEEDS = (
    parquet(SMALL, compression="none", use_dictionary=False), parquet(SMALL, compression="snappy"),
    parquet(SMALL, compression="zstd", write_page_checksum=True), parquet(SMALL, compression="gzip", version="1.0"),
    parquet(SMALL, data_page_version="2.0"), parquet(SMALL, row_group_size=2, write_statistics=False),
    parquet(table(6), compression="none"), parquet(table(20), compression="zstd", write_page_index=True),
    parquet(table(4), data_page_version="2.0", compression="snappy", use_dictionary=False),
    parquet(SMALL, use_dictionary=False, column_encoding={"id": "DELTA_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED"}),
    parquet(table(9).select(["id", "f"]), use_dictionary=False, column_encoding={"id": "DELTA_LENGTH_BYTE_ARRAY",
    "f": "BYTE_STREAM_SPLIT"}),
    parquet(table(0)), parquet(pa.table({"id": ["a"] * 300, "n": [7] * 300}), compression="none"),
)  # fmt: skip
TOKENS = (
    b"PAR1", b"\x15\x00", b"\x15\x02", b"\x15\x04", b"\x15\x0c", b"\x16\x0c", b"\x16\x00",
    b"\x16\xfe\xff\xff\xff\x0f", b"\x2c",
    b"\x4c", b"\x5c", b"\x1c", b"\x18\x02id", b"\x18\x01n", b"\x15\xfe\xff\xff\xff\x0f", b"\x15\x01", b"\xff" * 9,
    b"\x19\x2c",
    b"\x00" * 8, b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
)  # fmt: skip


def test_pages(tmp_path: Path) -> None:
    """Our own reader of page headers, beside a footer that is as it was: the first byte says whose."""
    path = tmp_path / "x.parquet"
    footers = [pq.read_metadata(pa.BufferReader(seed)) for seed in SEEDS]

    def target(data: bytes) -> Hashable:
        path.write_bytes(data[1:])
        footer = footers[data[0] % len(footers)] if data else footers[0]
        try:
            decoded, most = check_pages(path, footer, RESOURCES)
        except SourceUnreadable as error:
            return told(error)
        assert 0 <= decoded <= most
        return most

    fuzz("parquet pages", target, [bytes([number]) + seed for number, seed in enumerate(SEEDS)], TOKENS)


def test_staged(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    path = tmp_path / "x.parquet"

    with Stager(folder, COLUMNS) as stager:

        def target(data: bytes) -> Hashable:
            path.write_bytes(data)
            kind, what = stager.stage(path)
            assert kind != "bug", what
            if kind != "staged":
                return kind, what
            assert len(what) == pq.read_metadata(path).num_rows
            if data in SEEDS:
                whole = pq.read_table(path).to_pylist()
                assert [{name: row[name] for name in given} for row, given in zip(what, whole, strict=True)] == whole
            return kind, len(what), frozenset(str(row["_problems"])[:30] for row in what)

        for seed in SEEDS:
            path.write_bytes(seed)
            assert stager.stage(path)[0] == "staged", stager.stage(path)
        fuzz("parquet staged", target, SEEDS, TOKENS)
        print(f"the parser crashed {stager.crashes} times")
