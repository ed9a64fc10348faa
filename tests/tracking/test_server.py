"""Against real tracking servers: what a run has, that no personal value is in it, how it is found, and its lineage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from tests.cli.in_process import command_line
from tests.docs.test_complete import rows
from tests.tracking.servers import mlflow_server, postgresql

from tidegate import SubmissionRejected, integrate_contributed_data
from tidegate.data_integration import IntegrationResult
from tidegate.errors import Misuse
from tidegate.pool import as_input

CONTRACT = '''
"""Members of a club."""
import pandera.pandas as pa


class Members(pa.DataFrameModel):
    """One member."""

    member: int = pa.Field(metadata={"key": True})
    email: str = pa.Field(str_matches=r"^[^@]+@[^@]+$", metadata={"personal": True})
    card: int = pa.Field(ge=400_000_000_000, metadata={"personal": True})
    visits: int = pa.Field(ge=0, nullable=True)
    contact: str = pa.Field(nullable=True)
'''
SUITE = {
    "name": "members",
    "expectations": [
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "email", "regex": "example.org$"},
         "severity": "warning"},
        {"type": "expect_column_max_to_be_between", "kwargs": {"column": "card", "max_value": 400_000_000_001},
         "severity": "warning"},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "visits", "max_value": 50},
         "severity": "warning"},
    ],
}  # fmt: skip
HEADER = "member,email,card,visits,contact\n"
FIRST = HEADER + "1,zebedee@example.com,712345678901,5,\n2,quentin@example.org,698765432109,7,\n"
# A bad address, a bad card, a card that is no number, a duplicate; and a column that nobody marked.
SECOND = HEADER + (
    "3,ursula@example.com,523456789012,17,\n4,not-an-address,434567890123,3,\n5,tobias@example.org,345678901234,4,\n"
    "6,wilma@example.org,nineteen,4,\n1,zebedee@example.com,712345678901,5,\n7,yorick@example.org,456789012345,,+14155552671\n"
)
THIRD = HEADER + "8,no-address-either,567890123456,1,\n"
PERSONAL = [
    "zebedee", "quentin", "ursula", "not-an-address", "tobias", "wilma", "yorick", "no-address-either",
    "712345678901", "698765432109", "523456789012", "434567890123", "345678901234", "nineteen", "456789012345",
    "567890123456",
]  # fmt: skip


@dataclass(frozen=True)
class World:
    """What was integrated, and where it is recorded."""

    folder: Path
    server: str
    pipeline: str
    first: IntegrationResult
    second: IntegrationResult
    rejected: str
    training: str

    @property
    def pool(self) -> str:
        return str(self.folder / "pool")

    def runs(self, text: str) -> list[Any]:
        found: list[Any] = mlflow.search_runs(experiment_names=["tidegate"], filter_string=text, output_format="list")
        return found

    def told(self, *arguments: str) -> dict[str, Any]:
        done = command_line("lineage", *arguments, "--format", "json")
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def enter(folder: Path, server: str, patch: pytest.MonkeyPatch) -> None:
    """A folder with a registry in it, and a tracking server for whoever asks."""
    (folder / "contracts/members").mkdir(parents=True)
    (folder / "contracts/members/v1_0.py").write_text(CONTRACT)
    (folder / "expectations/members").mkdir(parents=True)
    (folder / "expectations/members/v1_0.json").write_text(json.dumps(SUITE))
    patch.chdir(folder)
    patch.setenv("TIDEGATE_REGISTRY", str(folder))
    patch.setenv("MLFLOW_TRACKING_URI", server)


def integrate(name: str, rows: str, contributor: str) -> IntegrationResult:
    Path(name).write_text(rows)
    return integrate_contributed_data(
        data_path=name, schema_config="members@1", training_data="pool", contributor=contributor,
        validation_config={"max_failing_fraction": 0.6}, tracking={"max_seconds": 120},
        report={"data_docs": contributor == "bob"},
    )  # fmt: skip


def train(result: IntegrationResult) -> str:
    """A model that was trained on what an integration came to, and is registered as `delay`."""
    mlflow.set_experiment("training")
    with mlflow.start_run(run_name="fit") as run:
        result.dataset.log_input()
    client = MlflowClient()
    client.create_registered_model("delay")
    client.create_model_version("delay", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.set_registered_model_alias("delay", "champion", "1")
    return str(run.info.run_id)


@pytest.fixture(scope="module")
def world(warm: Path, tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(warm, f"sqlite:///{folder / 'server.db'}", folder) as server:
        enter(folder, server, patch)
        mlflow.set_experiment("pipelines")
        with mlflow.start_run(run_name="pipeline") as pipeline:
            first = integrate("first.csv", FIRST, "ada")
        second = integrate("second.csv", SECOND, "bob")
        with pytest.raises(SubmissionRejected) as rejected:
            integrate("third.csv", THIRD, "eve")
        training = train(second)
        submission = rejected.value.report.submission.id
        yield World(folder, server, pipeline.info.run_id, first, second, submission, training)


@pytest.fixture(scope="module")
def artifacts(world: World) -> Path:
    """The artifacts of the second integration, and the rejected one's beside them."""
    for contributor in ("bob", "eve"):
        (run,) = world.runs(f"tags.`tidegate.contributor` = '{contributor}'")
        MlflowClient().download_artifacts(run.info.run_id, "tidegate", str(_folder(world, contributor)))
    return world.folder


