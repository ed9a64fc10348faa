"""`tidegate validate` and `profile` as they are typed: forms, files, exit codes. In this process, to be quick."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tidegate.cli import main
from tidegate.cli.options import Form
from tidegate.reports import FORMS

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = '''
import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: str = pa.Field(metadata={"key": True})
    cars: int = pa.Field(ge=0)
'''
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


def write(name: str, *rows: str) -> str:
    Path(name).write_text("\n".join(["trip,cars", *rows, ""]))
    return name


def test_one_validation_is_put_out_in_every_form(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = write("x.csv", "t1,1", 't2,"1,200"', "t1,1")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    Path("summary.md").write_text("before\n")
    also = [f"--also={form}={form}.out" for form in ("text", "json", "html", "junit", "sarif", "gitlab")]
    code, out, err = run("validate", name, "--contract", "trips", "--format", "github", *also)
    assert (code, err) == (1, "")
    assert out.splitlines()[1].startswith("::error title=cars.dtype,file=x.csv,line=3::cars.dtype (1 record)")
    assert Path("summary.md").read_text().startswith("before\n### Tidegate: rejected")
    text = Path("text.out").read_text()
    assert "record 2, line 3: '1,200'\n    1 value has a separator of thousands: write 1200, not 1,200." in text
    assert "duplicate  1 record would not go in again\n    record 3, line 4" in text
    told = json.loads(Path("json.out").read_text())
    assert told["duplicates"] == [{"record": 3, "value": None, "file": 0, "line": 4}]
    for form in ("text", "html", "junit", "sarif"):
        assert told["validation"][:16] in Path(f"{form}.out").read_text(), form
    assert json.loads(Path("gitlab.out").read_text())[1]["location"] == {"path": "x.csv", "lines": {"begin": 3}}


def test_fix_writes_a_mended_copy_and_the_rest(run: Run) -> None:
    name = write("x.csv", 't1,"1,200"', "t2,many")
    code, out, _ = run("validate", name, "--contract", "trips", "--fix", "out.csv")
    assert (code, Path("out.csv").exists()) == (1, False)
    assert "No mended copy was written: 1 record cannot be mended" in out
    code, out, _ = run("validate", name, "--contract", "trips", "--fix", "out.csv", "--quarantine", "rest.parquet")
    assert (code, Path("out.csv").read_text()) == (0, "trip,cars\nt1,1200\n")
    assert "mended: 1 cell of cars (thousands)\nmended copy: out.csv, without the 1 record in the quarantine" in out
    assert pq.read_table("rest.parquet")["record"].to_pylist() == [2]
    code, _, err = run("validate", name, "--contract", "trips", "--fix", "out.csv")
    assert (code, "overwrites nothing" in err) == (2, True)


def test_the_digest_is_that_of_the_receipt(run: Run) -> None:
    name = write("x.csv", "t1,1")
    Path("elsewhere").mkdir()
    Path("elsewhere/y.csv").write_bytes(Path(name).read_bytes())
    _, here, _ = run("validate", name, "--contract", "trips", "--format", "json")
    _, there, _ = run("validate", "elsewhere/y.csv", "--contract", "trips@1.0", "--format", "json")
    first, second = json.loads(here), json.loads(there)
    assert (first["validation"], first["digest"]) == (second["validation"], second["digest"])
    Path("c.yaml").write_text("tracking: false\n")
    run("integrate", name, "--contract", "trips", "--into", "pool", "--config", "c.yaml")
    _, history, _ = run("history", "pool", "--format", "json")
    (entry,) = json.loads(history)
    assert (entry["receipt"]["validation"], entry["receipt"]["report_digest"]) == (first["validation"], first["digest"])
    code, out, _ = run("profile", "pool", "--contract", "trips", "--out", "p")
    assert (code, out) == (0, "p: trips@1.0, version 0, 1 rows\na filter over trip; statistics of no column\n")
    _, out, _ = run("validate", name, "--contract", "trips", "--pool", "p")
    assert "pool: about 1 record of those accepted are in version 0 of the pool already" in out
    Path("c.yaml").write_text("cleaning_config: {trim_strings: true}\n")
    _, other, _ = run("validate", name, "--contract", "trips", "--format", "json", "--config", "c.yaml")
    assert json.loads(other)["validation"] != first["validation"]


def test_what_the_action_runs(run: Run) -> None:
    name = write("my trips; $(touch owned).csv", "t1,1", "t2,many")
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("id") == "validate"]
    given = {"FILES": f"{name}\n", "CONTRACT": "trips@1", "SARIF": "r.sarif", "REGISTRY": ".", "CONFIG": "", "POOL": ""}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=os.environ | given | {"PATH": path, "GITHUB_OUTPUT": "told", "GITHUB_STEP_SUMMARY": "summary.md"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr, Path("owned").exists()) == (1, "", False)
    assert "::error title=cars.dtype,file=my trips; $(touch owned).csv,line=3::" in done.stdout
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
        (("--pool", "none"), 3, "The profile none cannot be read"),
        (("--format", "xml"), 2, "xml"),
        (("--output", "no/where"), 2, "no/where cannot be written"),
    ],
)
def test_a_fault_is_told_in_words(run: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    ended, out, err = run("validate", write("x.csv", "t1,1"), "--contract", "trips", *arguments)
    assert (ended, out) == (code, "")
    assert words in err
