"""What only Pandera can judge is dealt out to processes where there are many rows, and comes to the same verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.audit.pandera_rules import judge_in_pandera
from tidegate.columns import RECORD
from tidegate.config import Resources
from tidegate.errors import BrokenContract
from tidegate.registry import Contract

ROWS = 300_000
BODY = """
    a: int = pa.Field(nullable=False)
    b: Optional[str]
    @pa.check("a")
    def odd(cls, cells):
        {body}
"""


def judged(
    bench: Any, contract: Contract, rows: int = ROWS, left_out: Sequence[str] = (), **resources: Any
) -> tuple[list[int], int, dict[str, str]]:
    """The failing records, in how many processes they were found, and what was not evaluated."""
    table = bench.table(pa.table({"a": pa.array(range(rows)), "b": pa.nulls(rows, pa.string())}))
    rules = {n: rule for n, rule in enumerate(contract.rules) if rule.definition is not None}
    files, not_evaluated = judge_in_pandera(
        bench.engine, table, contract, rules, bench.folder, left_out, Resources(**{"threads": 2} | resources)
    )
    found = bench.engine.table("found", files).to_pyarrow().to_pylist() if files else []
    assert {row["rule"] for row in found} <= set(rules)
    return sorted(row[RECORD] for row in found), len(files), not_evaluated


def contract(make: Callable[[str], Contract], body: str) -> Contract:
    return make(BODY.format(body=body))


@pytest.mark.duckdb("it is about processes on this machine")
def test_many_rows_are_judged_by_several_processes(
    bench: Any, make_contract: Callable[[str], Contract], capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = contract(make_contract, "print('said by the author'); return cells % 50_000 != 49_999")
    every = [50_000 * n for n in range(1, 7)]
    assert judged(bench, loaded) == (every, 2, {})
    assert judged(bench, loaded, rows=50_000) == ([50_000], 1, {})
    assert judged(bench, loaded, threads=1) == (every, 1, {})
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("rows", [10, ROWS])
def test_a_check_over_all_columns_does_not_see_what_the_submission_lacks(
    bench: Any, make_contract: Callable[[str], Contract], rows: int
) -> None:
    body = """
    a: int
    b: Optional[str]
    @pa.dataframe_check
    def alone(cls, df):
        return ~df["a"].isin([7]) if "b" in df else df["a"] != 3
    """
    loaded = make_contract(body)
    assert [judged(bench, loaded, rows, left_out)[0] for left_out in ((), ["b"])] == [[8], [4]]


@pytest.mark.duckdb("it is about processes on this machine")
def test_a_process_has_nothing_to_read_and_is_not_in_our_group(
    bench: Any, make_contract: Callable[[str], Contract]
) -> None:
    """Ctrl-C in a terminal is sent to the group, and is for us alone."""
    alone = "os.getpgid(0) == os.getpid() and os.path.samestat(os.fstat(0), os.stat(os.devnull))"
    loaded = contract(make_contract, f"import os; return cells >= (0 if len(cells) < 9 or {alone} else 10 ** 9)")
    readable, writable = os.pipe()
    ours = os.dup(0)
    try:
        os.dup2(readable, 0)
        assert judged(bench, loaded) == ([], 2, {})
    finally:
        os.dup2(ours, 0)
        for descriptor in (readable, writable, ours):
            os.close(descriptor)


@pytest.mark.duckdb("it is about processes on this machine")
@pytest.mark.parametrize(
    ("body", "reason", "max_seconds"),
    [
        ("if cells.max() > 250_000: raise KeyError('x')\n        return cells >= 0", "the check raised KeyError", 100),
        ("if cells.max() > 250_000: import os; os._exit(3)\n        return cells >= 0", "ended with 3", 100),
        ("if cells.max() > 250_000: import time; time.sleep(60)\n        return cells >= 0", "a timeout after 8 s", 8),
    ],
)
def test_what_goes_wrong_in_one_process_is_no_pass(
    bench: Any, make_contract: Callable[[str], Contract], body: str, reason: str, max_seconds: int
) -> None:
    _, _, not_evaluated = judged(bench, contract(make_contract, body), max_seconds=max_seconds)
    assert list(not_evaluated) == ["a.odd"]
    assert reason in not_evaluated["a.odd"]


@pytest.mark.duckdb("it is about processes on this machine")
def test_the_processes_import_what_the_contract_imports(
    bench: Any, make_contract: Callable[[str], Contract], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "house_rules_of_the_author.py").write_text("LIMIT = 299_999\n")
    monkeypatch.syspath_prepend(tmp_path)
    loaded = contract(make_contract, "from house_rules_of_the_author import LIMIT; return cells < LIMIT")
    assert judged(bench, loaded) == ([300_000], 2, {})


def test_a_contract_that_changes_meanwhile_is_not_judged_by(
    bench: Any, make_contract: Callable[[str], Contract]
) -> None:
    loaded = contract(make_contract, "return cells >= 0")
    loaded.path.write_text(loaded.path.read_text().replace(">= 0", ">= 5"))
    with pytest.raises(BrokenContract, match="changed while it was used"):
        judged(bench, loaded)


def test_a_check_that_looks_at_other_rows_of_the_real_data_is_refused(
    bench: Any, make_contract: Callable[[str], Contract]
) -> None:
    made_up = "if set(cells) <= {1, 2, 4}: raise ValueError\n        "  # so that loading the contract learns nothing
    with pytest.raises(BrokenContract, match="looks at more than one row"):
        judged(bench, contract(make_contract, made_up + "return cells > cells.mean()"), rows=10)


BACKTRACKS = "import re; return cells.map(lambda _: re.match(r'(a|aa)+$', 'a' * 60 + 'b') is None)"


@pytest.mark.parametrize("in_the_main_thread", [True, False])
def test_a_pattern_that_a_cell_can_make_hang_is_no_pass(
    bench: Any, make_contract: Callable[[str], Contract], in_the_main_thread: bool
) -> None:
    made_up = "if set(cells) <= {1, 2, 4}: raise ValueError\n        "
    loaded = contract(make_contract, made_up + BACKTRACKS)
    told: list[Any] = []

    def judge() -> None:
        told.append(judged(bench, loaded, rows=10, max_seconds=5))

    if in_the_main_thread:
        judge()
    else:
        thread = threading.Thread(target=judge)
        thread.start()
        thread.join()
    assert told == [([], 0, {"a.odd": "judging it in Pandera ended with a timeout after 5 s"})]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_process_that_hangs_ends_with_the_one_that_started_it(
    make_contract: Callable[[str], Contract], tmp_path: Path
) -> None:
    hangs = "cells.max() == 12345 and re.match('(a+)+$', 'a' * 40 + 'b')"
    loaded = contract(make_contract, f"import re; {hangs}; return cells > 0")
    table = pa.table({RECORD: pa.array([1]), "a": pa.array([12345]), "b": pa.nulls(1, pa.string())})
    pq.write_table(table, tmp_path / "rows.parquet")
    (rule,) = [rule for rule in loaded.rules if rule.definition is not None]
    job = {
        "contract": str(loaded.path), "digest": loaded.digest, "matched": {}, "rules": {"0": rule.id},
        "rows": str(tmp_path / "rows.parquet"), "failures": str(tmp_path / "failures.parquet"),
        "left_out": [], "part": (0, 1),
    }  # fmt: skip
    worker = [sys.executable, "-P", "-m", "tidegate.audit.pandera_worker", json.dumps(job)]
    start = (
        "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); import time; time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", start, *worker], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    while not (tmp_path / "failures.parquet").exists():  # by then it has asked the system, and judges
        assert child.is_running()
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    psutil.wait_procs([child], timeout=60)
    ended = not child.is_running()
    if not ended:
        child.kill()
    parent.stdout.close()
    assert ended
