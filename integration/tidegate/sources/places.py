"""What every place outside this machine can do, so that `tidegate.sources.fetch` can read from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol


class Transient(Exception):
    """A fault that may pass, in a few words of ours: the line broke, the server is busy.

    What a library or a server says is not quoted: it may hold the URL, with all that is secret in it.
    """

    def __init__(self, reason: str, wait: float = 0) -> None:
        self.reason, self.wait = reason, wait
        super().__init__(reason)


@dataclass(frozen=True)
class Answer:
    """A remote file, opened.

    Attributes:
        chunks: its bytes from where they were asked for. Ends early or raises `Transient` where the line breaks.
        size: of the whole file, in bytes; None where it is known at the end only.
        version: what changes when the file does. None where nothing does: then it cannot be read in parts.
        checksums: of the whole file, in hexadecimal, by algorithm: sha256, sha1, md5, crc32.
    """

    chunks: Iterator[bytes]
    size: int | None
    version: str | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)


class RemoteFile(Protocol):
    """One file of a place outside this machine."""

    @property
    def uri(self) -> str:
        """What receipts and messages call it, without secrets."""

    @property
    def name(self) -> str:
        """Its own name there, whose ending is held against the content."""

    def open(self, start: int, stop: int | None, version: str | None) -> AbstractContextManager[Answer]:
        """Open it at byte `start`, up to `stop` or its end.

        Args:
            start: 0 if `version` is None.
            version: what it must still be.

        Raises:
            Transient: another try may help.
            SourceUnreadable: none will; also where it is no longer `version`.
        """
