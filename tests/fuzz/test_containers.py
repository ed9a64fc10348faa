"""What a file is, and what is in its container: nothing comes out of a damaged one, whatever was done to it."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Hashable
from pathlib import Path

import pytest
import zstandard
from tests.fuzz.fuzzer import fuzz, told

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers import decompress as module
from tidegate.readers.content import recognise
from tidegate.readers.decompress import Compression, decompress

CSV = b"id,value\n" + b"".join(b"r%d,%d\n" % (n, n * n) for n in range(60))
LIMITS = Resources(max_bytes=1 << 20)


def zstd(data: bytes, **how: bool) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=how.get("checksum", True)).compress(data)


def zipped(*members: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", kind) as archive:
        for name, text in members:
            archive.writestr(zipfile.ZipInfo(name), text, kind)
        archive.comment = comment
    return sink.getvalue()


def streamed(data: bytes) -> bytes:
    """A zip archive that was written to a pipe: sizes come after the data."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    sink = Pipe()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", data)
    return sink.getvalue()


NOISE = random.Random(0).randbytes(300)
GZIP = (gzip.compress(CSV, mtime=0), gzip.compress(CSV[:90], mtime=0) + gzip.compress(CSV[90:], mtime=0),
        gzip.compress(b"", mtime=0), gzip.compress(NOISE, mtime=0), gzip.compress(CSV,
        mtime=0) + bytes(9))  # fmt: skip
ZSTD = (zstd(CSV), zstd(CSV, checksum=False), zstd(CSV[:90]) + zstd(CSV[90:]), zstd(NOISE), zstd(b"\0" * 50_000),
        b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd(CSV),
        zstandard.ZstdCompressor().compressobj().compress(CSV))  # fmt: skip
ZIP = (zipped(("a.csv", CSV)), zipped(("a.csv", CSV), kind=zipfile.ZIP_STORED), streamed(CSV), zipped(("a.csv", b"")),
       zipped(("a.csv", CSV), ("b.csv", CSV)), zipped(("a.csv", CSV), comment=b"hello"),
       zipped(("[Content_Types].xml", CSV)), zipped(("../a.csv", CSV)))  # fmt: skip
PLAIN = (CSV, b"[{}]", b'{"a": 1}\n{"a": 2}\n', b"", b"  \n", b"<html>", CSV.decode().encode("utf-16"), b"PAR1xxxxPAR1",
         b"%PDF-1.7", b"caf\xe9,b\n1,2\n", b"\x80\x04", b"\x89PNG")  # fmt: skip
TOKENS = (
    b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07", b"PK\x07\x08", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0", b"a.csv", b"PAR1", b"\xef\xbb\xbf",
    b"[", b"{",
    b"<", b"\xff\xfe", b"../",
)  # fmt: skip


def unpacked(path: Path, compression: Compression) -> bytes:
    return b"".join(decompress(path, compression, LIMITS))


@pytest.mark.parametrize("compression", ["gzip", "zstd", "zip"])
def test_decompress(compression: Compression, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"

    def target(data: bytes) -> Hashable:
        path.write_bytes(data)
        try:
            plain = unpacked(path, compression)
        except SourceUnreadable as error:
            with monkeypatch.context() as patch:
                _small_chunks(patch, len(data))
                with pytest.raises(SourceUnreadable):
                    unpacked(path, compression)
            return told(error)
        with monkeypatch.context() as patch:
            _small_chunks(patch, len(data))
            assert unpacked(path, compression) == plain
        assert plain == _by_another(data, compression)
        return len(plain).bit_length(), plain == CSV

    seeds = {"gzip": GZIP, "zstd": ZSTD, "zip": ZIP}[compression]
    fuzz(f"decompress {compression}", target, seeds, TOKENS)


def _small_chunks(patch: pytest.MonkeyPatch, size: int) -> None:
    patch.setattr(module, "_CHUNK", 1 + size % 64)
    patch.setattr(module, "_ZSTD_FEED", 1 + size % 7)


def _by_another(data: bytes, compression: Compression) -> bytes:
    """What another reader makes of a whole file."""
    if compression == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.read(archive.namelist()[0])
    plain = b""
    while data:
        if compression == "gzip":
            member = zlib.decompressobj(31)
            try:
                plain += member.decompress(data)
            except zlib.error as error:
                if "header" in str(error):  # flags without a meaning, over which Python's own reader passes
                    return plain + gzip.decompress(data)
                raise
            assert member.eof, "a member that does not end was taken for whole"
            data = member.unused_data.lstrip(b"\0")  # padding, which gzip allows
        else:
            frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
            plain += frame.decompress(data)
            assert frame.eof, "a frame that does not end was taken for whole"
            data = frame.unused_data
    return plain


def test_recognise(tmp_path: Path) -> None:
    path = tmp_path / "x"

    def target(data: bytes) -> Hashable:
        path.write_bytes(data)
        try:
            format, compression = recognise(path)
        except SourceUnreadable as error:
            return told(error)
        if compression == "none":
            start = data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")[:1]
            assert (format == "json") == (start == b"[")
            assert (format == "jsonl") == (start == b"{")
            assert format != "parquet" or data.endswith(b"PAR1")
        named = path.with_suffix({"csv": ".parquet"}.get(format, ".csv"))
        with pytest.raises(SourceUnreadable, match="is named as"):
            recognise(path, named.name)
        return format, compression

    fuzz("recognise", target, (*PLAIN, *GZIP, *ZSTD, *ZIP), TOKENS)
