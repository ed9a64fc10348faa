"""The grammar of CSV (RFC 4180) as regular expressions over bytes.

Delimiters, quotes and newlines are ASCII, so in UTF-8 a byte that looks like one is one. Every quantifier is
possessive: a record is read in one pass over its bytes, whatever they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

DELIMITERS = (",", ";", "\t", "|")
_NEWLINE = rb"(?:\n|\r\n?+)"
NEWLINE = re.compile(_NEWLINE)


@dataclass(frozen=True)
class Grammar:
    """Patterns for one delimiter.

    Attributes:
        field: one field, quoted (group 1 is what is between the quotes) or not.
        record: one record of any number of fields, with its newline. A blank line is a record of one empty field.
        beginning: what may still become a record when more bytes follow; it matches up to the end of the bytes.
    """

    field: re.Pattern[bytes]
    record: re.Pattern[bytes]
    beginning: re.Pattern[bytes]

    def fields(self, record: bytes) -> list[bytes]:
        """The fields of what `record` matched, without quotes."""
        return [match[0] if match[1] is None else match[1].replace(b'""', b'"') for match in self._matches(record)]

    def count(self, record: bytes) -> int:
        """How many fields there are in what `record` matched."""
        return sum(1 for _ in self._matches(record))

    def _matches(self, record: bytes) -> Iterator[re.Match[bytes]]:
        position = 0
        while match := self.field.match(record, position):
            yield match
            position = match.end() + 1
            if record[match.end() : position] in (b"\r", b"\n", b""):
                break


@cache
def grammar(delimiter: str) -> Grammar:
    """The patterns for a delimiter."""
    d = re.escape(delimiter).encode()
    quoted = rb'"(?:[^"]++|"")*+'
    plain = rb'(?:[^"\r\n%b][^\r\n%b]*+)?+' % (d, d)
    field = rb'(?:%b"|%b)' % (quoted, plain)
    return Grammar(
        field=re.compile(rb'"((?:[^"]++|"")*+)"|%b' % plain),
        record=re.compile(rb"(?:%b%b)*+%b%b" % (field, d, field, _NEWLINE)),
        beginning=re.compile(rb'(?:%b%b)*+(?:%b"?+|%b)\Z' % (field, d, quoted, plain)),
    )


@cache
def sound_records(delimiter: str, fields: int, *, many: bool) -> re.Pattern[bytes]:
    """Records with the right number of fields and without NUL, and blank lines between them: one or `many`."""
    d = re.escape(delimiter).encode()
    field = rb'(?:"(?:[^"\0]++|"")*+"|(?:[^"\r\n\0%b][^\r\n\0%b]*+)?+)' % (d, d)
    record = rb"%b(?:%b%b){%d}%b" % (field, d, field, fields - 1, _NEWLINE)
    either = record if fields == 1 else rb"(?:%b|%b)" % (record, _NEWLINE)
    return re.compile(rb"(?:%b)%b" % (either, b"*+" if many else b"?+"))
