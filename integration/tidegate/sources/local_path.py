"""Files on local disk. They are not copied, so they must not change while they are read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from tidegate.errors import SourceUnreadable, nearest
from tidegate.readers.admission import too_many_files
from tidegate.readers.counts import CHUNK
from tidegate.sources.names import fixed_part, is_glob, pattern
from tidegate.sources.snapshot import Look, Snapshot, changed, identity, recognised

_HIDDEN = (".", "_")
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def find(path: str, most: int) -> list[Path]:
    """The files that a path means: itself, or what lies in a folder or matches a glob, in the order of their names.

    A name is literal if there is such a file: `g[1].csv` is that file. In a folder, names with `.` or `_` first are
    passed over, as Spark and Hadoop do.

    Raises:
        SourceUnreadable: nothing is there, or more than `most` files, or a link that leads out.
    """
    place = Path(path)
    try:
        if place.is_dir():
            return _within(path, place, None, most)
        if is_glob(path) and not os.path.lexists(path):
            root = fixed_part(path)
            return _within(path, Path(root or "."), pattern(path.removeprefix(root)), most)
    except (OSError, ValueError):
        pass  # acquiring it tells why
    return [place]


def acquire(path: Path, uri: str, progress: Callable[..., None]) -> Snapshot:
    """Take a file as it is now: recognised, counted and digested.

    Args:
        progress: is told how many bytes are done; what it raises ends the reading.

    Raises:
        SourceUnreadable: it is not there, is no regular file, is none of the formats, or changes meanwhile.
    """
    try:
        str(path).encode()  # what names it is UTF-8
        _refuse_irregular(uri, path.stat().st_mode)
        # Between the two looks the file may have become a pipe, on which a plain open would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            _refuse_irregular(uri, before.st_mode)
            kind = recognised(path, uri, path.name)
            with Look() as look:
                while chunk := file.read(CHUNK):
                    look.add(chunk)
                    progress(done=len(chunk))
            if look.size != before.st_size or identity(os.fstat(file.fileno())) != identity(before):
                raise changed(uri)
    except FileNotFoundError:
        raise _not_found(uri) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not one of a file, or not UTF-8"
        raise SourceUnreadable(f"{uri} cannot be read: {reason}.", "Check the path and its permissions.") from None
    return look.snapshot(path, uri, kind, before)


def _within(path: str, root: Path, wanted: re.Pattern[str] | None, most: int) -> list[Path]:
    """The files below `root` whose paths there match, or all that are not hidden."""
    real_root, found = root.resolve(), []
    for folder, folders, names in os.walk(root, onerror=_refuse_closed):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]  # which are not walked into
        if wanted is None:
            folders[:] = [name for name in folders if not name.startswith(_HIDDEN)]
        for name in [*names, *links]:
            file = Path(folder) / name
            if wanted is not None and not wanted.fullmatch(file.relative_to(root).as_posix()):
                continue
            if wanted is None and name.startswith(_HIDDEN):
                continue
            if not file.resolve().is_relative_to(real_root):
                raise SourceUnreadable(f"{file} is a link that leads out of {root}.", "Name the file that it leads to.")
            found.append(file)
            if len(found) > most:
                raise too_many_files(most)
    if not found:
        raise SourceUnreadable(
            f"{path} {'holds no files' if wanted is None else 'matches no file'}.", "Check the path."
        )
    return sorted(found)


def _refuse_closed(error: OSError) -> None:
    raise SourceUnreadable(f"{error.filename} cannot be listed: {error.strerror}.", "Check its permissions.")


def _refuse_irregular(uri: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise SourceUnreadable(f"{uri} is {kind}, not a file.", "Name the files of the submission one by one.")


def _not_found(uri: str) -> SourceUnreadable:
    folder = Path(uri).parent
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_file()]
    except OSError:
        return SourceUnreadable(f"{uri} is not there, nor is its folder.", "Check the path.")
    hint = nearest(Path(uri).name, names)
    # A folder may hold many files: name the one that was probably meant, or none.
    return SourceUnreadable(f"{uri} is not there.", hint if hint.startswith("Did") else "Check the path.")
