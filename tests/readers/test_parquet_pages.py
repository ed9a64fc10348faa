"""The pages of Parquet: sound files pass whoever wrote them, and none that contradicts its footer or checksums."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers import parquet_pages
from tidegate.readers.parquet_pages import check_pages

ROWS = 20_000
TABLE = pa.table(
    {
        "number": pa.array([n if n % 7 else None for n in range(ROWS)]),
        "text": [f"text {n % 50}" for n in range(ROWS)],
        "long": ["é" * (n % 900) for n in range(ROWS)],
        "list": [[n] * (n % 3) for n in range(ROWS)],
        "struct": [{"a": n, "b": None if n % 2 else [n]} for n in range(ROWS)],
        "nothing": pa.nulls(ROWS, pa.int8()),
    }
)
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"compression": "zstd", "data_page_version": "2.0"},
    {"compression": "none", "use_dictionary": False, "data_page_size": 1000},
    {"compression": "gzip", "row_group_size": 3000, "write_page_checksum": True},
    {"data_page_version": "2.0", "write_page_checksum": True, "write_page_index": True},
    {"version": "1.0", "use_deprecated_int96_timestamps": True},
)


def check(path: Path, most: int = 1 << 30) -> None:
    check_pages(path, pq.read_metadata(path), Resources(max_bytes=most))


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("rows", [ROWS, 1, 0])
def test_what_arrow_writes(rows: int, way: dict[str, Any], tmp_path: Path) -> None:
    pq.write_table(TABLE.slice(0, rows), tmp_path / "x.parquet", **way)
    check(tmp_path / "x.parquet")


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_what_duckdb_writes(version: str, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    duckdb.from_arrow(TABLE).query("x", f"COPY x TO '{path}' (FORMAT parquet, PARQUET_VERSION {version})")
    check(path)


def test_the_limit_is_on_what_pages_become(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([0] * 50_000)}), tmp_path / "x.parquet", use_dictionary=False)
    check(tmp_path / "x.parquet", 410_000)
    with pytest.raises(SourceUnreadable, match=r"resources\.max_bytes allows 390000"):
        check(tmp_path / "x.parquet", 390_000)


def test_every_damage_to_a_page_with_a_checksum_is_noticed(write: Callable[..., Path], tmp_path: Path) -> None:
    pq.write_table(TABLE.slice(0, 100), tmp_path / "x.parquet", write_page_checksum=True, compression="none")
    data = (tmp_path / "x.parquet").read_bytes()
    metadata = pq.read_metadata(tmp_path / "x.parquet")
    chance = random.Random(1)
    pages = len(data) - metadata.serialized_size - 8
    missed = 0
    for place in chance.sample(range(4, pages), 300):
        damaged = bytearray(data)
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            check_pages(write(bytes(damaged), "damaged.parquet"), metadata, Resources())
        except SourceUnreadable:
            continue
        missed += 1  # in a header: an encoding, or an extreme, that no checksum covers
    assert missed < 100


def test_a_page_that_ends_with_the_file(tmp_path: Path, write: Callable[..., Path]) -> None:
    pq.write_table(TABLE, tmp_path / "x.parquet", write_page_checksum=True)
    cut = (tmp_path / "x.parquet").read_bytes()[:1000]
    with pytest.raises(SourceUnreadable, match=r"cut\.parquet"):
        check_pages(write(cut, "cut.parquet"), pq.read_metadata(tmp_path / "x.parquet"), Resources())


def test_bytes_that_are_no_page(tmp_path: Path, write: Callable[..., Path]) -> None:
    pq.write_table(TABLE.slice(0, 100), tmp_path / "x.parquet")
    metadata = pq.read_metadata(tmp_path / "x.parquet")
    for byte in range(256):
        with pytest.raises(SourceUnreadable):
            check_pages(write(bytes([byte]) * metadata.row_group(0).total_byte_size), metadata, Resources())


def test_a_checksum_that_is_no_number(tmp_path: Path) -> None:
    """Found by fuzzing: a header whose fourth field is a text."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    metadata = pq.read_metadata(path)
    path.write_bytes(b"PAR1" + bytes([0x15, 0, 0x15, 0, 0x15, 0, 0x18, 0, 0]))
    with pytest.raises(SourceUnreadable, match="a broken checksum at byte 5"):
        check_pages(path, metadata, Resources())


def test_a_gzip_page_that_becomes_more_than_it_says_is_not_unpacked_to_its_end(tmp_path: Path) -> None:
    rows = 1 << 20
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": pa.array([0] * rows, pa.int64())}), path, compression="gzip", use_dictionary=False,
                   data_page_size=1 << 30, column_encoding={"a": "PLAIN"})  # fmt: skip
    data, becomes = path.read_bytes(), pq.read_metadata(path).row_group(0).column(0)
    assert becomes.total_uncompressed_size > 8 * rows
    header = parquet_pages._Compact(data[4:1000]).struct()
    true = _varint(header[2])
    path.write_bytes(data.replace(true, _varint(1 << (7 * len(true) - 3)), 1))
    with pytest.raises(SourceUnreadable, match=r"the gzip data of the page at byte 5 is not whole"):
        check_pages(path, pq.read_metadata(path), Resources())


def _varint(value: int) -> bytes:
    rest, out = value << 1, b""
    while rest > 0x7F:
        out, rest = out + bytes([rest & 0x7F | 0x80]), rest >> 7
    return out + bytes([rest])


def test_a_page_before_the_file(tmp_path: Path) -> None:
    """As fuzzing made it, from a table without rows."""
    found = (
        "FQQZPDUAGAZzY2hlbWEVBAAVDCUCGAJpZCUATBwAAAAVBCUCGAFuABYMGRwZLCYAHBUMGTUABhAZGAJpZBUCFgwWuAEWtAEmZCYBHDYAKAJy"
        "NRgCcjAREQAZLBUEFQAVAgAVABUQFQIAPBYYGQYZJgAMAAAAJgAcFQQZNQAGEBkYAW4VAhYMFoACFvABJpQCJrwBHBgIGQAAAAAAAAAYCAAA"
        "AAAAAAAAFgIoCBkAAAAAAAAAGAgAAAAAAAAAABERABksFQQVABUCABUAFRAVAgA8KQYZJgIKAAAAFrgDFgwmCBakAwAoIHBhcnF1ZXQtY3Bw"
        "LWFycm93IHZlcnNpb24gMjUuMC4xGSwcAAAcAAAAEQEAAFBBUjE="
    )
    (tmp_path / "x.parquet").write_bytes(base64.b64decode(found))
    with pytest.raises(SourceUnreadable, match="has no page at byte"):
        check_pages(tmp_path / "x.parquet", pq.read_metadata(tmp_path / "x.parquet"), Resources())


def test_a_name_that_is_no_text_is_not_shown(tmp_path: Path) -> None:
    """A chunk has its column's name once more, which nobody holds against the schema's."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"name": [1, 2, 3]}), path, store_schema=False, write_statistics=False)
    *before, chunk = path.read_bytes().split(b"\x04name")
    three, two = b"\x16\x06", b"\x16\x04"
    path.write_bytes(b"\x04name".join(before) + b"\x04\xff\xfe\xff\xfe" + chunk.replace(three, two, 1))
    with pytest.raises(SourceUnreadable, match="values of 'name', its pages of 3"):
        check_pages(path, pq.read_metadata(path), Resources())
