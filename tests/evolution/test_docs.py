"""docs/versions.md has every finding, every mode and every warning, as the code describes them."""

from __future__ import annotations

import re
from pathlib import Path

from tidegate.evolution import FINDINGS, MODES
from tidegate.evolution.contradictions import CONTRADICTIONS
from tidegate.evolution.findings import WARNINGS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "versions.md").read_text(encoding="utf-8")


def table(heading: str) -> dict[str, str]:
    """The table under a heading, by its first cell."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([\w-]+)` \| (.+) \|$", section, flags=re.MULTILINE))


def test_every_finding_is_documented() -> None:
    assert table("Check") == FINDINGS
    named = re.search(r"^(`.+`) are warnings", PAGE, flags=re.MULTILINE)
    assert named is not None
    assert set(re.findall(r"`([\w-]+)`", named[1])) == WARNINGS


def test_every_mode_is_documented() -> None:
    assert table("Who is protected") == MODES


def test_what_is_looked_at_for_contradictions_is_documented() -> None:
    """In words: a type is named, or each of the words that tell it from the others."""
    told = PAGE.partition("**Contradictions.**")[2].partition("**Pages.**")[0]
    ends = {kind.removeprefix("expect_column").removeprefix("_values") for kind in CONTRADICTIONS}
    assert {end for end in ends if f"`...{end}`" in told} == {
        "_to_be_in_set", "_to_not_be_in_set", "_to_be_null", "_to_match_regex"
    }  # fmt: skip
    for word in ("mean", "median", "min", "max", "distinct values", "contain", "equal", "most common", "share"):
        assert word in told
