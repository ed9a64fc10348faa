"""Decompression: whole files come out as they went in, and all others are refused."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers.decompress import Compression, decompress, decompress_to

PLAIN = random.Random(1).randbytes(300_000) + b"a,b\n" * 700_000
SKIPPABLE = b"\x51\x2a\x4d\x18\x02\x00\x00\x00ab"
LIMITS = Resources()


def gzipped(data: bytes) -> bytes:
    """The same bytes each time: the header holds no clock, and pytest names the cases after them."""
    return gzip.compress(data, mtime=0)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def zipped(data: bytes = b"a,b\n", name: str = "a.csv", mode: int = 0o100644, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", how) as archive:
        member = zipfile.ZipInfo(name)
        member.external_attr, member.compress_type = mode << 16, how
        archive.writestr(member, data)
    return sink.getvalue()


PACK: dict[Compression, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd, "zip": zipped, "none": bytes}


@pytest.mark.parametrize("compression", PACK)
def test_a_whole_file_comes_out(compression: Compression, write, tmp_path: Path) -> None:
    target = tmp_path / "plain"
    size = decompress_to(write(PACK[compression](PLAIN)), compression, target, LIMITS)
    assert size == len(PLAIN)
    assert target.read_bytes() == PLAIN


@pytest.mark.parametrize(
    ("compression", "data"),
    [
        ("gzip", gzipped(b"ab") + gzipped(b"") + gzipped(b"c")),
        ("gzip", gzipped(b"abc") + bytes(512)),
        ("zstd", zstd(b"ab") + SKIPPABLE + zstd(b"") + zstd(b"c")),
        ("zstd", SKIPPABLE + zstd(b"abc") + SKIPPABLE),
        ("zip", zipped(b"abc", how=zipfile.ZIP_STORED)),
    ],
)
def test_several_members(compression: Compression, data: bytes, write) -> None:
    assert b"".join(decompress(write(data), compression, LIMITS)) == b"abc"


def refused(path: Path, compression: Compression, limits: Resources = LIMITS) -> str:
    with pytest.raises(SourceUnreadable) as error:
        for _ in decompress(path, compression, limits):
            pass
    assert error.value.hint
    return error.value.fact


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("cut", [1, 4, 100, 200_000])
def test_cut_off(compression: Compression, cut: int, write) -> None:
    assert "ends in the middle" in refused(write(PACK[compression](PLAIN)[:-cut]), compression)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_cut_off_in_a_later_member(compression: Compression, write) -> None:
    pack = PACK[compression]
    assert "ends in the middle" in refused(write(pack(b"abc") + pack(b"def")[:-3]), compression)


@pytest.mark.parametrize(
    ("compression", "position"),
    [("gzip", -6), ("zstd", -2), ("zip", -57), ("gzip", 5000), ("zstd", 5000), ("zip", 5000)],
)
def test_a_flipped_byte(compression: Compression, position: int, write) -> None:
    data = bytearray(PACK[compression](PLAIN))
    data[position] ^= 0x10
    assert "is damaged" in refused(write(bytes(data)), compression)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_bytes_after_the_end(compression: Compression, write) -> None:
    assert "followed by other bytes" in refused(write(PACK[compression](b"abc") + b"garbage"), compression)


@pytest.mark.parametrize("compression", PACK)
def test_the_limit_on_bytes_is_exact_and_named(compression: Compression, write) -> None:
    path = write(PACK[compression](b"x" * 5000))
    assert len(b"".join(decompress(path, compression, Resources(max_bytes=5000)))) == 5000
    with pytest.raises(SourceUnreadable, match=r"resources\.max_bytes"):
        list(decompress(path, compression, Resources(max_bytes=4999)))


@pytest.mark.parametrize("compression", ["gzip", "zstd", "zip"])
def test_a_bomb(compression: Compression, write) -> None:
    path = write(PACK[compression](bytes(150_000_000)))
    assert "bomb" in refused(path, compression, Resources(max_compression_ratio=500))


def two_members() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a.csv", "a\n")
        archive.writestr("b.csv", "b\n")
    return sink.getvalue()


def hidden_member() -> bytes:
    """Two members, of which the directory lists the second only."""
    data = two_members()
    start = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", start + 4)
    end = data.index(b"PK\x05\x06")
    tail = bytearray(data[end:])
    struct.pack_into("<HHII", tail, 8, 1, 1, end - second, start)
    return data[:start] + data[second:end] + bytes(tail)


def encrypted() -> bytes:
    data = bytearray(zipped())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (two_members(), "2 entries"),
        (hidden_member(), "contradicts"),
        (zipped(name="../../evil.csv"), "lies in a folder"),
        (zipped(name="x/a.csv"), "lies in a folder"),
        (zipped(name="..\\evil.csv"), "lies in a folder"),
        (zipped(name="x/", mode=0o40755), "lies in a folder"),
        (zipped(b"/etc/passwd", mode=0o120777), "not a regular file"),
        (zipped(how=zipfile.ZIP_LZMA), "rare compression"),
        (encrypted(), "encrypted"),
        (b"MZ" + zipped(), "contradicts"),
        (zipped()[:-10], "is damaged"),
    ],
)
def test_a_zip_archive_holds_one_plain_file(data: bytes, fact: str, write) -> None:
    assert fact in refused(write(data), "zip")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["gzip", "zstd", "zip"]), st.data())
def test_no_damage_passes_for_other_content(compression: Compression, data: st.DataObject) -> None:
    """A byte changed or the end cut off: refused, or (where the byte means nothing) the same content."""
    import tempfile

    plain = b"a,b\n1,2\n" * 50
    packed = bytearray(PACK[compression](plain))
    position = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        packed[position] ^= data.draw(st.integers(1, 255))
    else:
        del packed[position:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(packed)
        try:
            found = b"".join(decompress(path, compression, LIMITS))
        except SourceUnreadable:
            return
    assert found == plain or (not packed and found == b"")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="cannot be read"):
        list(decompress(tmp_path / "x", "gzip", LIMITS))
