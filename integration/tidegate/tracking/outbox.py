"""The outbox: what a tracking server is to be told and does not have yet.

One folder for each outcome, private, in place whole or not at all: the run as JSON, and the files that go with it. It
is put there before anything is sent and removed when all was, so neither a server that is down nor a kill loses it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

_RUN, _FILES, _LOCK = "run.json", "files", "lock"


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(_Stored):
    """One dataset of a run. `source`, `columns` and `profile` are what the tracking server keeps as JSON.

    The last two are None where they are not known, and in what an earlier version of Tidegate put here.
    """

    context: str
    name: str
    digest: str
    kind: str
    source: dict[str, Any]
    columns: dict[str, Any] | None = None
    profile: dict[str, Any] | None = None


class Run(_Stored):
    """One outcome as a tracking server gets it, in plain values.

    Attributes:
        integration: what identifies the integration.
        receipt_digest: with it, what identifies the outcome.
        server: where it goes, without a password; None for the embedded store.
        time: milliseconds since 1970, of the metrics.
    """

    integration: str
    receipt_digest: str
    server: str | None
    experiment: str
    name: str
    time: int
    tags: dict[str, str]
    parameters: dict[str, str]
    metrics: dict[str, float]
    inputs: tuple[Input, ...]


class Entry:
    """One folder of the outbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def files(self) -> Path:
        """The files that go with the run."""
        return self.folder / _FILES

    def run(self) -> Run | None:
        """The run; None where the entry is gone, or is none."""
        try:
            return Run.model_validate_json((self.folder / _RUN).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Whether the entry is ours until the end of the block; not where another delivers it, or has done so."""
        try:
            lock = (self.folder / _LOCK).open("w")
        except (FileNotFoundError, NotADirectoryError):
            yield False
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield (self.folder / _RUN).exists()

    def remove(self) -> None:
        """Take the entry out: the run first, for without it there is no entry."""
        (self.folder / _RUN).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)


def put(outbox: Path, run: Run, files: Path) -> Entry:
    """Put a run into the outbox, with the files of a folder. What waits there already stays as it is.

    Raises:
        OSError: the folder cannot be written.
    """
    outbox.mkdir(parents=True, exist_ok=True, mode=0o700)
    entry = Entry(outbox / f"{run.integration[:32]}-{run.receipt_digest[:8]}")
    partial = Path(tempfile.mkdtemp(dir=files.parent))  # in the work folder, which is swept
    (partial / _FILES).mkdir(mode=0o700)
    for file in files.iterdir():
        os.link(file, partial / _FILES / file.name)
    with os.fdopen(os.open(partial / _RUN, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as written:
        written.write(run.model_dump_json(indent=2) + "\n")
        written.flush()
        os.fsync(written.fileno())
    with suppress(OSError):  # it is there
        partial.replace(entry.folder)
    return entry


def waiting(outbox: Path) -> list[Entry]:
    """Every entry of the outbox, oldest first. What a killed delivery left of one that is delivered is swept."""
    entries = []
    for entry in map(
        Entry, sorted(outbox.iterdir(), key=lambda folder: folder.stat().st_mtime) if outbox.is_dir() else ()
    ):
        if (entry.folder / _RUN).exists():
            entries.append(entry)
        elif entry.folder.is_dir():
            shutil.rmtree(entry.folder, ignore_errors=True)
    return entries
