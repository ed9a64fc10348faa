"""For any contract and data, Tidegate names the same (rule, column, record) rows as Pandera.

``make parity`` runs 20,000 cases; ``make test`` a few of them. Seed and number are printed, and say which they were.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.parity.cases import Case, cases
from tests.parity.compare import contract_for, differences, ours, theirs
from tidegate.config import load_config
from tidegate.engines import Engine, open_engine

CASES = int(os.environ.get("PARITY_CASES", "300"))
SEED = int(os.environ.get("PARITY_SEED", "20261124"))


class Judged:
    """How many cases were compared, for the last line of a long run."""

    cases = failing = unjudged = 0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    folder = tmp_path_factory.mktemp("parity")
    with open_engine(load_config({"schema_config": "case", "resources": {"threads": 1}}), folder) as opened:
        yield opened, folder


@seed(SEED)
@settings(
    max_examples=CASES, deadline=None, database=None, print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(case=cases())
def test_the_same_rows_fail(engine: tuple[Engine, Path], case: Case) -> None:
    opened, folder = engine
    contract = contract_for(case, folder)
    mine, other = ours(opened, contract, case.table, folder), theirs(contract, case.frame)
    Judged.cases += 1
    Judged.failing += bool(other.rows)
    Judged.unjudged += bool(other.unjudged)
    assert differences(contract, mine, other) == []


def test_the_cases_were_worth_judging() -> None:
    print(f"\nparity: {Judged.cases} cases from seed {SEED}; in {Judged.failing} of them rows fail,"
          f" in {Judged.unjudged} a check cannot be judged")  # fmt: skip
    assert Judged.cases >= CASES
    assert Judged.failing > CASES / 4
