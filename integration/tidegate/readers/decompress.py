"""Decompression with our own checks, since no engine notices that a compressed file ends too early.

Every way out but the last byte of a file that is whole raises `SourceUnreadable`: a stream that ends in the middle, a
checksum that is wrong, bytes after the end, an archive that is more than one plain file, and a bomb.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers.admission import DECOMPRESSED, too_compressed, too_many_bytes

Compression = Literal["none", "gzip", "zstd", "zip"]

_CHUNK = 1 << 20
_SUSPECT_FROM = 100_000_000
"""How many bytes must be out before the ratio counts: small files may compress very well."""
_ZSTD_FEED = 2048
"""Four bytes of zstd can become 128 KB, and its decompressor gives all it has: feed little, and memory is bounded."""
_ZSTD_WINDOW = 1 << 27
_ANEW = "Compress and send the file anew."
ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, NotImplementedError, struct.error, ValueError)
"""What Python's reader of zip raises where an archive is damaged, or says that it needs a later version of zip."""


def decompress(path: str | Path, compression: Compression, limits: Resources) -> Iterator[bytes]:
    """The plain bytes of a file, in chunks.

    Args:
        path: the file as it came.
        compression: what `tidegate.readers.content.recognise` found.
        limits: `max_bytes` bounds what comes out, `max_compression_ratio` how much may come of how little.

    Raises:
        SourceUnreadable: the file is damaged, ends too early, or decompresses to more than the limits allow.
    """
    unpack = {"none": _plain, "gzip": _gzip, "zstd": _zstd, "zip": _zip}[compression]
    produced = 0
    try:
        with Path(path).open("rb") as file:
            size = max(1, file.seek(0, 2))
            file.seek(0)
            for chunk in unpack(file, path):
                produced += len(chunk)
                if produced > limits.max_bytes:
                    raise too_many_bytes(path, produced, limits.max_bytes, DECOMPRESSED)
                if produced > _SUSPECT_FROM and produced > size * limits.max_compression_ratio:
                    raise too_compressed(path, size, produced)
                yield chunk
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror or error}.") from None


def decompress_to(path: str | Path, compression: Compression, target: Path, limits: Resources) -> int:
    """Write the plain bytes of a file to `target`, and return how many they are. Raises as `decompress` does."""
    with target.open("wb") as out:
        return sum(out.write(chunk) for chunk in decompress(path, compression, limits))


def _plain(file: BinaryIO, path: str | Path) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _gzip(file: BinaryIO, path: str | Path) -> Iterator[bytes]:
    import gzip

    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except EOFError:
        raise _ends_in_the_middle(path, "gzip") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, "gzip", error) from None


def _zstd(file: BinaryIO, path: str | Path) -> Iterator[bytes]:
    import zstandard

    # A stream reader would take a frame that was cut off for its end; only this object knows better.
    frame = None
    out: list[bytes] = []
    try:
        while chunk := file.read(_CHUNK):
            for start in range(0, len(chunk), _ZSTD_FEED):
                rest = chunk[start : start + _ZSTD_FEED]
                while rest:
                    if frame is None:
                        frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
                    out.append(frame.decompress(rest))
                    rest = frame.unused_data if frame.eof else b""
                    frame = None if frame.eof else frame
                if sum(map(len, out)) >= _CHUNK:
                    yield b"".join(out)
                    out.clear()
        yield b"".join(out)
    except zstandard.ZstdError as error:
        raise _damaged(path, "zstd", error) from None
    if frame is not None:
        raise _ends_in_the_middle(path, "zstd")


def _zip(file: BinaryIO, path: str | Path) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(file) as archive:
            member = only_member(archive, path)
            _nothing_hidden(file, archive, member, path)
            with archive.open(member) as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
    except EOFError:
        raise _ends_in_the_middle(path, "zip") from None
    except ZIP_FAULTS as error:
        raise _damaged(path, "zip", error) from None


def only_member(archive: zipfile.ZipFile, path: str | Path) -> zipfile.ZipInfo:
    """The one plain file that an archive may hold. Raises `SourceUnreadable` for any other archive."""
    members = archive.infolist()
    if len(members) != 1:
        raise SourceUnreadable(
            f"{path} is a zip archive of {len(members)} entries.", "A zip archive must hold exactly one CSV file."
        )
    member = members[0]
    name, mode = member.orig_filename, member.external_attr >> 16
    fault = None
    if "/" in name or "\\" in name or name in ("", ".", ".."):
        fault = f"whose entry {name!r} lies in a folder or is one"
    elif mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        fault = f"whose entry {name!r} is not a regular file"
    elif member.flag_bits & 0x41:
        fault = "that is encrypted"
    elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        fault = "with a rare compression method"
    if fault:
        raise SourceUnreadable(f"{path} is a zip archive {fault}.", "A zip archive must hold exactly one CSV file.")
    return member


def _nothing_hidden(file: BinaryIO, archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str | Path) -> None:
    """Refuse entries that overlap the directory, and bytes that no entry owns."""
    file.seek(member.header_offset)
    name_length, extra_length = struct.unpack("<26x2H", file.read(30))
    end = member.header_offset + 30 + name_length + extra_length + member.compress_size
    descriptor = 24 if member.flag_bits & 0x08 else 0
    if member.header_offset != 0 or not end <= archive.start_dir <= end + descriptor:
        raise SourceUnreadable(f"{path} is a zip archive whose directory contradicts its content.", _ANEW)


def _ends_in_the_middle(path: str | Path, kind: str) -> SourceUnreadable:
    return SourceUnreadable(f"{path} ends in the middle of its {kind} data: it was cut off.", _ANEW)


def _damaged(path: str | Path, kind: str, error: Exception) -> SourceUnreadable:
    reason = " ".join(str(error).split())[:200]
    if "CRC" in reason or "length of data" in reason or "checksum" in reason:
        return SourceUnreadable(f"{path} is damaged: the checksum of its {kind} data is wrong ({reason}).", _ANEW)
    return SourceUnreadable(
        f"{path} is damaged or is followed by other bytes: its {kind} data is wrong ({reason}).", _ANEW
    )
