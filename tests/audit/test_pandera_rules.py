"""What only Pandera can judge is dealt out to processes where there are many rows, and comes to the same verdict."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tidegate.audit.pandera_rules import judge_in_pandera
from tidegate.columns import RECORD
from tidegate.config import Resources
from tidegate.errors import BrokenContract
from tidegate.registry import Contract

ROWS = 600_000
BODY = """
    a: int = pa.Field(nullable=False)
    b: Optional[str]
    @pa.check("a")
    def odd(cls, cells):
        {body}
"""


def judged(bench: Any, contract: Contract, rows: int = ROWS, **resources: Any) -> tuple[list[int], int, dict[str, str]]:
    """The failing records, in how many processes they were found, and what was not evaluated."""
    table = bench.table(pa.table({"a": pa.array(range(rows)), "b": pa.nulls(rows, pa.string())}))
    rules = {n: rule for n, rule in enumerate(contract.rules) if rule.definition is not None}
    files, not_evaluated = judge_in_pandera(
        bench.engine, table, contract, rules, bench.folder, resources=Resources(threads=2, **resources)
    )
    found = bench.engine.table("found", files).to_pyarrow().to_pylist() if files else []
    assert {row["rule"] for row in found} <= set(rules)
    return sorted(row[RECORD] for row in found), len(files), not_evaluated


def contract(make: Callable[[str], Contract], body: str) -> Contract:
    return make(BODY.format(body=body))


def test_many_rows_are_judged_by_several_processes(bench: Any, make_contract: Callable[[str], Contract]) -> None:
    loaded = contract(make_contract, "print('said by the author'); return cells % 100_000 != 99_999")
    every = [100_000 * n for n in range(1, 7)]
    assert judged(bench, loaded) == (every, 2, {})
    assert judged(bench, loaded, rows=100_000) == ([100_000], 1, {})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("if cells.max() > 500_000: raise KeyError('x')\n        return cells >= 0", "the check raised KeyError"),
        ("if cells.max() > 500_000: import os; os._exit(3)\n        return cells >= 0", "ended with 3"),
        ("if cells.max() > 500_000: import time; time.sleep(60)\n        return cells >= 0", "a timeout after 8 s"),
    ],
)
def test_what_goes_wrong_in_one_process_is_no_pass(
    bench: Any, make_contract: Callable[[str], Contract], body: str, reason: str
) -> None:
    _, _, not_evaluated = judged(bench, contract(make_contract, body), max_seconds=8)
    assert list(not_evaluated) == ["a.odd"]
    assert reason in not_evaluated["a.odd"]


def test_the_processes_import_what_the_contract_imports(
    bench: Any, make_contract: Callable[[str], Contract], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "house_rules_of_the_author.py").write_text("LIMIT = 599_999\n")
    monkeypatch.syspath_prepend(tmp_path)
    loaded = contract(make_contract, "from house_rules_of_the_author import LIMIT; return cells < LIMIT")
    assert judged(bench, loaded) == ([600_000], 2, {})


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
