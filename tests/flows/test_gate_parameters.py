"""What `@gate` is given, by whom, and what it puts into a code package."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from metaflow import current, step
from metaflow.plugins import CARDS
from metaflow.system_context import system_context

from tidegate.flows.card import CARD, ReportCard
from tidegate.flows.gate import _Judge, came_along, gate, parameters
from tidegate.receipt import Receipt, RowCounts, Submission, Versioned
from tidegate.reports import receipt_to_html

REGISTRY = {"contracts/trips/v1_0.py", "expectations/trips/v1_0.json", "contracts.toml"}


def a_flow(**more: Any) -> SimpleNamespace:
    """What the gate asks of a flow: its parameters and artifacts, and the item of its foreach."""
    return SimpleNamespace(input=None, **more) if "input" not in more else SimpleNamespace(**more)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    for name in (*REGISTRY, "contracts/trips/examples/valid.csv", "notes.md"):
        (tmp_path / "registry" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "registry" / name).touch()
    return tmp_path / "registry"


@pytest.mark.parametrize(
    ("flow", "arguments", "given"),
    [
        ({"data_path": "a.csv", "training_data": "pool"}, {}, {"data_path": "a.csv", "training_data": "pool"}),
        ({"training_data": "pool"}, {"training_data": "own"}, {"training_data": "own"}),
        ({"training_data": "pool"}, {"training_data": None}, {"training_data": "pool"}),
        ({"input": "a.csv"}, {}, {"data_path": "a.csv"}),
        ({"input": "a.csv", "data_path": "all/"}, {}, {"data_path": "a.csv"}),
        ({"input": "ann"}, {"data_path": "a.csv"}, {"data_path": "a.csv"}),
        ({"input": 3}, {"data_path": "a.csv"}, {"data_path": "a.csv"}),
        (
            {"input": {"data_path": "a.csv", "contributor": "ann"}, "contributor": "all"},
            {"contributor": "any"},
            {"data_path": "a.csv", "contributor": "ann"},
        ),
        ({"input": {"depth": 3}, "data_path": "a.csv"}, {}, {"data_path": "a.csv"}),
        # Of these names, but something of the flow's own: an option, a step, nothing.
        ({"config": {"depth": 3}, "output": print, "holdout": "", "contributor": None}, {}, {}),
    ],
)
def test_the_nearest_to_the_contribution_is_taken(
    flow: dict[str, Any], arguments: dict[str, Any], given: dict[str, Any]
) -> None:
    assert parameters(a_flow(**flow), arguments) == given


def test_the_package_has_what_judges_and_each_gate_its_own(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text(f"registry: {registry}\n")
    packaged = []
    for over in (gate(registry=str(registry)), gate(config=str(tmp_path / "gate.yaml"))):

        def judged(self: Any) -> None:
            pass

        over(step(judged))
        over.external_init()
        packaged.append({name for _, name, _ in over.add_to_package()})
    assert packaged[0] == {f"tidegate_registry/judged/{name}" for name in REGISTRY}
    assert packaged[1] == packaged[0] | {"tidegate_registry/judged/config.yaml"}


def test_what_came_along_is_used_in_place_of_what_the_decorator_names_and_of_nothing_else(
    registry: Path, tmp_path: Path
) -> None:
    arguments = {"registry": "../registry", "config": "../gate.yaml"}
    nowhere = tmp_path / "nowhere"
    assert came_along(arguments, arguments, nowhere) == arguments
    (registry / "config.yaml").touch()
    assert came_along(arguments, arguments, registry) == {
        "registry": str(registry), "config": str(registry / "config.yaml")
    }  # fmt: skip
    (registry / "config.yaml").unlink()
    assert came_along({}, {}, registry) == {"registry": str(registry)}
    assert came_along({"registry": "/own"}, {}, registry) == {"registry": "/own"}, "the flow names another"
    (tmp_path / "own.yaml").write_text("registry: /own\n")
    own = {"config": str(tmp_path / "own.yaml")}
    assert came_along(own, {}, registry) == own, "the flow's configuration names another"
    (tmp_path / "own.yaml").write_text("contributor: ann\n")
    assert came_along(own, {}, registry) == own | {"registry": str(registry)}


def test_nothing_runs_where_catch_stands_in_for_tries_that_were_killed() -> None:
    before = system_context.max_user_code_retries
    try:
        system_context._update(max_user_code_retries=1)
        current._update_env({"retry_count": 2})
        judge = _Judge(on_rejection="fail", arguments={"schema_config": "none"})
        judge.external_init()
        flow = a_flow(
            verdict="accepted", dataset=print, receipt={"verdict": "accepted"}, report_page="<h1>Accepted</h1>"
        )
        judge.pre_step("judged", flow)  # else it would ask for training_data
        told = flow.verdict, flow.dataset, flow.receipt, flow.report_page
        assert told == (None,) * 4, "of the gate before"
    finally:
        system_context._update(max_user_code_retries=before)
        current._update_env({"retry_count": 0})


def test_metaflow_knows_the_card_once() -> None:
    assert [card for card in CARDS if card.type == CARD] == [ReportCard]


def test_a_receipt_without_its_report_has_a_page_with_the_same_figures() -> None:
    contract = Versioned(name="trips", version="1.0", digest="c" * 64)
    receipt = Receipt(
        integration="i" * 64, verdict="accepted", submission=Submission(id="s" * 64, files=()), contract=contract,
        suite=None, rows=RowCounts(read=2_000, malformed=1, failed=2, duplicate=3, leaked=4, accepted=1_990),
        merge_strategy="append", report_digest="r" * 64, tidegate="0", created_at="2026-11-27T00:00:00+00:00",
        dataset_uri="<b>pool</b>", dataset_version=3, dataset_rows=1_990,
    )  # fmt: skip
    page = receipt_to_html(receipt)
    assert "<h1>Accepted</h1>" in page
    assert "Published as version 3 of <code>&lt;b&gt;pool&lt;/b&gt;</code>" in page
    for figure in ("2,000 records were read", '1,990</td><td class="number">99.50 %', "r" * 64):
        assert figure in page
