"""Folders: where an integration works, and where it keeps what outlives it.

A work folder is private (mode 0700), holds personal data while it is in use, and is removed at the end. What a killed
process left behind is swept by the next start: a lock that the system lets go of with the process says whose is dead.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tidegate.errors import Misuse

_LOCK = "lock"


class Workspace:
    """The state folder of a project, ``.tidegate`` by default."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._new = not self.root.exists()
        try:
            for folder in (self.root, self.work, self.quarantine, self.receipts):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Misuse(f"The state folder {root} cannot be made: {error.strerror}.", "Set state_dir.") from None

    def leave_nothing(self) -> None:
        """Remove the folders again, where they were made for this and nothing is in them.

        Whoever works here has a folder in `work`, and keeps the others by that.
        """
        if self._new:
            with suppress(OSError):  # something is in it
                for folder in (self.work, self.quarantine, self.receipts, self.root):
                    folder.rmdir()

    @property
    def work(self) -> Path:
        """Where work folders are made."""
        return self.root / "work"

    @property
    def quarantine(self) -> Path:
        """Where quarantines are kept."""
        return self.root / "quarantine"

    @property
    def receipts(self) -> Path:
        """Where receipts and reports are kept."""
        return self.root / "receipts"

    @property
    def outbox(self) -> Path:
        """Where what a tracking server does not have yet waits."""
        return self.root / "outbox"


@contextmanager
def work_folder(workspace: Workspace | None) -> Iterator[Path]:
    """A private folder that is gone afterwards, in the workspace, or without one where temporary files go."""
    parent = workspace.work if workspace is not None else Path(tempfile.gettempdir()) / f"tidegate-{os.getuid()}"
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if parent.stat().st_uid != os.getuid():
        raise Misuse(f"{parent} belongs to another user.", "Set TMPDIR.")
    with _alone(parent):
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(dir=parent))
        lock = (folder / _LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with lock:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """While nobody else makes or sweeps folders there: one without a lock is then of a process that is gone."""
    descriptor = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in parent.iterdir():
        try:
            with (folder / _LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass  # killed before it had its lock, or while it was swept
        except (NotADirectoryError, BlockingIOError):
            continue
        for _ in range(40):  # a staging process that outlives the killed one by a moment still writes there
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(0.05)
