"""Sizes of memory in DuckDB's spelling."""

from __future__ import annotations

import re

from tidegate.errors import Misuse

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip


def in_bytes(text: str) -> int:
    """``2GB`` or ``512MiB`` as bytes. Raises `Misuse`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise Misuse(f"resources.memory_limit is {text!r}.", "Write 2GB or 512MiB.")
    return int(float(match[1]) * _UNITS[(match[2] or "").upper()])
