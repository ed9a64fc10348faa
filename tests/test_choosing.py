"""The engine of an integration: chosen when its files are here, told in receipt, report and log, and in no identity."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.in_process import command_line
from tests.engines.test_session import no_session
from tests.test_room import Usage

from tidegate.choosing import choose_engine
from tidegate.config import Resources, load_config
from tidegate.data_integration import (
    integrate,
    integrate_contributed_data,
    integration_id,
    validate_contributed_data,
)
from tidegate.errors import Misuse, NoRoom
from tidegate.pool import pool_bytes
from tidegate.receipt import Receipt
from tidegate.reports import receipt_to_html, to_html
from tidegate.reports.text import to_text
from tidegate.sources import acquire
from tidegate.standard import load_standard

CONTRACT = '''
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """A trip."""

    trip: str = pa.Field(metadata={"key": True})
    cars: int
'''
ROWS = "trip,cars\nt1,1\nt2,2\n"
NOWHERE = "but there is no Spark session to run on: docs/scaling.md tells how to get one"


@pytest.fixture(autouse=True)
def folder(working_registry: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a registry and a file, and no Spark anywhere."""
    no_session(monkeypatch)
    root = working_registry(CONTRACT)
    (root / "x.csv").write_text(ROWS)
    return root


def given(**more: Any) -> dict[str, Any]:
    return {"data_path": "x.csv", "schema_config": "trips", "training_data": "pool", "tracking": False} | more


def chosen(folder: Path, bound: int, **more: Any) -> tuple[str, str]:
    config = load_config(given(engine="auto", resources={"one_machine_bytes": bound}, **more))
    snapshots = acquire(config.data_path, Resources(), folder)
    choice = choose_engine(config, snapshots, lambda: folder / "pool", folder)
    return choice.name, choice.reason


def test_submission_and_pool_count_together_and_of_the_pool_only_its_log_is_read(folder: Path) -> None:
    size = len(ROWS)
    assert (
        chosen(folder, size)[1] == f"the submission, {size} bytes, is within the {size} bytes that one machine takes on"
    )
    integrate_contributed_data(**given())
    (file,) = (folder / "pool").glob("*.parquet")
    pool = file.stat().st_size
    file.unlink()
    assert pool_bytes(folder / "pool") == pool
    assert chosen(folder, size + pool)[1].startswith("submission and pool, ")
    assert chosen(folder, size + pool - 1)[1].endswith(NOWHERE)


def test_what_is_compressed_counts_as_what_it_becomes(folder: Path) -> None:
    text = "trip,cars\n" + "t1,1\n" * 1000
    with zipfile.ZipFile("x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", text)
    assert chosen(folder, len(text), data_path="x.zip")[1].startswith("the submission, 5 kB, is within")
    assert chosen(folder, len(text) - 1, data_path="x.zip")[1].endswith(NOWHERE)


def test_too_large_it_goes_to_the_cluster_that_is_named_and_no_address_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://secret-host:15002/;token=s3cret")
    with caplog.at_level(logging.INFO, "tidegate"):
        name, reason = chosen(folder, 0)
    assert (name, reason.endswith("so it runs on the Spark Connect server that SPARK_REMOTE names")) == ("spark", True)
    (line,) = [record for record in caplog.records if record.getMessage() == "engine chosen"]
    assert line.fields == {"engine": "spark", "reason": reason}  # type: ignore[attr-defined]
    assert "secret" not in str([record.__dict__ for record in caplog.records])


def test_a_disk_that_is_full_is_told_whatever_runs_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `shutil.disk_usage` says is replaced: no test fills a disk."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 0))
    monkeypatch.setenv("MASTER", "yarn")
    for bound in (0, 10**9):
        with pytest.raises(NoRoom, match=r"^The work folder, .* 0 are free"):
            chosen(folder, bound)


