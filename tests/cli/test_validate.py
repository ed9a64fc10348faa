"""`tidegate validate` and `profile` as they are typed: forms, files, exit codes. In this process, to be quick."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from tests.mending.trips import CONTRACT

from tidegate.cli import main
from tidegate.cli.options import Form
from tidegate.reports import FORMS

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the command line in a folder with a registry: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    file = Path("contracts/trips/v1_0.py")
    file.parent.mkdir(parents=True)
    file.write_text(CONTRACT)
    monkeypatch.setenv("TIDEGATE_REGISTRY", str(tmp_path))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process is the test's, and stays as it is

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tidegate", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def write(name: str, *trips: str, **changes: object) -> str:
    """A file of good trips, but for the changes."""
    good = {"port": "north", "cars": 1, "fare": 1.5, "sailed": "2026-01-31", "captain": None, "note": None}
    Path(name).write_text("".join(json.dumps({"trip": trip} | good | changes) + "\n" for trip in trips))
    return name


def test_fix_writes_a_mended_copy_and_the_quarantine_has_the_rest(run: Run) -> None:
    rows = [
        't1,north,12,1.5,2026-01-31,Ahab,"a ""b"""',
        't2, North ,"1,200","1,5",31.01.2026,AHAB,',
        't3,south,7.0,,03.02.2026,," kept "',
        "t4,south,many,1,2026-01-31,,",
        "t5,south,1,2",
        "t6,South,-1,1,2026-01-31,,",
        't7,south,1,2,2026-01-31,,""',
    ]
    head = "trip,port,cars,fare,sailed,captain,note"
    Path("x.csv").write_bytes("\r\n".join([head.replace("trip,port", "Trip,PORT"), *rows, ""]).encode())
    code, out, _ = run("validate", "x.csv", "--contract", "trips", "--fix", "out.csv", "--quarantine", "rest.parquet")
    assert (code, out.splitlines()[0]) == (0, "REJECTED  x.csv  by trips@1.0")
    assert Path("out.csv").read_bytes().decode().split("\r\n") == [
        head,
        rows[0],
        "t2,north,1200,1.5,2026-01-31,Ahab,",
        "t3,south,7,,2026-02-03,, kept ",
        rows[6],
        "",
    ]
    assert [line.removeprefix("mended: ") for line in out.splitlines() if line.startswith("mended: ")] == [
        "its name of trip (name)", "its name of port (name)", "2 cells of sailed (day first)",
        "1 cell of captain (case)", "1 cell of cars (number)", "1 cell of cars (thousands)",
        "1 cell of fare (decimal comma)", "1 cell of port (case)", "1 cell of port (white space)",
    ]  # fmt: skip
    assert "mended copy: out.csv, without the 3 records in the quarantine\nIt is accepted, digest " in out
    assert stat.S_IMODE(Path("rest.parquet").stat().st_mode) == 0o600
    rest = pq.read_table("rest.parquet")
    assert sorted(set(zip(rest["record"].to_pylist(), rest["code"].to_pylist(), strict=True))) == [
        (4, "cell-type"), (5, "field-count"), (6, "rule-failed"),
    ]  # fmt: skip


def test_the_digest_is_that_of_the_receipt(run: Run) -> None:
    name = write("x.jsonl", "t1")
    Path("c.yaml").write_text("tracking: false\n")
    assert run("integrate", name, "--contract", "trips", "--into", "pool", "--config", "c.yaml")[0] == 0
    _, history, _ = run("history", "pool", "--format", "json")
    (entry,) = json.loads(history)
    code, out, _ = run("profile", "pool", "--contract", "trips", "--out", "p")
    assert (code, out) == (0, "p: trips@1.0, version 0, 1 rows\na filter over trip; statistics of no column\n")
    Path("elsewhere").mkdir()
    Path("elsewhere/y.jsonl").write_bytes(Path(name).read_bytes())
    asked = ("elsewhere/y.jsonl", "--contract", "trips@1.0", "--pool", "p")
    code, out, _ = run("validate", *asked, "--also", "json=told.json", "--fix", "none")
    assert (code, Path("none").exists()) == (0, False)
    assert "No mended copy was written: no record fails a rule, so there is nothing to mend" in out
    assert "pool: about 1 record of those accepted are in version 0 of the pool already" in out
    told = json.loads(Path("told.json").read_text())
    assert (entry["receipt"]["validation"], entry["receipt"]["report_digest"]) == (told["validation"], told["digest"])
    assert f"digest: {told['digest'][:16]}  validation: {told['validation'][:16]}" in out


def test_what_the_action_runs(run: Run, warm: Path) -> None:
    name = write("my trips; $(touch owned).jsonl", "t1", "t2", cars="many")
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("id") == "validate"]
    given = {"FILES": f"{name}\n", "CONTRACT": "trips@1", "SARIF": "r.sarif", "REGISTRY": ".", "CONFIG": "", "POOL": ""}
    path = f"{warm.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=os.environ | given | {"PATH": path, "GITHUB_OUTPUT": "told", "GITHUB_STEP_SUMMARY": "summary.md"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr, Path("owned").exists()) == (1, "", False), done.stdout
    assert "::error title=cars.dtype,file=my trips; $(touch owned).jsonl,line=1::" in done.stdout
    told = dict(line.split("=") for line in Path("told").read_text().splitlines())
    assert json.loads(Path("r.sarif").read_text())["runs"][0]["properties"] == {"verdict": "rejected", **told}
    assert "rejected" in Path("summary.md").read_text()


def test_every_form_can_be_asked_for() -> None:
    assert tuple(Form) == FORMS


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--also", "sarf=x"), 2, "Did you mean 'sarif'?"),
        (("--also", "sarif"), 2, "Write FORMAT=FILE"),
        (("--pool", "none"), 2, "There is no pool and no profile at none"),
        (("--format", "xml"), 2, "xml"),
    ],
)
def test_a_fault_is_told_in_words(run: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    ended, out, err = run("validate", write("x.jsonl", "t1"), "--contract", "trips", *arguments)
    assert (ended, out) == (code, "")
    assert words in err


def test_a_name_with_a_newline_is_no_command_of_ci(run: Run) -> None:
    name = "x\n ::error title=owned::\u202ey.csv"
    Path(name).write_text("")
    code, _, err = run("validate", name, "--contract", "trips")
    assert (code, "::error" in err, "\u202e" in err) == (3, True, False)
    assert not any(line.lstrip().startswith("::") for line in err.splitlines())


def test_a_name_that_is_not_utf_8_is_refused_in_words(run: Run) -> None:
    Path("data").mkdir()
    Path(os.fsdecode(b"data/x\xff.csv")).write_text("trip\n1\n")
    code, _, err = run("validate", "data", "--contract", "trips")
    assert (code, "not UTF-8" in err) == (3, True)


def test_an_address_in_the_place_of_a_name_is_not_told(run: Run) -> None:
    Path("x.csv").write_text("trip,ahab@pequod.example\nt1,x\n")
    code, out, err = run("validate", "x.csv", "--contract", "trips", "--fix", "y.csv", "--format", "json")
    assert (code, "it holds personal data" in out, "ahab" in out + err) == (1, True, False)
