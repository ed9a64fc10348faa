"""When versions go, as `contracts.toml` says it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tidegate.errors import Misuse, VersionRefused
from tidegate.registry.deprecation import Deprecation, deprecation_of

BEFORE, SINCE, LAST, REFUSED = date(2026, 11, 30), date(2026, 12, 1), date(2027, 2, 28), date(2027, 3, 1)


def test_a_version_warns_from_the_first_day_and_is_refused_from_the_second() -> None:
    gone = Deprecation(SINCE, REFUSED, "trips@2")
    assert gone.told("trips@1.0", BEFORE) is None
    for day in (SINCE, LAST):
        assert gone.told("trips@1.0", day) == (
            "trips@1.0 is deprecated from 2026-12-01 and refused from 2027-03-01: change to trips@2."
        )
    for day in (REFUSED, date(2030, 1, 1)):
        with pytest.raises(VersionRefused, match=r"trips@1\.0 is refused since 2027-03-01") as raised:
            gone.told("trips@1.0", day)
        assert "trips@2" in (raised.value.hint or "")
    assert Deprecation(SINCE, None, "trips@2").told("trips@1.0", date(2099, 1, 1)) is not None


def test_a_version_goes_with_its_major_one_or_by_itself(tmp_path: Path) -> None:
    (tmp_path / "contracts.toml").write_text(
        '[compatibility]\ntrips = "FULL"\n'
        '[deprecated."trips@1"]\nsince = 2026-12-01\nuse = "trips@2"\n'
        '[deprecated."trips@1.0"]\nsince = 2026-12-01\nrefused = 2027-03-01\nuse = "trips@2"\n'
    )
    assert deprecation_of(tmp_path, "trips", "1.0") == Deprecation(SINCE, REFUSED, "trips@2")
    assert deprecation_of(tmp_path, "trips", "1.1") == Deprecation(SINCE, None, "trips@2")
    assert deprecation_of(tmp_path, "trips", "2.0") is None
    assert deprecation_of(tmp_path / "nowhere", "trips", "1.0") is None


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("[deprecated", "cannot be read"),
        ("deprecated = 3", "deprecated is no table"),
        ('[deprecated]\n"trips@1" = 2026-12-01', "is no table"),
        ('[deprecated."trips@1"]\nsince = 2026-12-01', "does not say what to use instead"),
        ('[deprecated."trips@1"]\nuse = "trips@2"', "says of since no day"),
        ('[deprecated."trips@1"]\nsince = "2026-12-01"\nuse = "trips@2"', "says of since no day"),
        ('[deprecated."trips@1"]\nsince = 2026-12-01T00:00:00\nuse = "trips@2"', "says of since no day"),
        ('[deprecated."trips@1"]\nsince = 2026-12-01\nrefused = 2026-12-01\nuse = "trips@2"', "not after 2026-12-01"),
        ('[deprecated."trips@1"]\nsince = 2026-12-01\nrefuse = 2027-12-01\nuse = "trips@2"', "unknown key 'refuse'"),
    ],
)
def test_what_says_no_dates_is_refused(tmp_path: Path, text: str, fact: str) -> None:
    (tmp_path / "contracts.toml").write_text(text)
    with pytest.raises(Misuse, match=fact):
        deprecation_of(tmp_path, "trips", "1.0")
