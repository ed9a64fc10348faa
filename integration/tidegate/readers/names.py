"""When two names of columns are one: upper and lower case, and the ways Unicode spells one letter, do not count."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

NOT_COUNTED = "Upper and lower case, and the ways Unicode spells one letter, do not count."


@lru_cache(maxsize=1 << 14)
def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def loosely(name: str) -> str:
    """A name or category without what people often write otherwise: its case, and what stands between its words."""
    return re.sub(r"[\s_-]+", " ", name.strip()).casefold()


def twins(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that are one, or None."""
    taken: dict[str, str] = {}
    for name in names:
        folded = _folded(name)
        if folded in taken:
            return taken[folded], name
        taken[folded] = name
    return None
