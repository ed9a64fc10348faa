"""How much memory the engine may use: what the configuration says, or a share of what the machine has."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from tidegate.config import Resources
from tidegate.errors import Misuse, NoRoom

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip
_SHARE, _LEAST, _MOST = 4, 512 * 2**20, 4 * 2**30
_TOO_LITTLE_FOR_CSV, _TOO_LITTLE = 45 * 10**6, 2 * 10**6  # two cells cannot be staged: DuckDB reads CSV by 32 MiB
_CGROUP = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of a container: in version 2, in version 1


def limit_of(resources: Resources) -> int:
    """The limit of the whole process, in bytes. Raises `Misuse`."""
    return in_bytes(resources.memory_limit) if resources.memory_limit else default_limit(memory_of_machine())


def refuse_too_little(limit: int, formats: Iterable[str]) -> None:
    """Raises `NoRoom` if with such a limit not even a small file of these formats can be staged."""
    least = _TOO_LITTLE_FOR_CSV if "csv" in formats else _TOO_LITTLE
    if limit <= least:
        raise NoRoom(
            f"resources.memory_limit is {limit:,} bytes; with {least:,} or less DuckDB cannot stage even a small file.",
            f"Set resources.memory_limit to {in_words(_LEAST)} or more, or leave it out.",
        )


def no_room(error: Exception, resources: Resources) -> NoRoom:
    """In our words, what DuckDB, Arrow or Python say where there is no memory or disk left."""
    reason = (str(error) or "no memory").splitlines()[0]
    if "max_temp_directory_size" in str(error):
        allowed = "nine tenths of the free disk, which is the most without resources.max_spill_bytes"
        if resources.max_spill_bytes is not None:
            allowed = f"the {resources.max_spill_bytes:,} bytes of resources.max_spill_bytes"
        return NoRoom(
            f"The work would spill more to disk than {allowed}.",
            "Raise resources.max_spill_bytes, or resources.memory_limit, so that less is spilled.",
        )
    return NoRoom(
        f"The work needs more memory or disk than there is: {reason}",
        "Raise resources.memory_limit, or free disk space.",
    )


def share_of_duckdb(limit: int) -> int:
    """What DuckDB gets of the limit: the libraries beside it, and what it does not count, need the rest."""
    return limit * 7 // 10


def in_words(size: int) -> str:
    """Bytes as DuckDB spells and reads them."""
    return f"{size // 2**20}MiB"


def default_limit(memory: int) -> int:
    """A quarter of `memory` bytes, within bounds: below, work is slow; above, more memory makes it no faster."""
    return max(_LEAST, min(memory // _SHARE, _MOST))


def memory_of_machine(cgroup: Path = _CGROUP) -> int:
    """The bytes of memory that there are; in a container those that it may use."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for name in _LIMITS:
        try:
            told = (cgroup / name).read_text().strip()
        except OSError:
            continue
        if told.isdigit():  # or "max"
            return min(int(told), physical)
    return physical


def in_bytes(text: str) -> int:
    """``2GB`` or ``512MiB`` as bytes. Raises `Misuse`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise Misuse(f"resources.memory_limit is {text!r}.", "Write 2GB or 512MiB.")
    return int(float(match[1]) * _UNITS[(match[2] or "").upper()])
