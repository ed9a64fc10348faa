"""For any contract and data, Tidegate names the same (rule, column, record) rows as Pandera.

``make parity`` runs 20,000 cases; ``make test`` a few of them. Seeds and numbers stand at the end of the output.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from tests.parity.cases import Case, cases
from tests.parity.compare import contract_for, differences, ours, theirs

from tidegate.config import load_config
from tidegate.engines import open_engine

CASES = int(os.environ.get("PARITY_CASES", "60"))
SEED = int(os.environ.get("PARITY_SEED", "20261124"))
PARTS = int(os.environ.get("PARITY_PARTS", "1"))
"""In how many parts the cases are run, each from a seed of its own: one for each core."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_rows_fail(part: int, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    judged = failing = unjudged = 0

    @seed(SEED + part)
    @settings(
        max_examples=CASES // PARTS, deadline=None, database=None, print_blob=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(case=cases())
    def judge(case: Case) -> None:
        nonlocal judged, failing, unjudged
        contract = contract_for(case, tmp_path)
        other = theirs(contract, case.frame)
        assume(other is not None)
        assert other is not None
        mine = ours(engine, contract, case.table, tmp_path)
        judged += 1
        failing += bool(other.rows)
        unjudged += bool(other.unjudged)
        assert differences(contract, mine, other) == []

    with open_engine(load_config({"schema_config": "case", "resources": {"threads": 1}}), tmp_path) as engine:
        try:
            judge()
        finally:
            record_property(
                "parity",
                f"{judged} cases from seed {SEED + part}; in {failing} of them rows fail, in {unjudged} a check cannot"
                " be judged",
            )
