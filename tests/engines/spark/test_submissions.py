"""Whole submissions come to the same on Spark as on DuckDB: the verdict, every example, the quarantine, what is
published and in which order; and where one refuses, the other does with the same words.

``SPARK_CASES`` says how many are made up, ``SPARK_SEED`` from which number on; each number is one submission.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engines.spark.submissions import Submission, submission

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.errors import TidegateError
from tidegate.receipt import Receipt, Report

CASES = int(os.environ.get("SPARK_CASES", "1"))
SEED = int(os.environ.get("SPARK_SEED", "1"))


@dataclass
class Outcome:
    """What an integration came to, as far as it must not hang on the engine."""

    error: str | None = None
    report: dict[str, Any] | None = None
    receipt: dict[str, Any] | None = None
    quarantine: pa.Table | None = None
    published: pa.Table | None = None


@pytest.mark.timeout(0)  # seconds a case, and on a machine that is busy minutes
@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("seed", range(SEED, SEED + CASES))
def test_a_submission_comes_to_the_same(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_UP_SALT", "a salt of more than 16 characters")
    made = submission(seed)
    made.write(tmp_path)
    print(made)
    pool_of(made, tmp_path)
    ours, theirs = (outcome(made, tmp_path, engine) for engine in ("spark", "duckdb"))
    assert ours.error == theirs.error
    assert ours.report == theirs.report
    assert ours.receipt == theirs.receipt
    same_rows(ours.quarantine, theirs.quarantine)
    same_rows(ours.published, theirs.published)


def pool_of(made: Submission, folder: Path) -> None:
    """Publish what is there already; a copy for each engine."""
    for name in made.pool:
        try:
            integrate_contributed_data(
                data_path=folder / name, schema_config="made", registry=folder / "registry", engine="duckdb",
                training_data=folder / "pool", state_dir=folder / "state", tracking=False, contributor="Bo",
                validation_config={"max_failing_fraction": 1.0, "personal_data": "ignore"},
            )  # fmt: skip
        except SubmissionRejected as error:
            print("pool:", error.report.reasons)
    for engine in ("spark", "duckdb"):
        if (folder / "pool").exists():
            shutil.copytree(folder / "pool", folder / engine / "pool")


def outcome(made: Submission, folder: Path, engine: str) -> Outcome:
    """Run the integration in a folder of the engine's own."""
    own = folder / engine
    places: dict[str, Any] = {"training_data": own / "pool", "state_dir": own / "state"}
    if made.given["merge_strategy"]["name"] != "append":
        places["output"] = own / "output"
    if made.holdout is not None:
        places["holdout"] = folder / made.holdout[0]
    try:
        result = integrate_contributed_data(
            data_path=[folder / name for name in made.files], schema_config="made", registry=folder / "registry",
            engine=engine, tracking=False, **places, **made.given,
        )  # fmt: skip
    except SubmissionRejected as error:
        return told(error.report, error.receipt)
    except TidegateError as error:
        return Outcome(error=f"{type(error).__name__}: {error}".replace(str(own), "<own>"))
    assert result.report is not None
    published = result.dataset.to_arrow(lineage=True) if result.dataset.version >= 0 else None
    return told(result.report, result.receipt, published)


def told(report: Report, receipt: Receipt, published: pa.Table | None = None) -> Outcome:
    """An outcome without the places in it."""
    quarantine = pq.read_table(report.quarantine) if report.quarantine is not None else None
    return Outcome(
        report=report.model_dump(mode="json", exclude={"quarantine", "reproduce", "engine"}),
        receipt=receipt.model_dump(mode="json", exclude={"integration", "created_at", "dataset_uri", "engine"}),
        quarantine=quarantine,
        published=published,
    )


def same_rows(ours: pa.Table | None, theirs: pa.Table | None) -> None:
    """Hold tables against each other, in order, by the first row that differs."""
    if ours is None or theirs is None:
        assert ours is theirs
        return
    assert ours.schema == theirs.schema
    for number, (one, other) in enumerate(zip(ours.to_pylist(), theirs.to_pylist(), strict=False)):
        assert (number, one) == (number, other)
    assert ours.num_rows == theirs.num_rows
