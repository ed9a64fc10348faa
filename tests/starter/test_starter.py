"""`tidegate init`: what it makes works, and what is there stays."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from tests.cli.in_process import command_line

from tidegate import __version__
from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.errors import Misuse
from tidegate.registry import find_registry
from tidegate.starter import start


def test_a_registry_is_made_and_a_second_call_finds_it(tmp_path: Path) -> None:
    first = start(tmp_path / "new")
    assert {step.done for step in first} == {"wrote"}
    files = {path: path.read_bytes() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert {step.path for step in first} == {path.relative_to(tmp_path / "new").as_posix() for path in files}
    assert [name for name in map(str, files) if "dot_" in name or name.endswith(".txt")] == []
    assert {step.done for step in start(tmp_path / "new")} == {"kept"}
    assert {path: path.read_bytes() for path in (tmp_path / "new").rglob("*") if path.is_file()} == files


def test_its_example_behaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEGATE_REGISTRY", raising=False)
    assert find_registry().root == tmp_path
    folder = Path("contracts/trips/examples/v1_0")
    invalid = sorted((folder / "invalid").glob("*.json"))
    files = [*invalid, *(folder / "valid").glob("*.json"), Path("data/trips/example.csv")]
    settings = {
        "data_path": [str(file) for file in files], "schema_config": "trips", "cleaning_config": {"deduplicate": False},
    }  # fmt: skip
    report = validate_contributed_data(load_config(settings), "q.parquet")
    assert report.rows.read == len(invalid) + 2 + 3
    found = {(row["record"], row["rule"]) for row in pq.read_table("q.parquet").to_pylist()}
    assert {each for each in found if each[1] != "trip.unique"} == {(n, file.stem) for n, file in enumerate(invalid, 1)}


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "contracts" / "mine").mkdir(parents=True)
    (tmp_path / "contracts" / "mine" / "v1_0.py").write_text("mine")
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"')
    told = {step.path: (step.done, step.why) for step in start(tmp_path)}
    assert told["contracts"] == ("kept", "it has mine, so it needs no example")
    assert told[".pre-commit-config.yaml"] == ("kept", "it is there already")
    assert told["pyproject.toml"] == ("added to", "[tool.tidegate]")
    assert (tmp_path / "pyproject.toml").read_text() == '[project]\nname = "x"\n\n[tool.tidegate]\nregistry = "."\n'
    assert (tmp_path / ".pre-commit-config.yaml").read_text() == "repos: []\n"
    assert not (tmp_path / "contracts" / "trips").exists()


@pytest.mark.parametrize(
    ("text", "done"),
    [('tool = {black = {line-length = 100}}\n', "kept"), ('[tool.tidegate]\nregistry = "elsewhere"\n', "kept")],
)  # fmt: skip
def test_a_project_that_cannot_be_added_to_stays(text: str, done: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert {step.path: step.done for step in start(tmp_path)}["pyproject.toml"] == done
    assert (tmp_path / "pyproject.toml").read_text() == text
    (tmp_path / "pyproject.toml").write_text("[")
    with pytest.raises(Misuse, match="cannot be read"):
        start(tmp_path)


def test_a_project_keeps_its_ends_of_lines(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b'[project]\r\nname = "x"\r\n')
    start(tmp_path)
    ours = b'\r\n[tool.tidegate]\r\nregistry = "."\r\n'
    assert (tmp_path / "pyproject.toml").read_bytes() == b'[project]\r\nname = "x"\r\n' + ours
    (tmp_path / "pyproject.toml").write_bytes(b'name = "\xe9"\n')
    with pytest.raises(Misuse, match="cannot be read"):
        start(tmp_path)


def test_the_workflow_judges_the_data_that_a_change_brings(tmp_path: Path, warm: Path) -> None:
    start(tmp_path)
    workflow = yaml.safe_load((tmp_path / ".github/workflows/tidegate.yml").read_text())
    steps = workflow["jobs"]["tidegate"]["steps"]
    assert f'pip install "tidegate=={__version__}"' in [step.get("run") for step in steps]
    hooks = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {hook["entry"] for hook in hooks} == {"tidegate contracts check", "tidegate validate --contract trips"}

    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments], cwd=tmp_path, check=True
        )

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "start")
    (tmp_path / "data/trips/a b.csv").touch()
    git("add", ".")
    git("commit", "--quiet", "-m", "a bad one")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "tidegate").symlink_to(warm.with_name("tidegate"))
    script = next(step["run"] for step in steps if step.get("name") == "Changed data is accepted")
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "BASE": "HEAD~1"}
    environment.pop("TIDEGATE_REGISTRY", None)
    done = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("source-unreadable: data/trips/a b.csv is empty")
    assert "example.csv" not in done.stdout + done.stderr
    (tmp_path / "data/trips/a b.csv").unlink()
    (tmp_path / "data/trips/a b.csv").symlink_to("../../elsewhere.csv")
    git("add", ".")
    git("commit", "--quiet", "-m", "a link")
    done = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.startswith("data/ holds a link")) == (1, True), done.stderr
    # What the check makes of a commit is tried elsewhere: here, that it is asked of the one before, where there is one.
    script = next(step["run"] for step in steps if step.get("name", "").startswith("The contracts are sound"))
    (bin_folder / "tidegate").write_text('#!/bin/sh\necho "$@"\n')
    for base, wanted in {"HEAD~1": "contracts check --against HEAD~1\n", "0" * 40: "contracts check\n"}.items():
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=tmp_path, env=environment | {"BASE": base}, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, wanted), done.stderr


def test_where_other_contracts_are_nothing_is_said_of_the_example(tmp_path: Path) -> None:
    (tmp_path / "contracts" / "mine").mkdir(parents=True)
    (tmp_path / "contracts" / "mine" / "v1_0.py").write_text("mine")
    told = command_line("init", str(tmp_path)).stdout
    assert "tidegate contracts new NAME --from FILE" in told
    assert "trips" not in told
    assert ".tidegate/" in (tmp_path / ".gitignore").read_text()  # quarantines hold what is personal
