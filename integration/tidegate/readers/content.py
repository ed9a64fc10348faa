"""What a file is, by its content. Its name is only held against that."""

from __future__ import annotations

import codecs
import json
import re
import zipfile
from pathlib import Path, PurePath
from typing import Literal

from tidegate.config import Resources
from tidegate.errors import SourceUnreadable
from tidegate.readers.decompress import ZIP_FAULTS, Compression, decompress, only_member

Format = Literal["csv", "json", "jsonl", "parquet"]

_HEAD = 1 << 16
_TAKEN = "CSV, JSON, JSON Lines and Parquet are read, each also compressed with gzip or zstd, and CSV in a zip archive."
_WHITE = b" \t\r\n"

_COMPRESSIONS: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
_ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")

_REFUSED: tuple[tuple[bytes, str], ...] = (
    (rb"\xff\xfe\0\0|\0\0\xfe\xff", "UTF-32 text"),
    (rb"\xff\xfe|\xfe\xff", "UTF-16 text"),
    (rb"\xfd7zXZ\0", "xz-compressed"),
    (rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", "bzip2-compressed"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (rb"Rar!\x1a\x07", "a RAR archive"),
    (rb"PK\x05\x06", "an empty zip archive"),
    (rb"\x04\x22\x4d\x18", "lz4-compressed"),
    (rb"\xff\x06\0\0sNaPpY", "snappy-compressed"),
    (rb"\x1f[\x9d\xa0]", "compressed with compress"),
    (rb"(?s:.{257})ustar", "a tar archive"),
    (rb"%PDF-", "a PDF"),
    (rb"\xd0\xcf\x11\xe0", "an old Microsoft Office file"),
    (rb"ORC(?s:.*)\0", "an ORC file"),
    (rb"Obj\x01", "an Avro file"),
    (rb"SQLite format 3\0", "an SQLite database"),
    (rb"ARROW1\0\0|FEA1", "an Arrow or Feather file"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (rb"\x80[\x02-\x05]", "a Python pickle"),
    (rb"\x7fELF|MZ\x90\0", "a program"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a", "an image"),
)

_NAMES: dict[str, tuple[str, str]] = {
    ".csv": ("CSV", "csv"), ".tsv": ("CSV", "csv"), ".txt": ("CSV", "csv"),
    ".json": ("JSON", "json"), ".jsonl": ("JSON Lines", "json"), ".ndjson": ("JSON Lines", "json"),
    ".parquet": ("Parquet", "parquet"), ".pq": ("Parquet", "parquet"),
}  # fmt: skip
_COMPRESSED_NAMES = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".zip": "zip"}
_TITLES = {"csv": "CSV", "json": "JSON", "jsonl": "JSON Lines", "parquet": "Parquet"}


def recognise(path: str | Path, name: str | None = None) -> tuple[Format, Compression]:
    """The format and the compression of a file, by its first bytes (and Parquet's last).

    Args:
        path: where it lies.
        name: what it is called where it comes from, if that is not how it is called here.

    Raises:
        SourceUnreadable: it is empty, is something else (which is named), is not UTF-8, or its name says otherwise.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(max(0, file.seek(0, 2) - 4))
            tail = file.read()
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}.") from None
    compression = _compression(head)
    if compression != "none":
        if compression == "zip":
            _refuse_office(path)
        head, tail = _decompressed_head(path, compression), b"PAR1"
        if _compression(head) != "none":
            raise SourceUnreadable(f"{path} is compressed twice.", "Compress it once.")
    format = _format(path, head, tail)
    if compression == "zip" and format != "csv":
        raise SourceUnreadable(f"{path} is a zip archive of {_TITLES[format]}.", _TAKEN)
    _hold_against_name(path, name if name is not None else path.name, format, compression)
    return format, compression


def _compression(head: bytes) -> Compression:
    if _ZSTD_SKIPPABLE.match(head):
        return "zstd"
    return next((kind for magic, kind in _COMPRESSIONS.items() if head.startswith(magic)), "none")


def _decompressed_head(path: Path, compression: Compression) -> bytes:
    head = b""
    for chunk in decompress(path, compression, Resources()):
        head += chunk[:_HEAD]
        if len(head) >= _HEAD:
            break
    return head[:_HEAD]


def _refuse_office(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "[Content_Types].xml" in names or any(name.startswith("xl/") for name in names):
                workbook = any(name.startswith("xl/") for name in names)
                kind = "an Excel workbook" if workbook else "a Microsoft Office file"
                raise SourceUnreadable(f"{path} is {kind}.", f"Export it as CSV (UTF-8). {_TAKEN}")
            only_member(archive, path)
    except (*ZIP_FAULTS, OSError) as error:
        raise SourceUnreadable(
            f"{path} is a damaged zip archive: {error}.", "Was it cut off? Compress and send it anew."
        ) from None


def _format(path: Path, head: bytes, tail: bytes) -> Format:
    if head.startswith(b"PAR1"):
        if tail == b"PAR1":
            return "parquet"
        raise SourceUnreadable(
            f"{path} begins as Parquet but does not end as Parquet.", "It was cut off. Write and send it anew."
        )
    for magic, kind in _REFUSED:
        if re.match(magic, head):
            raise SourceUnreadable(f"{path} is {kind}.", _remedy(kind))
    text = head.removeprefix(codecs.BOM_UTF8).lstrip(_WHITE)
    if not text:
        raise SourceUnreadable(f"{path} is empty.", "It must hold at least a header, or one JSON record.")
    if any(len(half) >= 4 and half.count(0) * 2 > len(half) for half in (head[:200:2], head[1:200:2])):
        kind = "UTF-16 text without a byte order mark"
        raise SourceUnreadable(f"{path} looks like {kind}.", _remedy(kind))
    if text.startswith(b"<"):
        raise SourceUnreadable(
            f"{path} is an HTML or XML page.", f"Is it the login or error page of a download? {_TAKEN}"
        )
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        _refuse_one_object(path, text, whole=len(head) < _HEAD)
        return "jsonl"
    _refuse_other_encoding(path, text)
    return "csv"


def _remedy(kind: str) -> str:
    return "Save it as UTF-8." if kind.startswith("UTF-") else _TAKEN


def _refuse_one_object(path: Path, text: bytes, whole: bool) -> None:
    """Tell JSON Lines, of which a line may be broken, from one object that is spread over many lines."""
    lines = text.split(b"\n")
    if not whole:
        lines.pop()
    lines = [line for line in lines if line.strip()][:100]
    if lines and sum(map(_may_be_object, lines)) * 2 < len(lines):
        raise SourceUnreadable(
            f"{path} begins with {{, but its first line is not a JSON object by itself.",
            "A JSON file must be an array of objects, [{...}, {...}], or one object per line.",
        )


def _may_be_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except RecursionError:
        return True  # the reader will say that it is nested too deep
    except ValueError:
        return False


def _refuse_other_encoding(path: Path, text: bytes) -> None:
    header = re.split(rb"[\r\n]", text, maxsplit=1)[0]
    try:
        # A head may end within a character: that is no fault.
        codecs.getincrementaldecoder("utf-8")().decode(header, final=len(header) < len(text))
    except UnicodeDecodeError:
        raise SourceUnreadable(
            f"{path} is not UTF-8 (its header looks like Latin-1 / Windows-1252).", "Save it as UTF-8."
        ) from None


def _hold_against_name(path: Path, name: str, format: Format, compression: Compression) -> None:
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    named_compression = _COMPRESSED_NAMES.get(suffixes[-1]) if suffixes else None
    if named_compression:
        suffixes.pop()
    named, family = _NAMES.get(suffixes[-1], (None, None)) if suffixes else (None, None)
    found = _TITLES[format] + ("" if compression == "none" else f", compressed with {compression}")
    hint = "Give the file the name that fits its content, or send the right file."
    if (named_compression or named) and (named_compression or "none") != compression:
        says = named_compression or f"plain {named}"
        raise SourceUnreadable(f"{path} is named as {says}, but its content is {found}.", hint)
    if family and family != ("json" if format == "jsonl" else format):
        raise SourceUnreadable(f"{path} is named as {named}, but its content looks like {found}.", hint)
