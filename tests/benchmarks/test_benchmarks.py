"""The benchmarks measure what they say: their data is what was planted, and a wrong count is no result."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from benchmarks.cases import CASES, CaseFailed, verify
from benchmarks.data import KEYS, Planted, write_failing, write_pool, write_submission
from benchmarks.measure import measure
from benchmarks.odd_data import ODD, Odd
from benchmarks.plot import draw
from benchmarks.starting import HELP, commands, measured

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("shape", KEYS)
@pytest.mark.parametrize("share", [0, 0.01, 0.1])
def test_as_many_rows_are_wrong_as_were_planted(tmp_path: Path, shape: str, share: float) -> None:
    planted = write_submission(tmp_path / "x.csv", shape, 2_000, 300, share=share, seed=7)
    write_pool(tmp_path / "pool.parquet", shape, 300, seed=7)
    assert planted == Planted(tmp_path / "x.csv", 2_000, *[round(2_000 * share)] * 3)
    duckdb.execute(f"CREATE OR REPLACE TEMP TABLE x AS SELECT * FROM read_csv('{tmp_path}/x.csv', all_varchar = true)")
    keys = ", ".join(KEYS[shape])
    repeated = duckdb.sql(f"SELECT count(*) - count(DISTINCT ({keys})) FROM x").fetchall()
    typed = ", ".join(f"{key}::VARCHAR" for key in KEYS[shape])
    if shape == "flights":
        typed = "strftime(time_hour, '%Y-%m-%dT%H:%M:%SZ'), carrier, flight::VARCHAR, origin"
    pool = f"SELECT {typed} FROM read_parquet('{tmp_path}/pool.parquet')"
    known = duckdb.sql(f"SELECT count(*) FROM x WHERE ({keys}) IN ({pool})").fetchall() if share else [(0,)]
    assert repeated[0][0] >= planted.duplicate
    assert known[0][0] == planted.overlapping


def test_a_seed_gives_the_same_file_on_any_number_of_threads(tmp_path: Path) -> None:
    for name, threads in (("a", 1), ("b", 2)):
        write_submission(tmp_path / f"{name}.csv", "flights", 20_000, 100, share=0.1, seed=3, threads=threads)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_run_ends_with_a_table_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    name = "polars, 1 % each wrong"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--size", "1MB", "--threads", "1", "--folder", tmp_path / "work",
         "--json", tmp_path / "r.json", "--only", name],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["case", name]
    assert list((tmp_path / "work").iterdir()) == []
    record = json.loads((tmp_path / "r.json").read_text())
    assert [result["case"] for result in record["results"]] == [name]
    assert all(result["peak_memory"] > 10**7 and result["floor_seconds"] > 0 for result in record["results"])
    ET.fromstring(draw(record))


@pytest.mark.thorough
def test_odd_shapes_are_judged_and_held_against_the_limit(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "benchmarks.odd", "--scale", "0.0004", "--tasks", "append", "--folder", tmp_path,
        "--json", tmp_path / "r.json", "--only",
    ]  # fmt: skip
    shape = "every row fails two rules"
    done = subprocess.run([*command, shape], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "r.json").read_text())
    assert [(row["shape"], row["verdict"]) for row in rows] == [(shape, "rejected")]
    assert list(tmp_path.iterdir()) == [tmp_path / "r.json"]
    low = subprocess.run(
        [*command, "10,000 files", "--memory-limit", "100MB"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert low.returncode == 1
    assert "above 100MB" in low.stderr


@pytest.mark.thorough
def test_both_engines_are_measured_on_the_same_rows(tmp_path: Path, require_program: Callable[..., Path]) -> None:
    require_program("java", package="default-jre-headless")
    command = [
        sys.executable, "-m", "benchmarks.scaling", "--size", "100KB", "--folder", tmp_path,
        "--json", tmp_path / "r.json", "--only", "spark, both cores",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (took,) = json.loads((tmp_path / "r.json").read_text())
    assert took["ratio"] > 0
    assert took["seconds"] > sum(took["steps"].values()) > took["steps"]["stage"] > 0
    assert list(tmp_path.iterdir()) == [tmp_path / "r.json"]


@pytest.mark.parametrize("kind", ["rules", "cells", "copies"])
def test_every_row_fails_that_was_to(tmp_path: Path, kind: str) -> None:
    write_failing(tmp_path / "x.csv", 200, kind)
    rows = duckdb.sql(f"SELECT * FROM read_csv('{tmp_path}/x.csv', all_varchar = true)").to_df()
    assert len(rows) == 200
    if kind == "rules":
        assert (rows["distance"].astype(int) < 0).all()
        assert (rows["origin"] == "PHL").all()
    if kind == "cells":
        assert (rows["distance"] == "far").all()
    if kind == "copies":
        assert len(rows.drop_duplicates()) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_a_seed_gives_the_same_odd_shape(tmp_path: Path, odd: Odd) -> None:
    def made(name: str, seed: int) -> tuple[int, int, bytes]:
        folder = tmp_path / name
        folder.mkdir()
        done = odd.make(folder, folder / "registry", 2 if odd.full == 10_000 else 100_000, seed)
        return done.rows, done.accepted, b"".join(path.read_bytes() for path in done.files)

    assert made("a", 1) == made("b", 1)
    if not odd.name.startswith("every row"):  # which are the real flights
        assert made("c", 2)[2] != made("d", 1)[2]


def outcome(**rows: int) -> dict[str, Any]:
    return {"verdict": "accepted", "rows": {"read": 100, "failed": 1, "duplicate": 2, "accepted": 97} | rows}


def test_a_program_that_counts_otherwise_has_no_result() -> None:
    planted, case = Planted(Path("x"), 100, 1, 1, 1), CASES[0]
    verify(case, planted, 10, outcome())
    verify(case, planted, 10, outcome() | {"dataset_rows": 107})
    for wrong in (outcome(accepted=98), outcome(failed=0), outcome() | {"dataset_rows": 106}):
        with pytest.raises(CaseFailed):
            verify(case, planted, 10, wrong)
    with pytest.raises(CaseFailed, match="verdict"):
        verify(case, planted, 10, outcome() | {"verdict": "rejected"})


def test_memory_of_children_and_disk_are_measured(tmp_path: Path) -> None:
    child = "import time; held = bytearray(150_000_000); time.sleep(3)"
    parent = f"import pathlib, subprocess, sys; pathlib.Path('f').write_bytes(bytes(3_000_000)); " \
             f"sys.exit(subprocess.run([sys.executable, '-c', {child!r}]).returncode + 5)"  # fmt: skip
    took = measure([sys.executable, "-c", parent], [tmp_path], cwd=tmp_path)
    assert took.exit_code == 5
    assert took.peak_memory > 150_000_000
    assert took.peak_disk >= 3_000_000
    assert took.seconds > 2.9


def test_starting_is_measured_with_all_its_processes(tmp_path: Path) -> None:
    asked = commands(tmp_path / "x.csv")
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"
    took = measured(
        {HELP: asked[HELP], "nothing": [sys.executable, "-c", ""], "a child": [sys.executable, "-c", child]}, 1
    )
    assert min(wall for _, wall in took.values()) > 0
    assert took["a child"][0] > took["nothing"][0]