def _folder(world: World, contributor: str) -> Path:
    folder = world.folder / contributor
    folder.mkdir()
    return folder


def test_runs_are_found_by_contract_contributor_and_verdict(world: World) -> None:
    assert len(world.runs("tags.`tidegate.contract` = 'members@1.0'")) == 3
    assert len(world.runs("tags.`tidegate.contract` LIKE 'flights@%'")) == 0
    (bob,) = world.runs("tags.`tidegate.contributor` = 'bob' AND tags.`tidegate.verdict` = 'accepted'")
    assert bob.data.tags["tidegate.submission"] == world.second.receipt.submission.id
    (eve,) = world.runs("tags.`tidegate.verdict` = 'rejected'")
    assert eve.data.tags["tidegate.submission"] == world.rejected
    assert len(world.runs("metrics.failed_rate > 0.3")) == 2
    (ada,) = world.runs(f"tags.`mlflow.parentRunId` = '{world.pipeline}'")
    assert ada.data.tags["tidegate.contributor"] == "ada"
    assert {run.info.status for run in (ada, bob, eve)} == {"FINISHED"}


def test_a_run_has_figures_and_datasets_with_schema_and_profile(world: World) -> None:
    (run,) = world.runs("tags.`tidegate.contributor` = 'bob'")
    rows = world.second.receipt.rows.model_dump()
    assert rows == {"read": 6, "malformed": 1, "failed": 2, "duplicate": 1, "leaked": 0, "accepted": 2}
    assert {name: run.data.metrics[name] for name in rows} == rows
    assert run.data.metrics["accepted_rate"] == pytest.approx(1 / 3)
    assert run.data.metrics["dataset_rows"] == 4
    assert run.data.metrics["expectations_not_passed"] == 2
    found = {one.tags[0].value: one.dataset for one in run.inputs.dataset_inputs}
    assert set(found) == {"pool_before", "contribution", "pool_after"}
    for context, version in (("pool_before", 0), ("pool_after", 1)):
        told = as_input(world.pool, version)
        assert (found[context].name, found[context].digest) == (f"pool@{version}", told.digest)
        assert json.loads(found[context].source) == {"path": world.pool, "delta_table_version": version}
        assert json.loads(found[context].schema)["mlflow_colspec"][1]["name"] == "email"
    assert json.loads(found["pool_after"].profile)["num_rows"] == 4
    contribution = found["contribution"]
    profile = json.loads(contribution.profile)
    assert contribution.digest == world.second.receipt.submission.id[:36]
    assert (profile["num_rows"], profile["accepted"], profile["num_files"]) == (6, 2, 1)
    assert profile["accepted_columns"] == {
        "member": {"nulls": 0, "min": 3, "max": 7},
        "email": {"nulls": 0},
        "card": {"nulls": 0},
        "visits": {"nulls": 1, "min": 17, "max": 17},
        "contact": {"nulls": 1},
    }
    columns = json.loads(contribution.schema)["mlflow_colspec"]
    assert columns[2:4] == [
        {"name": "card", "required": True, "type": "long"},
        {"name": "visits", "required": False, "type": "long"},
    ]


TREE = [
    "contract.md", "contract.py", "data_docs.html", "expectations.json", "expectations_result.json",
    "quarantine_summary.parquet", "receipt.json", "report.html", "report.json", "training_data.json",
]  # fmt: skip


@pytest.mark.parametrize("name", TREE)
def test_an_artifact_has_no_personal_value(artifacts: Path, name: str) -> None:
    path = artifacts / "bob/tidegate" / name
    if path.suffix == ".parquet":
        summary = pq.read_table(path).to_pylist()
        assert set(summary[0]) == {"code", "rule", "column", "records"}
        assert sum(row["records"] for row in summary) >= 4
        text = repr(summary)
    else:
        text = path.read_text(encoding="utf-8")
    assert [value for value in PERSONAL if value in text] == []


def documented(heading: str) -> set[str]:
    """The names in the first cells of a table of docs/tracking.md."""
    return {name for cell in rows("tracking.md", heading) for name in re.findall(r"`([\w.]+)`", f"`{cell}`")}


def test_tags_metrics_and_artifacts_are_those_that_are_documented(world: World, artifacts: Path) -> None:
    (run,) = world.runs("tags.`tidegate.contributor` = 'bob'")
    tags = {tag for tag in run.data.tags if tag.startswith("tidegate.")}
    assert documented("Tags") == tags | {"tidegate.migrated_from"}
    counts = {metric for metric in run.data.metrics if not metric.startswith("seconds_")}
    assert documented("Metrics") == counts | {"seconds_acquire", "seconds_stage"}
    assert documented("Artifacts") == set(TREE)


