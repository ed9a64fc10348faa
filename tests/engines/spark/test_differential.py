"""For any contract and data, both engines name the same rows, and cannot judge the same rules.

``make differential`` runs 2,000 cases; ``make test`` a few of them. They are those of ``make parity``, which holds
DuckDB's answer against Pandera's. Seeds and numbers stand at the end of the output.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.parity.cases import Case, cases
from tests.parity.compare import contract_for, ours
from tests.spark import interpret

from tidegate.config import load_config
from tidegate.engines import open_engine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASES = int(os.environ.get("SPARK_CASES", "8"))
SEED = int(os.environ.get("SPARK_SEED", "20261127"))
PARTS = int(os.environ.get("SPARK_PARTS", "1"))
"""In how many parts the cases are run, each from a seed of its own: one for each core."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_rows_fail_on_both(
    part: int, tmp_path: Path, spark: SparkSession, record_property: Callable[[str, object], None]
) -> None:
    judged = failing = unjudged = 0

    @seed(SEED + part)
    @settings(
        max_examples=CASES // PARTS, deadline=None, database=None, print_blob=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=[Phase.generate],  # to shrink a case would take an hour
    )  # fmt: skip
    @given(case=cases())
    def judge(case: Case) -> None:
        nonlocal judged, failing, unjudged
        contract = contract_for(case, tmp_path / str(judged))
        one, other = (ours(engine, contract, case.table, folder) for engine, folder in engines)
        judged += 1
        failing += bool(one.rows)
        unjudged += bool(one.unjudged)
        assert other.rows == one.rows
        assert other.unjudged == one.unjudged

    config = {"schema_config": "case", "resources": {"threads": 1}}
    folders = tmp_path / "duckdb", tmp_path / "spark"
    for folder in folders:
        folder.mkdir()
    with (
        open_engine(load_config(config), folders[0], "duckdb") as duckdb,
        open_engine(load_config(config), folders[1], "spark") as on_spark,
    ):
        engines = list(zip((duckdb, on_spark), folders, strict=True))
        if PARTS == 1 or part % 2:
            interpret(on_spark._session)
        try:
            judge()
        finally:
            told = (
                f"{judged} cases from seed {SEED + part}; in {failing} rows fail, in {unjudged} a check is not judged"
            )
            record_property("differential", told)
