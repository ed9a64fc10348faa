"""What CI reads: each form holds against its own schema, and no cell becomes a command, markup or a link."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as xml

import jsonschema
import pytest
import xmlschema
import yaml
from markdown_it import MarkdownIt
from tests.reports.made_up import HOSTILE, check, report

from tidegate.receipt import Report
from tidegate.reports import FORMS, rendered
from tidegate.reports.github import summary
from tidegate.reports.sarif import _inert

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(__file__).parent / "schemas"


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def everything() -> Report:
    """Every kind of failure, with every hostile cell as a value, a rule, a hint and a file."""
    checks = [check(f"{cell}.isin", [cell, None], hint=cell, expected=cell) for cell in HOSTILE]
    other = [
        check("a.odd", [], "not_evaluated").model_copy(update={"observed": HOSTILE[0], "failing_rows": None}),
        check("b.warned", ["x"], severity="warning"),
        check("c.told", ["x"], severity="info"),
        check("d.fine", [], "passed"),
    ]
    return report(*checks, *other, uri="data/" + "".join(HOSTILE), reason=HOSTILE[7])


def test_every_form_is_there(everything: Report) -> None:
    assert [form for form in FORMS if not rendered(everything, form)] == []


def test_junit_holds_against_its_schema(everything: Report) -> None:
    text = rendered(everything, "junit")
    xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd")).validate(text)
    (suite,) = xml.fromstring(text)
    cases = {case.get("name"): [part.tag for part in case] for case in suite.findall("testcase")}
    assert len(cases) == len(everything.checks) + 1 == int(suite.get("tests") or 0)
    assert (cases["verdict"], cases["a.odd"], cases["b.warned"], cases["d.fine"]) == (
        ["failure"], ["error"], ["system-out"], [],
    )  # fmt: skip
    assert (suite.get("failures"), suite.get("errors")) == (str(len(HOSTILE) + 1), "1")


def test_an_accepted_submission_has_no_failure_in_junit() -> None:
    text = rendered(report(check("a.isin", ["x"]), verdict="accepted"), "junit")
    (suite,) = xml.fromstring(text)
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert "a.isin (1 record): expected type int64. record 1, line 2 is 'x'." in text.replace("&apos;", "'")


def test_a_rejection_without_a_failed_check_fails_all_the_same() -> None:
    empty = report(reason="it holds no records")
    assert "it holds no records" in rendered(empty, "junit")
    assert rendered(empty, "github").startswith(
        "::error title=verdict,file=x.csv,line=1::rejected: it holds no records"
    )
    assert json.loads(rendered(empty, "gitlab"))[0]["severity"] == "blocker"
    assert json.loads(rendered(empty, "sarif"))["runs"][0]["results"][0]["ruleId"] == "verdict"


def test_sarif_holds_against_its_schema(everything: Report) -> None:
    document = json.loads(rendered(everything, "sarif"))
    jsonschema.validate(document, schema("sarif-2.1.0-rtm.5.json"), format_checker=jsonschema.FormatChecker())
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [r["ruleId"] for r in run["results"]]
    assert {result["level"] for result in run["results"]} == {"error", "warning", "note"}
    lines = [r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in run["results"]]
    assert {2, 3} <= set(lines)
    assert unquote(run["artifacts"][0]["location"]["uri"]) == everything.submission.files[0].uri.replace("//", "/")
    marks = [result["partialFingerprints"]["tidegate/v1"] for result in run["results"]]
    assert len(set(marks)) == len(marks)
    assert run["properties"]["validation"] == everything.validation


def test_no_text_of_sarif_is_a_link(everything: Report) -> None:
    document = json.loads(rendered(everything, "sarif"))
    for result in document["runs"][0]["results"]:
        assert not re.search(r"(?<!\\)\[[^\]]*(?<!\\)\]\(", result["message"]["text"])
    assert _inert(r"\[a\](b)") == r"\\\[a\\\](b)", "a backslash of the text's own undoes none of ours"


def test_gitlab_holds_against_its_schema(everything: Report) -> None:
    issues = json.loads(rendered(everything, "gitlab"))
    jsonschema.validate(issues, schema("gitlab-code-quality.json"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert [issue["severity"] for issue in issues if issue["check_name"] == "b.warned"] == ["minor"]


def test_github_gets_commands_and_nothing_else(everything: Report) -> None:
    lines = rendered(everything, "github").splitlines()
    commands = [
        re.fullmatch(r"::(error|warning|notice) (title=[^:,]*),file=([^:,]*),line=(\d+)::(.*)", line) for line in lines
    ]
    assert all(commands)
    assert sum(line.startswith("::error ") for line in lines) == 10, "GitHub shows no more of a step"
    assert "%0A::error" not in "".join(lines).replace("%250A", "")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", "".join(lines))


@pytest.mark.parametrize("form", ["text", "github"])
def test_no_line_of_a_log_is_a_command_of_a_cell(everything: Report, form: str) -> None:
    text = rendered(everything.model_copy(update={"notes": ("::error::x.csv does not end with a newline",)}), form)
    assert "##[" not in text
    own = ("::error title=", "::warning title=", "::notice title=")
    assert [line for line in text.splitlines() if line.lstrip().startswith("::") and not line.startswith(own)] == []


def test_the_summary_of_a_job_is_text_in_a_table(everything: Report) -> None:
    page = MarkdownIt("commonmark").enable("table").render(summary(everything))
    for bad in ("<script", "<img", "<a ", "<strong", 'http://evil">'):
        assert bad not in page
    assert "www.evil" not in summary(everything), "GitHub makes a link of it"
    assert page.count("<table>") == 2
    rows = re.findall(r"<tr>.*?</tr>", page.partition("</table>")[2], flags=re.DOTALL)
    assert {row.count("<t") - 1 for row in rows} == {5}, "a cell opens no other cell"
    assert "<code>" + everything.validation + "</code>" in page


@pytest.mark.parametrize(("path", "name"), [("action.yml", "github-action.json")])
def test_the_action_holds_against_its_schema(path: str, name: str) -> None:
    action = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    jsonschema.validate(action, schema(name))
    runs = [step["run"] for step in action["runs"]["steps"]]
    assert not any("${{" in run for run in runs), "an input must not become a command"
    pythons = re.findall(r"python3 \S+", " ".join(runs))
    assert set(pythons) == {"python3 -P"}, "what lies in the folder must not become a module"


def test_the_hook_of_pre_commit_runs_a_command_that_is_there() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    for hook in hooks:
        assert {"id", "name", "entry", "language"} <= hook.keys()
        assert hook["entry"].startswith("tidegate ")
        assert "args" not in hook, "without a contract it must end in a fault, and not in help"
    assert re.search(hooks[0]["files"], "data/trips.csv.gz")
