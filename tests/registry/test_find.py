"""Which registry, and which file of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.errors import Misuse
from tidegate.registry import Registry, find_registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    for file in ("contracts/a/v1_0.py", "contracts/a/v1_10.py", "contracts/a/v1_9.py", "contracts/a/v2_0.py",
                 "contracts/bee/v1_0.py", "contracts/a/examples.py", "expectations/a/v1_9.json"):  # fmt: skip
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return Registry(tmp_path)


@pytest.mark.parametrize(
    ("reference", "file"), [("a", "v2_0"), ("a@1", "v1_10"), ("a@1.9", "v1_9"), ("a@2", "v2_0"), ("bee", "v1_0")]
)
def test_the_newest_match_is_taken(registry: Registry, reference: str, file: str) -> None:
    assert registry.contract_file(reference).stem == file


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("be", "no contract 'be' .*\n\nDid you mean 'bee'?"),
        ("zzz", "no contract 'zzz' .*\n\nKnown are: a, bee."),
        ("a@3", "no contract 'a@3' .*\n\nThere is: a@1.0, a@1.9, a@1.10, a@2.0."),
        ("a@1.1", "no contract 'a@1.1'"),
        ("../a", "is no contract name"),
        ("a@latest", "is no contract name"),
    ],
)
def test_an_unknown_name_or_version_says_what_there_is(registry: Registry, reference: str, message: str) -> None:
    with pytest.raises(Misuse, match=message):
        registry.contract_file(reference)


def test_a_suite_of_the_same_version_stands_beside(registry: Registry) -> None:
    beside = registry.suite_beside(registry.contract_file("a@1.9"))
    assert beside is not None
    assert beside.name == "v1_9.json"
    assert registry.suite_beside(registry.contract_file("bee")) is None


def test_the_call_goes_before_the_environment_and_that_before_the_project(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    for name in ("one", "two", "three"):
        (project / name / "contracts").mkdir(parents=True)
    (project / "pyproject.toml").write_text('[tool.tidegate]\nregistry = "three"\n')
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    monkeypatch.delenv("TIDEGATE_REGISTRY", raising=False)
    assert find_registry().root == project / "three"
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(project / "two"))
    assert find_registry().root == project / "two"
    assert find_registry(project / "one").root == project / "one"


def test_without_any_it_is_the_one_that_tidegate_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEGATE_REGISTRY", raising=False)
    monkeypatch.chdir(tmp_path)
    assert {"flights", "query_relevance"} <= set(find_registry().datasets())


def test_a_folder_without_contracts_is_no_registry(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="has no folder contracts/"):
        find_registry(tmp_path)


@pytest.mark.parametrize(
    "text", ["[tool]\ntidegate = 3\n", "[tool.tidegate]\nregistry = 3\n", '[tool.tidegate]\nregistry = "\\u0000"\n']
)
def test_a_project_that_names_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Found by fuzzing."""
    monkeypatch.delenv("TIDEGATE_REGISTRY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(Misuse, match="names no folder"):
        find_registry()


def test_a_name_that_is_too_long_is_no_registry() -> None:
    with pytest.raises(Misuse, match="has no folder contracts/"):
        find_registry("x" * 5000)


def test_a_project_whose_tools_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by fuzzing: it says nothing of Tidegate."""
    monkeypatch.delenv("TIDEGATE_REGISTRY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("tool = 3\n")
    assert "flights" in find_registry().datasets()
