"""How a CSV file is written: its delimiter, header and newline, judged by the contract and never by guessing."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.errors import SourceUnreadable, nearest
from tidegate.readers.admission import too_many_columns
from tidegate.readers.csv_syntax import DELIMITERS, NEWLINE, Grammar, grammar
from tidegate.readers.names import NOT_COUNTED, loosely, twins

_SAMPLE = 10
_WINDOW = 1 << 20


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV file is written.

    Attributes:
        delimiter: one of ``, ; tab |``.
        header: the names of the columns, in the file's order.
        header_bytes: how many bytes the header takes, with a byte order mark and its newline.
        newline: what ends the header.
    """

    delimiter: str
    header: tuple[str, ...]
    header_bytes: int
    newline: str


def read_dialect(
    path: str | Path, columns: Sequence[Column], limits: Resources, patterns: Sequence[str] = ()
) -> CsvDialect:
    """The dialect of a CSV file: the delimiter is the one that finds most of the contract's columns in the header.

    There a name counts also in another case, or with other signs between its words: then it is misspelt, and tells all
    the same that this line is the header.

    Args:
        path: the plain file.
        columns: the contract's.
        limits: `max_columns`; the header may be as long as a cell, and a megabyte always.
        patterns: regular expressions for the beginnings of further names.

    Raises:
        SourceUnreadable: there is no header, or it cannot tell which cell belongs to which column.
    """
    head, ended = _head(path, max(limits.max_cell_bytes, _WINDOW))
    bom = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    text = head[bom:]
    known = {loosely(column.name) for column in columns}
    best: tuple[int, str, bytes, list[str]] | None = None
    for delimiter in DELIMITERS:
        match = grammar(delimiter).record.match(text)
        if match is None or (match.end() == len(text) and not ended):
            continue
        names = _names(path, grammar(delimiter), match[0])
        found = sum(loosely(name) in known or any(re.match(pattern, name) for pattern in patterns) for name in names)
        if best is None or found > best[0]:
            best = found, delimiter, match[0], names
    if best is None:
        raise SourceUnreadable(
            f"{path} has no header: its first line is broken or longer than {len(head)} bytes.",
            "The first line must name the columns.",
        )
    found, delimiter, raw, names = best
    if not found:
        raise _no_header(path, names, raw, columns)
    _check_names(path, names, limits.max_columns)
    _check_first_records(path, grammar(delimiter), text[len(raw) :], len(names))
    newline = "\r\n" if raw.endswith(b"\r\n") else "\r" if raw.endswith(b"\r") else "\n"
    header_bytes = min(bom + len(raw), Path(path).stat().st_size)  # a file may end without a newline
    return CsvDialect(delimiter, tuple(names), header_bytes, newline)


def _head(path: str | Path, size: int) -> tuple[bytes, bool]:
    """The first bytes, and whether they are all; then they end with a newline, be it ours."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(size)
            ended = not file.read(1)
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}.") from None
    return (head + b"\n" if ended and not head.endswith((b"\n", b"\r")) else head), ended


def _names(path: str | Path, syntax: Grammar, raw: bytes) -> list[str]:
    try:
        return [name.decode() for name in syntax.fields(raw)]
    except UnicodeDecodeError:
        raise SourceUnreadable(f"{path} is not UTF-8: its header cannot be decoded.", "Save it as UTF-8.") from None


def _no_header(path: str | Path, names: list[str], raw: bytes, columns: Sequence[Column]) -> SourceUnreadable:
    reads = ""
    if not any(column.personal for column in columns):
        reads = f"; the first line reads {raw.decode().rstrip()[:200]!r}"
    return SourceUnreadable(
        f"{path} has no header, or the header names no column of the contract{reads}.",
        "The first line must name the columns. " + nearest(names[0] if reads else "", (c.name for c in columns)),
    )


def _check_names(path: str | Path, names: list[str], most: int) -> None:
    if len(names) > most:
        raise too_many_columns(path, len(names), most)
    for number, name in enumerate(names, start=1):
        if not name.strip():
            raise SourceUnreadable(
                f"{path}: column {number} of {len(names)} has no name.", "Name it, or remove the delimiter too many."
            )
        if "\0" in name:
            raise SourceUnreadable(f"{path}: the name of column {number} holds a NUL character.", "Write it anew.")
    if same := twins(names):
        raise SourceUnreadable(
            f"{path} has two columns of one name: {same[0]!r} and {same[1]!r}.", f"{NOT_COUNTED} Rename or remove one."
        )


def _check_first_records(path: str | Path, syntax: Grammar, text: bytes, fields: int) -> None:
    """Refuse a file in which every record contradicts the header: that is no matter of single records."""
    counts: list[int] = []
    position = 0
    while len(counts) < _SAMPLE and (match := syntax.record.match(text, position)):
        position = match.end()
        if not NEWLINE.fullmatch(match[0]):
            counts.append(syntax.count(match[0]))
    if len(counts) > 1 and len(set(counts)) == 1 and counts[0] != fields:
        difference = abs(counts[0] - fields)
        than = f"{difference} field{'s' * (difference > 1)} {'more' if counts[0] > fields else 'fewer'}"
        raise SourceUnreadable(
            f"{path}: every record has {than} than the header ({counts[0]} and {fields}).",
            "Does the header lack a name, such as that of an index column?",
        )
