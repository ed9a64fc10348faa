"""Rows 1 to 7: what files are packed in. Nothing is taken from a container that is not whole and what it says."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

import zstandard
from tests.hostile.harness import Case, Gate, file, params

CSV = "id,value\n" + "".join(f"r{n},{n}\n" for n in range(500))
BOMB = b"id,value\n" + b"a,1\n" * 27_000_000  # more than 100 MB, from which on the ratio counts


def gz(text: str | bytes) -> bytes:
    return gzip.compress(text.encode() if isinstance(text, str) else text, mtime=0)


def zst(text: str | bytes) -> bytes:
    return zstandard.compress(text.encode() if isinstance(text, str) else text)


def flipped(data: bytes, place: int) -> bytes:
    damaged = bytearray(data)
    damaged[place] ^= 0x10
    return bytes(damaged)


def zipped(*members: tuple[str, str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return sink.getvalue()


def overlapping() -> bytes:
    """A zip archive whose directory lists the one entry twice, so that its bytes are unpacked twice."""
    data = zipped(("a.csv", CSV))
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 2, 2, 2 * len(entry))
    return data[:end] + entry.replace(b"a.csv", b"b.csv") + bytes(tail)


def over_the_directory() -> bytes:
    """A zip archive whose one entry says that it goes on into the directory."""
    data = bytearray(zipped(("a.csv", CSV)))
    start = data.index(b"PK\x01\x02")
    (size,) = struct.unpack_from("<I", data, start + 20)
    struct.pack_into("<I", data, start + 20, size + 20)
    struct.pack_into("<I", data, 18, size + 20)
    return bytes(data)


SMALL = {"resources": {"max_bytes": 2000}}
CASES = (
    Case(1, "truncated gz, half", file("x.csv.gz", gz(CSV)[:-400]), "unreadable",
         "ends in the middle of its gzip data"),
    Case(1, "truncated gz, last byte", file("x.csv.gz", gz(CSV)[:-1]), "unreadable", "ends in the middle of its gzip"),
    Case(2, "truncated zst, half", file("x.csv.zst", zst(CSV)[:-400]), "unreadable", "ends in the middle of its zstd"),
    Case(2, "truncated zst, last byte", file("x.csv.zst", zst(CSV)[:-1]), "unreadable",
         "ends in the middle of its zst"),
    Case(3, "gz with a flipped bit", file("x.csv.gz", flipped(gz(CSV), 400)), "unreadable", "x.csv.gz is damaged"),
    Case(3, "gz with a zeroed CRC", file("x.csv.gz", gz(CSV)[:-8] + bytes(4) + gz(CSV)[-4:]), "unreadable",
         "the checksum of its gzip data is wrong"),
    Case(4, "gz of too many bytes", file("x.csv.gz", gz(CSV)), "unreadable",
         "bytes or more when decompressed; resources.max_bytes allows 2000", config=SMALL),
    Case(4, "zst of too many bytes", file("x.csv.zst", zst(CSV)), "unreadable",
         "bytes or more when decompressed; resources.max_bytes allows 2000", config=SMALL),
    Case(4, "gz of too high a ratio", lambda folder: file("x.csv.gz", gz(BOMB))(folder), "unreadable",
         "looks like a decompression bomb", config={"resources": {"max_compression_ratio": 100}}),
    Case(4, "zst of too high a ratio", lambda folder: file("x.csv.zst", zst(BOMB))(folder), "unreadable",
         "looks like a decompression bomb"),
    Case(5, "zip with an entry listed twice", file("x.zip", overlapping()), "unreadable", "a zip archive of 2 entries"),
    Case(5, "zip with an entry over the directory", file("x.zip", over_the_directory()), "unreadable",
         "a zip archive whose directory contradicts its content"),
    Case(6, "zip member that climbs", file("x.zip", zipped(("../../evil.csv", CSV))), "unreadable",
         "whose entry '../../evil.csv' lies in a folder"),
    Case(6, "zip with two members", file("x.zip", zipped(("a.csv", CSV), ("b.csv", CSV))), "unreadable",
         "a zip archive of 2 entries"),
    Case(7, "csv named as Parquet", file("x.parquet", CSV), "unreadable",
         "x.parquet is named as Parquet, but its content looks like CSV"),
    Case(7, "gz named as plain csv", file("x.csv", gz(CSV)), "unreadable",
         "x.csv is named as plain CSV, but its content is CSV, compressed with gzip"),
    Case(7, "a PDF named as csv", file("x.csv", b"%PDF-1.7\n" + CSV.encode()), "unreadable", "x.csv is a PDF"),
    Case(7, "the beginning of Parquet only", file("x.parquet", b"PAR1" + CSV.encode()), "unreadable",
         "begins as Parquet but does not end as Parquet"),
)  # fmt: skip


@params(CASES)
def test_a_container(case: Case, gate: Gate) -> None:
    gate.holds(case)
