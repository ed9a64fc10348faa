"""For any contract and data, Tidegate names the same (rule, column, record) rows as Pandera.

``make parity`` runs 20,000 cases; ``make test`` a few of them. Seed and number are printed, and say which they were.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from tests.parity.cases import Case, cases
from tests.parity.compare import contract_for, differences, ours, theirs

from tidegate.config import load_config
from tidegate.engines import Engine, open_engine

CASES = int(os.environ.get("PARITY_CASES", "300"))
SEED = int(os.environ.get("PARITY_SEED", "20261124"))


@dataclass
class Bench:
    """An engine, and what came of the cases so far."""

    engine: Engine
    folder: Path
    cases: int = 0
    failing: int = 0
    unjudged: int = 0


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("parity")
    with open_engine(load_config({"schema_config": "case", "resources": {"threads": 1}}), folder) as engine:
        bench = Bench(engine, folder)
        yield bench
    print(
        f"\nparity: {bench.cases} cases from seed {SEED}; in {bench.failing} of them rows fail,"
        f" in {bench.unjudged} a check cannot be judged"
    )


@seed(SEED)
@settings(
    max_examples=CASES, deadline=None, database=None, print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(case=cases())
def test_the_same_rows_fail(bench: Bench, case: Case) -> None:
    contract = contract_for(case, bench.folder)
    other = theirs(contract, case.frame)
    assume(other is not None)
    mine = ours(bench.engine, contract, case.table, bench.folder)
    bench.cases += 1
    bench.failing += bool(other.rows)
    bench.unjudged += bool(other.unjudged)
    assert differences(contract, mine, other) == []
