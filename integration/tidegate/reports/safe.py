"""Text that came out of data, made safe to show."""

from __future__ import annotations

import unicodedata

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def shown(text: str, most: int = 60) -> str:
    """`text` with everything visible: control, bidirectional and zero-width characters as escapes; cut at `most`."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    visible = "".join(_escape(character) for character in cut)
    return visible.replace("##[", r"##\x5b")  # which GitHub takes for a command, wherever in a line of a log it stands


def lines_shown(text: str) -> str:
    """Lines, each as `shown` has it. A name of a file may hold a newline: no line becomes a command of CI by it."""
    first, *others = (shown(line, len(line)) for line in text.split("\n"))
    return first + "".join((r"\n" if line.lstrip().startswith("::") else "\n") + line for line in others)


def records(count: int) -> str:
    """``1 record``, ``2 records``."""
    return f"{count:,} record{'' if count == 1 else 's'}"


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE:
        return character
    return character.encode("unicode_escape").decode("ascii")
