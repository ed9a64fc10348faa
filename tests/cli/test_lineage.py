"""`tidegate lineage` of what pools and receipts tell, without MLflow; with it: tests/tracking/test_server.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.in_process import command_line
from tests.pool.test_publish import SCHEMA, receipt, rows_file

from tidegate.pool import publish, revoke, rollback
from tidegate.receipt import Receipt
from tidegate.tracking.servers import without_password

ADA, BOB, MERGED = "a" * 64, "b" * 64, "c" * 64


def whose(integration: str, submission: str, **more: Any) -> Receipt:
    made = receipt(integration, 2)
    return made.model_copy(
        update={"submission": made.submission.model_copy(update={"id": submission, "contributor": integration}), **more}
    )


def keep(made: Receipt, version: int | None) -> None:
    """Keep a receipt and which version of the pool it met, as an integration does."""
    folder = Path(".tidegate/receipts") / made.integration[:32]
    folder.mkdir(parents=True)
    (folder / "receipt.json").write_text(made.model_dump_json())
    (folder / "training_data.json").write_text(json.dumps({"uri": str(Path("pool").resolve()), "version": version}))


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two submissions, a dataset merged of both and a third, and then the second is revoked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    pool, merged = tmp_path / "pool", tmp_path / "merged"
    for integration, submission in (("1", ADA), ("2", BOB)):
        made = whose(integration, submission)
        version = publish(pool, [rows_file(tmp_path / "work", submission, [1, 2])], SCHEMA, made, fresh=False).version
        placed = {"dataset_uri": str(pool), "dataset_version": version}
        keep(made.model_copy(update=placed), version - 1 if version else None)
    made = whose("3", MERGED, merge_strategy="interleave")
    publish(merged, [rows_file(tmp_path / "work", MERGED, [3, 4])], SCHEMA, made, fresh=True)
    keep(made.model_copy(update={"dataset_uri": str(merged), "dataset_version": 0}), 1)
    revoke(pool, submission=BOB)
    return pool


def told(*arguments: str) -> dict[str, Any]:
    done = command_line("lineage", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_version_names_its_submissions_and_what_became_of_them(pool: Path) -> None:
    (version,) = told(f"{pool}@1")["versions"]
    assert [(one["version"], one["there"], one["left"]) for one in version["contributions"]] == [
        (0, True, None), (1, True, {"version": 2, "how": "revoked"}),
    ]  # fmt: skip
    shown = command_line("lineage", "pool@2").stdout
    assert [line.split()[-4:] for line in shown.splitlines() if "revoked" in line] == [
        ["revoked", "in", "version", "2"]
    ]
    assert "There is no tracking server to ask for models." in shown


def test_a_submission_is_followed_into_datasets_made_of_the_pool(pool: Path) -> None:
    found = told(BOB[:8])["submission"]
    (held,) = found["held"]
    assert (found["contributor"], held["uri"], held["versions"]) == ("2", str(pool), [1])
    assert held["left"] == {"version": 2, "how": "revoked"}
    assert [(made["uri"], made["pool_version"]) for made in held["derived"]] == [(str(pool.with_name("merged")), 1)]
    assert [held["uri"] for held in told(MERGED[:6])["submission"]["held"]] == [str(pool.with_name("merged"))]
    rollback(pool, 1)
    shown = command_line("lineage", BOB, "--pool", "pool", "--state-dir", "nowhere").stdout
    assert f"{pool}: 2 rows in version 1, held by 1, 3\n" in shown


def test_a_merged_dataset_leads_on_to_the_pool_that_it_was_made_of(pool: Path) -> None:
    (merged,) = told("merged@0")["versions"]
    assert [one["receipt"]["submission"]["id"] for one in merged["contributions"]] == [MERGED]
    base = merged["made_of"]
    assert (base["uri"], base["version"], len(base["contributions"])) == (str(pool), 1, 2)
    (unknown,) = told("merged@0", "--state-dir", "nowhere")["versions"]
    assert unknown["made_of"] is None
    assert "no receipt here tells from which" in unknown["notes"][0]


@pytest.mark.parametrize(
    ("what", "fact"),
    [
        ("pool@7", "has no version 7"),
        ("nowhere@0", "There is no pool at"),
        ("deadbeef", "There is no submission deadbeef in the receipts of"),
        ("gibberish", "no model, no submission and no version of a pool"),
        ("models:/delay/1", "There is no tracking server to ask of models:/delay/1"),
        ("delay/1", "There is no tracking server to ask of models:/delay/1"),
    ],
)
def test_what_is_not_there_is_told_in_words(pool: Path, what: str, fact: str) -> None:
    done = command_line("lineage", what)
    assert (done.returncode, done.stdout) == (2, "")
    assert fact in done.stderr


def test_a_server_that_is_down_costs_the_models_alone(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for what, code in ((f"{pool}@1", 0), ("runs:/" + "0" * 32, 4)):
        done = command_line("lineage", what, "--mlflow", "http://ada:s3cret@127.0.0.1:9")
        assert done.returncode == code
        assert "http://127.0.0.1:9 does not answer" in done.stdout + done.stderr
        assert "s3cret" not in done.stdout + done.stderr


def test_names_are_text_and_a_server_is_named_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = whose("ann\x1b[2J", ADA)
    publish(tmp_path / "pool", [rows_file(tmp_path / "work", ADA, [1, 2])], SCHEMA, made, fresh=False)
    for command in (["lineage", "pool@0"], ["lineage", ADA, "--pool", "pool"], ["history", "pool"]):
        done = command_line(*command)
        assert (done.returncode, "\x1b" in done.stdout, r"ann\x1b[2J" in done.stdout) == (0, False, True), done
    done = command_line("lineage", "pool@0", "--mlflow", "http://[broken")
    assert (done.returncode, "Models were not looked for: http://*** cannot be asked" in done.stdout) == (0, True), done
    assert without_password("postgresql://127.0.0.1/runs?user=u&password=hush") == "postgresql://127.0.0.1/runs"
