"""What a file is, by its content; and its name held against that."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tidegate.errors import SourceUnreadable
from tidegate.readers.content import recognise

CSV, JSON, LINES = b"a,b\n1,2\n", b'[{"a": 1}]', b'{"a": 1}\n{"a": 2}\n'


def gzipped(data: bytes) -> bytes:
    """The same bytes each time: the header holds no clock, and pytest names the cases after them."""
    return gzip.compress(data, mtime=0)


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), sink)
    return sink.getvalue()


def zipped(**members: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


zstd = zstandard.compress
SKIPPABLE = b"\x51\x2a\x4d\x18\x02\x00\x00\x00ab"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("x.csv", CSV, ("csv", "none")),
        ("x", CSV, ("csv", "none")),
        ("x.2024", CSV, ("csv", "none")),
        ("X.TSV", b"\xef\xbb\xbfa\tb\n", ("csv", "none")),
        ("x.txt.gz", gzipped(CSV), ("csv", "gzip")),
        ("x.csv.zst", zstd(CSV), ("csv", "zstd")),
        ("x.zst", SKIPPABLE + zstd(CSV), ("csv", "zstd")),
        ("x.zip", zipped(a=CSV), ("csv", "zip")),
        ("x.csv.zip", zipped(a=CSV), ("csv", "zip")),
        ("x.json", b"\xef\xbb\xbf \n" + JSON, ("json", "none")),
        ("x.jsonl", JSON, ("json", "none")),
        ("x.json", LINES, ("jsonl", "none")),
        ("x.ndjson.gz", gzipped(LINES), ("jsonl", "gzip")),
        ("x.jsonl", b'{"a": \n{"a": 2}\n{"a": 3}\n', ("jsonl", "none")),
        ("x.jsonl", b'{"a":' * 100_000, ("jsonl", "none")),
        ("x.jsonl", b'{"a": "' + b"x" * 100_000 + b'"}\n', ("jsonl", "none")),
        ("x.pq", parquet(), ("parquet", "none")),
        ("x.parquet.gz", gzipped(parquet()), ("parquet", "gzip")),
        ("x.zst", zstd(parquet()), ("parquet", "zstd")),
        ("x.csv", b"a,b\n1,\xe9\n", ("csv", "none")),
        ("x.csv", b"PARTY,ORC\n1,2\n", ("csv", "none")),
        ("x.csv", "é".encode() * 50_000, ("csv", "none")),
    ],
)
def test_recognised(name: str, data: bytes, expected: tuple[str, str], write) -> None:
    assert recognise(write(data, name)) == expected


@pytest.mark.parametrize(
    ("name", "data", "fact"),
    [
        ("x.csv", b"", "is empty"),
        ("x.csv", b"\xef\xbb\xbf \r\n\t", "is empty"),
        ("x.gz", gzipped(b""), "is empty"),
        ("x.csv", "a,b".encode("utf-16"), "UTF-16"),
        ("x.csv", "a,b".encode("utf-32"), "UTF-32"),
        ("x.csv", "a,b\n1,2\n".encode("utf-16-le"), "UTF-16 text without"),
        ("x.csv", "a,b\n1,2\n".encode("utf-16-be"), "UTF-16 text without"),
        ("x.csv", "naïve,b\n".encode("latin-1"), "Latin-1"),
        ("x.csv", b"<!DOCTYPE html><html>", "HTML"),
        ("x.csv", lzma.compress(CSV), "xz"),
        ("x.csv", bz2.compress(CSV), "bzip2"),
        ("x.csv", b"7z\xbc\xaf\x27\x1c", "7z"),
        ("x.csv", b"%PDF-1.7", "PDF"),
        ("x.csv", b"ORC\n\x03\x00\x00", "ORC"),
        ("x.csv", b"Obj\x01\x04", "Avro"),
        ("x.csv", b"SQLite format 3\x00", "SQLite"),
        ("x.csv", pickle.dumps({"a": 1}), "pickle"),
        ("x.xlsx", zipped(**{"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "Excel"),
        ("x.zip", zipped(a=LINES), "zip archive of JSON Lines"),
        ("x.zip", zipped(a=CSV)[:-8], "damaged zip"),
        (
            "x.zip",
            zipped(a=CSV).replace(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\xff"),
            "damaged zip archive: zip file version 25.5",
        ),
        ("x.gz", gzipped(gzipped(CSV)), "compressed twice"),
        ("x.parquet", parquet()[:-4], "does not end as Parquet"),
        ("x.json", json.dumps({"rows": [{"a": 1}, {"a": 2}]}, indent=1).encode(), "first line is not a JSON object"),
        ("x.json", b'{"a": 1,\n"b": 2}\n', "first line is not a JSON object"),
        ("x.parquet", CSV, "named as Parquet, but its content looks like CSV"),
        ("x.csv", parquet(), "named as CSV, but its content looks like Parquet"),
        ("x.csv", JSON, "looks like JSON"),
        ("x.json", CSV, "looks like CSV"),
        ("x.csv", gzipped(CSV), "named as plain CSV, but its content is CSV, compressed with gzip"),
        ("x.csv.gz", CSV, "named as gzip, but its content is CSV"),
        ("x.zst", gzipped(CSV), "named as zstd"),
    ],
)
def test_refused(name: str, data: bytes, fact: str, write) -> None:
    with pytest.raises(SourceUnreadable) as error:
        recognise(write(data, name))
    assert fact in error.value.fact
    assert name in error.value.fact
    assert error.value.hint
