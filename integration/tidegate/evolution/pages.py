"""Generated pages about a contract bear a mark that says of which version they are, so that a stale one is noticed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tidegate.evolution.findings import Finding
from tidegate.registry import Contract

_MARK = re.compile(r"<!-- tidegate: ([A-Za-z0-9][\w-]*)@(\d+\.\d+) ([0-9a-f]{64}) -->")
_PLACES = ("docs/**/*.md", "contracts/*/*.md")


def mark_of(contract: Contract) -> str:
    """The line of Markdown that says of which contract a page is. Nobody sees it."""
    return f"<!-- tidegate: {contract.name}@{contract.version} {contract.digest} -->"


def stale_pages(root: Path, newest: dict[str, Contract]) -> Iterator[Finding]:
    """The pages in ``docs/`` and beside the contracts whose mark is not that of the newest version."""
    for path in sorted(page for place in _PLACES for page in root.glob(place)):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # then it is no page of ours
        for number, line in enumerate(text.splitlines(), 1):
            told = _MARK.search(line)
            contract = newest.get(told[1]) if told else None
            if told and contract is not None and told[0] != mark_of(contract):
                newest_is = f"{contract.name}@{contract.version}"
                yield Finding(
                    "page-stale", newest_is, path.relative_to(root).as_posix(),
                    f"The page is of {told[1]}@{told[2]}, {told[3][:12]}; the newest is {newest_is}.",
                    f"Make it anew: tidegate contracts show {contract.name} --format markdown", number,
                )  # fmt: skip
