"""Killed at every named point and at random moments, and called again: nothing lost, nothing doubled.

`make crash` kills five hundred; RUNS= and SEED= choose others.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.crash.harness import gate
from tests.crash.points import AFTER, BEFORE, DELIVERY, PUT

RUNS = int(os.environ.get("CRASH_RUNS", "3"))
SEED = int(os.environ.get("CRASH_SEED", "5"))


def test_before_the_commit(tmp_path: Path, warm: Path) -> None:
    """One submission, killed again and again and called again, until nobody kills it."""
    with gate(tmp_path, warm) as one:
        killed = one.kill([*BEFORE], random.Random(SEED))
    assert killed == [*BEFORE]


def test_in_and_after_the_commit(tmp_path: Path, warm: Path) -> None:
    with gate(tmp_path, warm) as one:
        for point in AFTER:
            (killed,) = one.kill([point], random.Random(SEED))
            assert point == "in the commit" or killed == f"{point}, published"


def test_while_it_is_tracked(tmp_path: Path, warm: Path) -> None:
    with gate(tmp_path, warm, tracked=True) as one:
        one.kill([*PUT], random.Random(SEED))
        one.kill_delivery([*DELIVERY])


@pytest.mark.timeout(0)
def test_at_random_moments(tmp_path: Path, warm: Path, record_property: Callable[[str, object], None]) -> None:
    chance, killed, late = random.Random(SEED), list[str](), 0
    with gate(tmp_path, warm) as one:
        one.measure()
        while len(killed) < RUNS:
            # A commit is so short that few random moments fall into it.
            ended = one.kill(chance.choices((None, "in the commit"), (3, 1), k=chance.randint(1, 3)), chance)
            late += sum(at.startswith("nothing") for at in ended)
            killed += [at for at in ended if not at.startswith("nothing")]
    published = sum(at.endswith("published") for at in killed)
    record_property(
        "crash", f"{len(killed)} kills, {published} with the commit done, {late} that came too late, seed {SEED}"
    )
