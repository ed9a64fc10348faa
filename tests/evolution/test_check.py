"""`tidegate contracts check` and `release`: what is found in a registry, and what may be released of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.evolution.conftest import Folder
from typer.testing import CliRunner

from tidegate.cli import app
from tidegate.errors import Misuse
from tidegate.evolution import FINDINGS, LOCK, Lock, mark_of
from tidegate.evolution.check import Checked, check_registry
from tidegate.evolution.release import release

OWNED = "\nclass Config:\n    strict = True\n    metadata = {'owner': 'harbour'}\n"
SOUND = "a: int = pa.Field(ge=0, description='How many.')" + OWNED
TIGHTER = "a: int = pa.Field(ge=5, description='How many.')" + OWNED
WIDER = SOUND.replace(OWNED, "\nb: Optional[int] = pa.Field(description='More.')" + OWNED)


def sound(folder: Folder, name: str, body: str = SOUND, **more: Any) -> None:
    """A version with its examples."""
    folder.write(name, body, **more)
    folder.example(name, "valid", "one", [{"a": 7}])
    folder.example(name, "invalid", "a.greater_than_or_equal_to", [{"a": -1}])


def told(checked: Checked) -> set[tuple[str, str | None, str]]:
    return {(finding.code, finding.contract, finding.file) for finding in checked.findings}


def git(folder: Folder, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", str(folder.root), *who, *arguments], check=True, capture_output=True)


def committed(folder: Folder) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "x")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Checked]:
    """A registry in which everything is wrong that can be, and what is found in it: judging examples takes a while."""
    folder = Folder(tmp_path_factory.mktemp("registry"))
    folder.write("fine@1.0", SOUND)
    folder.write("fine@1.1", WIDER)
    folder.write("breaks@1.0", SOUND)
    folder.write("breaks@1.1", TIGHTER)
    guess = [{"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "meta": {"notes": "guess: confirm. Seen."}}]
    folder.write("bare@1.0", "# guess: confirm. Seen.\na: int\nb: str = pa.Field(description=' ')", suite=guess)
    folder.write("broken@1.0", "a: complex")
    suite = [{"type": "expect_column_mean_to_be_between", "kwargs": {"column": "a", "max_value": -1}}]
    folder.write("suited@1.0", SOUND, suite=suite)
    folder.write("unsuited@1.0", SOUND, suite=[{"type": "expect_column_to_exist", "kwargs": {"column": "z"}}])
    folder.write("fine@1.x", SOUND)
    (folder.root / "contracts" / "fine" / "helpers.py").write_text("")
    (folder.root / "expectations" / "fine").mkdir()
    (folder.root / "expectations" / "fine" / "v3_0.json").write_text("{}")
    sound(folder, "exemplary@1.0", "a: int = pa.Field(ge=0, unique=True, description='How many.')" + OWNED)
    folder.example("exemplary@1.0", "valid", "two", [{"a": -7}])
    folder.example("exemplary@1.0", "invalid", "a.unique", [{"a": 1}, {"a": 1}])
    folder.example("exemplary@1.0", "invalid", "a.dtype", [{"a": "x"}, {"a": "y"}])
    folder.example("exemplary@1.0", "invalid", "a.not_nullable", [{"a": None}, {"a": -1}])
    folder.example("exemplary@1.0", "invalid", "a.column_in_dataframe", [{"a": 1}])
    torn = folder.root / "contracts" / "exemplary" / "examples" / "v1_0" / "invalid" / "dataframe.well_formed.parquet"
    torn.write_bytes(b"PAR1, or so it says")
    lock = Lock().with_released("fine@1.0", folder.release("fine@1.0").contract.digest, None)
    lock = lock.with_released("fine@1.1", "0" * 64, None).with_released("gone@1.0", "0" * 64, "0" * 64)
    lock.write(folder.root)
    page = folder.root / "docs" / "fine.md"
    page.parent.mkdir()
    page.write_text(f"# Fine\n{mark_of(folder.release('fine@1.0').contract)}\n")
    page.with_name("good.md").write_text(mark_of(folder.release("fine@1.1").contract))
    return folder, check_registry(folder.registry)


def test_everything_that_is_wrong_is_found(everything: tuple[Folder, Checked]) -> None:
    examples = "contracts/exemplary/examples/v1_0"
    without = {name for name in told(everything[1]) if name[0] == "no-examples"}
    names = ["bare@1.0", "breaks@1.0", "breaks@1.1", "fine@1.0", "fine@1.1", "suited@1.0", "unsuited@1.0"]
    assert without == {
        ("no-examples", name, f"contracts/{name.split('@')[0]}/examples/v1_{name[-1]}/{kind}")
        for name in names
        for kind in ("valid", "invalid")
    }
    assert told(everything[1]) - without == {
        ("breaking-change", "breaks@1.1", "contracts/breaks/v1_1.py"),
        ("no-description", "bare@1.0", "contracts/bare/v1_0.py"),
        ("no-owner", "bare@1.0", "contracts/bare/v1_0.py"),
        ("unconfirmed", "bare@1.0", "contracts/bare/v1_0.py"),
        ("unconfirmed", "bare@1.0", "expectations/bare/v1_0.json"),
        ("broken", "broken@1.0", "contracts/broken/v1_0.py"),
        ("contradiction", "suited@1.0", "expectations/suited/v1_0.json"),
        ("broken", "unsuited@1.0", "expectations/unsuited/v1_0.json"),
        ("file-name", None, "contracts/fine/v1_x.py"),
        ("suite-alone", "fine@3.0", "expectations/fine/v3_0.json"),
        ("example-fails", "exemplary@1.0", f"{examples}/valid/two.json"),
        ("example-passes", "exemplary@1.0", f"{examples}/invalid/a.not_nullable.json"),
        ("example-passes", "exemplary@1.0", f"{examples}/invalid/a.column_in_dataframe.json"),
        ("example-unreadable", "exemplary@1.0", f"{examples}/invalid/dataframe.well_formed.parquet"),
        ("released-changed", "fine@1.1", "contracts/fine/v1_1.py"),
        ("released-gone", "gone@1.0", "contracts/gone/v1_0.py"),
        ("released-gone", "gone@1.0", "expectations/gone/v1_0.json"),
        ("page-stale", "fine@1.1", "docs/fine.md"),
    }


def test_what_is_found_says_where_and_what_to_do(everything: tuple[Folder, Checked]) -> None:
    found = {(finding.code, finding.contract): finding for finding in everything[1].findings}
    changed = found["released-changed", "fine@1.1"]
    assert "release it as 1.2" in changed.hint
    assert "or as 2.0" in changed.hint
    assert found["broken", "broken@1.0"].line
    assert found["contradiction", "suited@1.0"].line == 1
    assert found["page-stale", "fine@1.1"].line == 2
    assert "b" in found["no-description", "bare@1.0"].fact
    breaking = found["breaking-change", "breaks@1.1"]
    assert "rule-tightened a.greater_than_or_equal_to" in breaking.fact
    assert "Release it as 2.0" in breaking.hint
    assert "It fails a.greater_than_or_equal_to, a.not_nullable" in found["example-passes", "exemplary@1.0"].fact
    assert all(finding.hint for finding in everything[1].findings if finding.code != "broken")


def test_every_code_is_tried(everything: tuple[Folder, Checked]) -> None:
    # Below, in test_modes.py and in test_migrations.py.
    elsewhere = {"needs-review", "lock-changed", "no-migration", "migration-fails", "deprecation"}
    assert {finding.code for finding in everything[1].findings} | elsewhere == set(FINDINGS)


def test_the_command_line_tells_it(everything: tuple[Folder, Checked], folder: Folder) -> None:
    sound(folder, "trips@1.0")
    done = CliRunner().invoke(app, ["contracts", "check", "--registry", str(folder.root), "--format", "json"])
    assert (done.exit_code, json.loads(done.stdout)) == (
        0,
        {
            "fine": True,
            "registry": str(folder.root),
            "against": None,
            "datasets": [{"name": "trips", "mode": "FULL", "versions": ["1.0"], "released": []}],
            "findings": [],
        },
    )
    broken = str(everything[0].root)
    done = CliRunner().invoke(app, ["contracts", "check", "--registry", broken, "--against", "nowhere"])
    assert isinstance(done.exception, Misuse)


def test_in_words_each_finding_says_where_what_and_what_next(folder: Folder) -> None:
    folder.write("trips@1.0", SOUND.replace("a: int", "a: complex"))
    done = CliRunner().invoke(app, ["contracts", "check", "--registry", str(folder.root)])
    assert done.exit_code == 1
    assert done.stdout.startswith(
        "error  broken  contracts/trips/v1_0.py:11\n    Column 'a' has the type complex128.\n"
    )
    assert done.stdout.splitlines()[-1] == "not fine: 1 dataset, 1 version, 0 of them released; 1 error, 0 warnings"


def test_a_version_is_released_if_nothing_is_wrong_with_it(folder: Folder) -> None:
    sound(folder, "trips@1.0")
    root = str(folder.root)
    done = CliRunner().invoke(app, ["contracts", "release", "trips", "--registry", root])
    assert (done.exit_code, done.stdout) == (0, f"trips@1.0 is released: see {folder.root / LOCK}.\n")
    digest = folder.release("trips@1.0").contract.digest
    assert dict(Lock.read(folder.root).contracts) == {"trips@1.0": digest}
    again = CliRunner().invoke(app, ["contracts", "release", "trips@1.0", "--registry", root, "--format", "json"])
    assert json.loads(again.stdout) == {"contract": "trips@1.0", "released": True, "already": True, "findings": []}
    folder.write("trips@1.0", SOUND.replace("How many.", "How many there are."))
    changed = CliRunner().invoke(app, ["contracts", "release", "trips@1.0", "--registry", root])
    assert changed.exit_code == 1
    assert "release it as 1.1" in changed.stdout
    assert dict(Lock.read(folder.root).contracts) == {"trips@1.0": digest}


def test_what_only_a_person_can_tell_is_released_when_one_has_looked(folder: Folder) -> None:
    for minor, pattern in ((0, "^7"), (1, "^[78]")):
        folder.write(f"trips@1.{minor}", f"a: str = pa.Field(str_matches={pattern!r}, description='x')" + OWNED)
    folder.example("trips@1.1", "valid", "one", [{"a": "7"}])
    folder.example("trips@1.1", "invalid", "a.str_matches", [{"a": "x"}])
    first = release(folder.registry, "trips@1.1")
    assert (first.released, [finding.code for finding in first.findings]) == (False, ["needs-review"])
    assert not Lock.read(folder.root).there
    assert release(folder.registry, "trips@1.1", reviewed=True).released


def but_for_examples(checked: Checked) -> set[tuple[str, str | None, str]]:
    return {finding for finding in told(checked) if finding[0] != "no-examples"}


def test_a_lock_is_held_against_a_commit(folder: Folder) -> None:
    folder.write("trips@1.0", SOUND)
    Lock().with_released("trips@1.0", folder.release("trips@1.0").contract.digest, None).write(folder.root)
    committed(folder)
    folder.write("trips@1.0", WIDER)
    Lock().with_released("trips@1.0", folder.release("trips@1.0").contract.digest, None).write(folder.root)
    assert but_for_examples(check_registry(folder.registry)) == set(), "as the lock was changed too"
    assert but_for_examples(check_registry(folder.registry, "HEAD")) == {("lock-changed", "trips@1.0", LOCK)}


def test_without_a_lock_no_version_is_changed_so_that_it_breaks(folder: Folder) -> None:
    for name in ("loose@1.0", "tight@1.0", "same@1.0", "gone@1.0"):
        folder.write(name, SOUND)
    folder.write("mended@1.0", "a: complex")
    committed(folder)
    folder.write("loose@1.0", WIDER)
    folder.write("tight@1.0", TIGHTER)
    folder.write("mended@1.0", TIGHTER)
    (folder.root / "contracts" / "gone" / "v1_0.py").unlink()
    found = check_registry(folder.registry, "HEAD")
    assert but_for_examples(found) == {
        ("breaking-change", "tight@1.0", "contracts/tight/v1_0.py"),
        ("released-gone", "gone@1.0", "contracts/gone/v1_0.py"),
    }
    (breaking,) = (finding for finding in found.findings if finding.code == "breaking-change")
    assert "tight@1.0 at HEAD" in breaking.fact


def test_a_dataset_may_be_called_examples(folder: Folder) -> None:
    folder.write("examples@1.0", SOUND)
    committed(folder)
    (folder.root / "contracts" / "examples" / "v1_0.py").unlink()
    found = check_registry(folder.registry, "HEAD")
    assert told(found) == {("released-gone", "examples@1.0", "contracts/examples/v1_0.py")}


@pytest.mark.parametrize(
    ("ref", "fact"), [("nowhere", "There is no commit 'nowhere'"), ("--help", "There is no commit '--help'")]
)
def test_a_commit_that_is_not_there_is_misuse(folder: Folder, ref: str, fact: str) -> None:
    (folder.root / "x").write_text("")
    committed(folder)
    with pytest.raises(Misuse, match=fact):
        check_registry(folder.registry, ref)


def test_a_registry_in_no_repository_cannot_be_compared(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path(folder.root).parent))
    with pytest.raises(Misuse, match="not a git repository"):
        check_registry(folder.registry, "HEAD")