def test_receipt_and_reports_tell_what_ran_the_work_and_why(folder: Path) -> None:
    result = integrate_contributed_data(**given(engine="auto", resources={"one_machine_bytes": 1}))
    told = result.receipt.engine
    assert told is not None
    assert (told.name, told.reason.endswith(NOWHERE)) == ("duckdb", True)
    assert result.report is not None
    assert result.report.engine == told
    assert result.metadata["engine"] == "duckdb"
    line = f"duckdb ({told.reason})"
    assert f"\nengine: {line}\n" in to_text(result.report)
    assert line in to_html(result.report, result.receipt)
    assert line in receipt_to_html(result.receipt)
    kept = folder / ".tidegate/receipts" / result.receipt.integration[:32] / "receipt.json"
    assert Receipt.model_validate_json(kept.read_bytes()).engine == told


def test_what_nobody_chose_is_told_on_the_page_and_not_on_the_terminal() -> None:
    report = validate_contributed_data(load_config(given()))
    assert "engine" not in to_text(report)
    assert "duckdb (as configured)" in to_html(report)


def test_the_same_submission_with_another_engine_is_the_same_integration(folder: Path) -> None:
    first = integrate_contributed_data(**given(engine="duckdb"))
    again = integrate_contributed_data(**given(engine="auto"))
    assert again.receipt.already_published
    assert again.receipt.engine == first.receipt.engine
    configs = [load_config(given(engine=engine)) for engine in ("duckdb", "spark", "auto")]
    submission = first.receipt.submission
    ids = {integration_id(config, load_standard(config), submission, folder / "pool") for config in configs}
    assert ids == {first.receipt.integration}


def test_a_copy_is_mended_on_this_machine() -> None:
    Path("x.csv").write_text("trip,cars\nt1, 1\n")
    config = load_config(given(engine="auto", resources={"one_machine_bytes": 0}))
    report = validate_contributed_data(config, fix="mended.csv")
    assert report.engine is not None
    assert (report.engine.name, report.engine.reason) == ("duckdb", "a copy is mended on this machine")
    with pytest.raises(Misuse, match=r"^A copy is mended on this machine, and engine is spark\.\n\n"):
        validate_contributed_data(load_config(given(engine="spark")), fix="other.csv")


def test_rows_are_migrated_on_this_machine(folder: Path) -> None:
    new = CONTRACT.replace("cars: int", "trucks: int") + '\n\nMIGRATION = {"1.0": {"trucks": _.cars}}\n'
    (folder / "contracts/trips/v2_0.py").write_text("from ibis import _\n" + new)
    offered = {"contract": "trips@1", "migrate_to": "trips@2"}
    config = load_config(given(schema_config=offered, engine="auto", resources={"one_machine_bytes": 0}))
    report = validate_contributed_data(config)
    assert report.engine is not None
    assert (report.engine.name, report.engine.reason) == ("duckdb", "rows are migrated on this machine")
    for call in (validate_contributed_data, integrate):
        with pytest.raises(Misuse, match=r"^Rows are migrated on this machine, and engine is spark\.\n\n"):
            call(load_config(given(schema_config=offered, engine="spark")))


@pytest.mark.parametrize("command", [["validate"], ["integrate", "--into", "pool"]])
def test_the_command_line_takes_an_engine(command: list[str]) -> None:
    Path("c.yaml").write_text("engine: spark\ntracking: false\n")
    words = [*command, "x.csv", "--contract", "trips", "--config", "c.yaml", "--format", "json", "--engine"]
    done = command_line(*words, "auto")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["engine"]["reason"].endswith("within the 256 GB that one machine takes on")
    wrong = command_line(*words, "sparkle")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "'engine' in c.yaml: Input should be 'duckdb', 'spark' or 'auto'." in wrong.stderr


WITHOUT = "import sys; sys.modules['pyspark'] = None; from tidegate.cli import main; sys.argv[0] = 'tidegate'; main()"
"""The command line where `import pyspark` fails."""


@pytest.mark.parametrize("command", [["validate"], ["integrate", "--into", "pool"]])
def test_where_spark_is_not_installed_that_is_told_before_a_file_is_read(command: list[str]) -> None:
    words = [*command, "not-there.csv", "--contract", "trips", "--engine", "spark"]
    done = subprocess.run([sys.executable, "-c", WITHOUT, *words], capture_output=True, text=True)
    told = "misuse: Spark is not installed.\n\nInstall it with: pip install 'tidegate[spark]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
    assert not Path("pool").exists()
