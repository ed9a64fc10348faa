"""Characters that nobody sees: those of no width, and those that turn the direction of what stands beside them.

Two keys that differ by one of them look alike, and a text may say something else to a machine than to a person. What
changes a letter that is seen, such as an accent or the colour of an emoji, is none of them.
"""

from __future__ import annotations

import re
from collections import defaultdict

_RANGES = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x061C, 0x061C),  # Arabic letter mark
    (0x180E, 0x180E),  # Mongolian vowel separator
    (0x200B, 0x200F),  # zero-width space, non-joiner, joiner, direction marks
    (0x202A, 0x202E),  # embeddings and overrides of the direction
    (0x2060, 0x2064),  # word joiner, invisible signs of mathematics
    (0x2066, 0x206F),  # isolates of the direction, deprecated ones
    (0xFEFF, 0xFEFF),  # zero-width no-break space, which is a byte order mark elsewhere
    (0xE0000, 0xE007F),  # tags: ASCII that nobody sees
)
_BOM = b"\xef\xbb\xbf"

PATTERN = "[" + "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in _RANGES) + "]"
"""A regular expression of RE2 for one of them."""


def _beginnings() -> dict[bytes, bytes]:
    """What tells them in UTF-8, three bytes at most: the last of these, by those before it."""
    found: dict[bytes, set[int]] = defaultdict(set)
    for first, last in _RANGES:
        for code in range(first, last + 1):
            beginning = chr(code).encode()[:3]
            found[beginning[:-1]].add(beginning[-1])
    return {before: bytes(sorted(lasts)) for before, lasts in found.items()}


_INVISIBLE = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _RANGES) + "]")


def without_invisible(text: str) -> str:
    """The text without them."""
    return _INVISIBLE.sub("", text)


_BEGINNINGS = _beginnings()
_IN_BYTES = re.compile(
    b"|".join(re.escape(before) + b"[" + re.escape(lasts) + b"]" for before, lasts in _BEGINNINGS.items())
)


def may_be_in(data: bytes, at_start: bool) -> bool:
    """Whether one of them is in bytes of UTF-8, but for a byte order mark at the start of a file."""
    # Most files are ASCII, which is seen at once; a regular expression is slow, and rarely has to be asked.
    if data.isascii():
        return False
    text = data.removeprefix(_BOM) if at_start else data
    return any(before in text for before in _BEGINNINGS) and _IN_BYTES.search(text) is not None
