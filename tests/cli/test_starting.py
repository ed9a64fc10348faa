"""The commands that start a registry, in this process."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
import yaml

from tidegate.cli import main
from tidegate.evolution import mark_of
from tidegate.registry import find_registry, load_contract


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEGATE_REGISTRY", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process is the test's, and stays as it is
    return tmp_path


def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["tidegate", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capfd.readouterr()
    return ended.value.code or 0, told.out, told.err


@pytest.mark.usefixtures("folder")
def test_what_is_shown_for_tools_is_all_there_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {}
    for language in ("text", "json", "markdown", "json-schema", "odcs", "sql", "pandera-yaml"):
        code, shown[language], errors = run(
            capfd, monkeypatch, "contracts", "show", "query_relevance@1.0", "--format", language
        )
        assert (code, errors) == (0, "")
    assert json.loads(shown["json"])["columns"][1]["personal"] is True
    assert json.loads(shown["json-schema"])["title"] == "query_relevance@1.0"
    document = yaml.safe_load(shown["odcs"])
    contract = load_contract(find_registry(None).contract_file("query_relevance@1.0"))
    assert (document["kind"], document["team"]) == ("DataContract", {"name": contract.owner})
    assert yaml.safe_load(shown["pandera-yaml"])["columns"]["label"]["isin"] == [0, 1]
    assert shown["sql"].endswith(");\n")
    assert shown["markdown"].startswith("# query_relevance 1.0\n")
    assert shown["markdown"].endswith(f"\n\n{mark_of(contract)}\n")
    assert "query_text (personal)" in shown["text"]


def test_a_contract_from_odcs_is_told_with_what_it_lacks(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capfd, monkeypatch, "init", ".")
    shown = run(capfd, monkeypatch, "contracts", "show", "trips", "--format", "odcs")[1]
    document = yaml.safe_load(shown)
    document["schema"][0]["quality"].append({"type": "text", "description": "Ships sail."})
    (folder / "x.yaml").write_text(yaml.safe_dump(document))
    code, told, _ = run(capfd, monkeypatch, "contracts", "new", "sailings", "--from", "odcs:x.yaml")
    assert code == 0
    assert told.splitlines()[0] == "not brought over  Ships sail."
    drafted, before = (load_contract(folder / f"contracts/{name}/v1_0.py") for name in ("sailings", "trips"))
    assert drafted.columns == before.columns
    code, _, errors = run(capfd, monkeypatch, "contracts", "new", "sailings", "--from", "odcs:x.yaml")
    assert code == 2
    assert "is there already, and nothing is overwritten" in errors


def test_a_template_is_what_the_page_shows(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capfd, monkeypatch, "init", ".")
    code, told, _ = run(capfd, monkeypatch, "contracts", "template", "trips", "--rows", "2", "to_fill.csv")
    assert code == 0
    assert told.startswith("to_fill.csv: 5 columns and 2 made-up rows of trips@1.0.\n")
    page = Path(__file__).resolve().parents[2] / "docs" / "starting.md"
    assert f"```csv\n{(folder / 'to_fill.csv').read_text()}```" in page.read_text()


def test_a_file_that_the_draft_does_not_accept_is_told(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capfd, monkeypatch, "init", ".")
    records = [{"a": n if n % 3 else f"x{n}"} for n in range(30)]
    (folder / "x.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    code, told, _ = run(capfd, monkeypatch, "contracts", "new", "mixed", "--from", "x.jsonl")
    assert code == 1
    assert "REJECTED  x.jsonl  by mixed@1.0" in told
    assert "a contract takes one: int64 in 20, string in 10." in (folder / "contracts/mixed/v1_0.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("new", "x", "--from", "x.csv"), 2, "There is no registry of yours"),
        (("new", "a b", "--from", "x.csv", "--registry", "."), 2, "is no name of a dataset"),
        (("new", "x", "--from", "nope.csv", "--registry", "."), 3, "nope.csv is not there"),
        (("new", "x", "--from", "odcs:nope.yaml", "--registry", "."), 2, "nope.yaml cannot be read"),
        (("new", "x", "--from", "x.odcs.yaml", "--registry", "."), 2, "is no ODCS document"),
        (("template", "flights", "x.csv"), 2, "is there already"),
        (("template", "flihgts", "y.csv"), 2, "Did you mean 'flights'?"),
        (("template", "flights", "nowhere/y.csv", "--rows", "0"), 2, "cannot be written"),
        (("show", "flights", "--format", "xml"), 2, "xml"),
    ],
)
def test_a_fault_is_told_in_words(
    arguments: tuple[str, ...],
    code: int,
    words: str,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "contracts").mkdir()
    (folder / "x.csv").write_text("a\n1\n")
    (folder / "x.odcs.yaml").write_text("kind: Other\n")
    ended, out, errors = run(capfd, monkeypatch, "contracts", *arguments)
    assert (ended, out) == (code, "")
    assert words in errors
    assert "Traceback" not in errors
    assert sorted(path.name for path in folder.iterdir()) == ["contracts", "x.csv", "x.odcs.yaml"]