def test_the_tree_is_the_same_for_each(artifacts: Path) -> None:
    assert sorted(path.name for path in (artifacts / "bob/tidegate").iterdir()) == TREE
    # Of nothing that is left to go in the suite has no result.
    assert sorted(path.name for path in (artifacts / "eve/tidegate").iterdir()) == [
        name for name in TREE if name not in ("data_docs.html", "expectations_result.json")
    ]
    kept = {path.name: path.read_text() for path in (artifacts / "eve/tidegate").iterdir() if path.suffix != ".parquet"}
    assert [(name, value) for name, text in kept.items() for value in PERSONAL if value in text] == []
    told = json.loads((artifacts / "bob/tidegate/expectations_result.json").read_text())["expectations"]
    assert [(each["status"], each["result"]["observed"] is None) for each in told] == [
        ("failed", True), ("failed", True), ("passed", False),
    ]  # fmt: skip
    assert json.loads((artifacts / "bob/tidegate/expectations.json").read_text()) == SUITE
    assert "For trusted data only" in (artifacts / "bob/tidegate/data_docs.html").read_text()
    assert "| `email` **personal** |" in (artifacts / "bob/tidegate/contract.md").read_text()


def test_nothing_else_of_a_run_has_a_personal_value(world: World) -> None:
    for run in world.runs(""):
        assert [value for value in PERSONAL if value in json.dumps(run.to_dictionary())] == []


def test_lineage_goes_back_from_a_model_and_forward_from_a_submission(world: World) -> None:
    for name in (world.training, f"runs:/{world.training}", "models:/delay/1", "models:/delay@champion", "delay/1"):
        told = world.told(name)
        assert told["model"]["registered"] == ["delay/1"]
        (version,) = told["versions"]
        assert (version["uri"], version["version"]) == (world.pool, 1)
        assert [one["receipt"]["submission"]["contributor"] for one in version["contributions"]] == ["ada", "bob"]
    told = world.told(world.first.receipt.submission.id[:12])
    assert [held["versions"] for held in told["submission"]["held"]] == [[0, 1]]
    assert [(model["run"], model["name"]) for model in told["models"]] == [(world.training, "fit")], "no integration"
    assert [model["run"] for model in world.told(f"{world.pool}@1")["models"]] == [world.training]
    assert world.told(f"{world.pool}@0")["models"] == []
    shown = command_line("lineage", f"runs:/{world.training}").stdout
    assert shown.startswith(f"runs:/{world.training} fit (delay/1) was trained on:\n{world.pool}@1\n")
    rejected = world.told(world.rejected)
    assert (rejected["submission"]["held"], rejected["models"]) == ([], [])
    assert [receipt["verdict"] for receipt in rejected["submission"]["rejected"]] == ["rejected"]


def test_a_run_in_a_run_has_what_that_one_was_given(world: World) -> None:
    with mlflow.start_run(run_id=world.training), mlflow.start_run(nested=True, run_name="fold") as fold:
        pass
    assert world.told(fold.info.run_id)["versions"][0]["version"] == 1
    for name, fact in ((world.pipeline, "was given no version of a pool"), ("0" * 32, "knows of no such model or run"),
                       ("models:/nobody/1", "knows of no such model or run")):  # fmt: skip
        done = command_line("lineage", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert fact in done.stderr


def test_a_dataset_is_logged_to_a_run_under_way_alone(world: World) -> None:
    with pytest.raises(Misuse, match="no MLflow run under way"):
        world.first.dataset.log_input()


def test_the_same_with_postgresql_behind_it(
    tmp_path: Path, warm: Path, require_program: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = require_program("initdb", package="postgresql").resolve().parent
    with postgresql(programs) as store, mlflow_server(warm, store, tmp_path) as server:
        enter(tmp_path, server, monkeypatch)
        result = integrate("second.csv", SECOND, "bob")
        training = train(result)
        (run,) = mlflow.search_runs(
            experiment_names=["tidegate"],
            filter_string="tags.`tidegate.contract` = 'members@1.0'",
            output_format="list",
        )
        assert (run.info.status, run.data.metrics["accepted"]) == ("FINISHED", 3)
        assert [value for value in PERSONAL if value in json.dumps(run.to_dictionary())] == []
        names = [file.path for file in MlflowClient().list_artifacts(run.info.run_id, "tidegate")]
        assert sorted(names) == [f"tidegate/{name}" for name in TREE]
        told = json.loads(command_line("lineage", result.receipt.submission.id, "--format", "json").stdout)
        assert [(model["run"], model["registered"]) for model in told["models"]] == [(training, ["delay/1"])]
        back = json.loads(command_line("lineage", "models:/delay/1", "--format", "json").stdout)
        assert back["versions"][0]["contributions"][0]["receipt"]["integration"] == result.receipt.integration
