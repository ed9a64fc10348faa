"""The lock: what it is read from, what it is written as, and what is no lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.errors import Misuse
from tidegate.evolution import LOCK, Lock

A, B = "a" * 64, "b" * 64


def test_what_is_written_is_read(tmp_path: Path) -> None:
    lock = Lock().with_released("trips@1.10", A, B).with_released("trips@1.9", B, None)
    lock.write(tmp_path)
    read = Lock.read(tmp_path)
    assert (dict(read.contracts), dict(read.suites)) == ({"trips@1.10": A, "trips@1.9": B}, {"trips@1.10": B})
    assert read.there
    assert not Lock.read(tmp_path / "elsewhere").there
    names = [line.split('"')[1] for line in (tmp_path / LOCK).read_text().splitlines() if line.startswith('"')]
    assert names == ["trips@1.9", "trips@1.10", "trips@1.10"], "by version, and not by text"
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("[contracts", "cannot be read"),
        ('<<<<<<< HEAD\n"trips@1.0" = "x"', "cannot be read"),
        (f'[contracts]\n"trips@1.0" = "{A}"\n"trips@1.0" = "{B}"', "cannot be read"),
        ("[contract]", "unknown table 'contract'"),
        ('[contracts]\n"trips@1.0" = "abc"', "'trips@1.0' in contracts has no digest"),
        (f'[suites]\n"trips" = "{A}"', "'trips' in suites has no digest"),
        ("contracts = 3", "contracts is no table"),
    ],
)
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str, fact: str) -> None:
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(Misuse, match=fact) as raised:
        Lock.read(tmp_path)
    assert str(tmp_path / LOCK) in raised.value.fact


def test_a_lock_that_cannot_be_written_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="cannot be written: No such file"):
        Lock().write(tmp_path / "nowhere")
