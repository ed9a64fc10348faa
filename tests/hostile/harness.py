"""What the cases share: one hostile submission, its answer, and how both commands are held against that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.cli.in_process import command_line
from tests.staged_here import stage_here

from tidegate.pool import Dataset
from tidegate.pool.history import table_version

EXIT_CODES = {"accepted": 0, "rejected": 1, "unreadable": 3}
CONTRACT = '''
from typing import Annotated

import pandas as pd
import pandera.pandas as pa
import pyarrow


class Ferry(pa.DataFrameModel):
    """One crossing."""

    id: str = pa.Field(metadata={"key": True})
'''
STRICT = "\n    class Config:\n        strict = True\n"
VALUE = {"value": "pd.Int64Dtype"}
KNOWN = "known"
"""The key of the one row that is in the pool already."""

Build = Callable[[Path], Path | list[Path]]


@dataclass(frozen=True)
class Case:
    """A submission and its answer.

    Attributes:
        row: which row of the list of hostile inputs it is of.
        name: what is special about it.
        build: writes it into a folder, and returns its file or files.
        verdict: accepted, rejected or unreadable.
        words: what the answer says: of the error, the reasons, the notes or the quarantine.
        rows: the records that go in, exactly.
        quarantine: [record, column, code] of each record that does not.
        columns: the contract's columns beside `id`, with their types; each may be null, unless its field is given too.
        more: further lines of the contract.
        known: what the row that is in the pool before has in these columns; nulls without.
        config: of the integration.
        apart: whether staging runs in a process of its own also here, as it does for users, since it may crash.
    """

    row: int
    name: str
    build: Build
    verdict: str
    words: str = ""
    rows: tuple[tuple[Any, ...], ...] = ()
    quarantine: tuple[tuple[int, str | None, str], ...] = ()
    columns: dict[str, str] = field(default_factory=lambda: VALUE)
    more: str = ""
    known: tuple[Any, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    apart: bool = False

    def __str__(self) -> str:
        return f"{self.row}-{self.name}"

    @property
    def known_row(self) -> tuple[Any, ...]:
        """The row that is in the pool before."""
        return (KNOWN, *(self.known or [None] * len(self.columns)))


def params(cases: tuple[Case, ...]) -> pytest.MarkDecorator:
    """One test for each case."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in cases])


def file(name: str, data: bytes | str) -> Build:
    """A submission of one file."""

    def build(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return build


@dataclass
class Gate:
    """The command line over a small registry and a pool of one row, in a folder of its own.

    `pools` are those that are made already, by the text of their contract: to make one takes as long as a case.
    `said` is all that the commands have put out, `paths` is the submission.
    """

    folder: Path
    pools: dict[str, Path]
    monkeypatch: pytest.MonkeyPatch
    said: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def holds(self, case: Case) -> None:
        """Both commands give the case's answer, and the pool is what it must be."""
        self.prepare(case)
        built = case.build(self.folder / "in")
        self.paths = list(map(str, built if isinstance(built, list) else [built]))
        kept = self.folder / "quarantine.parquet"
        validated = self.run(case, "validate", *self.paths, "--quarantine", str(kept))
        if case.verdict != "unreadable":
            cells = pq.read_table(kept, columns=["record", "column", "code"]).to_pylist()
            found = sorted(((c["record"], c["column"], c["code"]) for c in cells), key=str)
            assert found == sorted(case.quarantine, key=str)
            said = [*validated["reasons"], *validated["notes"], *_reasons(kept)]
            assert case.words in "\n".join(said)
        before = contents(self.pool)
        integrated = self.run(case, "integrate", *self.paths, "--into", str(self.pool))
        assert validated.get("rows") == integrated.get("rows")
        if case.verdict == "accepted" and case.rows:
            assert table_version(self.pool) == 1
        else:
            assert contents(self.pool) == before, "the pool changed"
        assert self.rows(case) == [case.known_row, *case.rows]

    @property
    def pool(self) -> Path:
        """The training data."""
        return self.folder / "pool"

    def prepare(self, case: Case) -> None:
        """Write contract and configuration, and publish the row that is there before, or take such a pool."""
        contract = self.folder / "contracts/ferry/v1_0.py"
        contract.parent.mkdir(parents=True)
        fields = [
            f"{name}: {kind}" + " = pa.Field(nullable=True)" * ("=" not in kind) for name, kind in case.columns.items()
        ]
        text = CONTRACT + "".join(f"    {line}\n" for line in fields) + case.more
        text += "" if "class Config" in text else STRICT
        contract.write_text(text)
        # Most cases have a bad record among two or three good ones, and ask what becomes of the good.
        config = {"validation_config": {"max_failing_fraction": 0.9}, "tracking": False} | case.config
        (self.folder / "config.yaml").write_text(json.dumps(config))
        (self.folder / "in").mkdir()
        if text in self.pools:
            shutil.copytree(self.pools[text], self.pool)
            return
        (self.folder / "known.jsonl").write_text(
            json.dumps(dict(zip(["id", *case.columns], case.known_row, strict=True)))
        )
        with self.monkeypatch.context() as patch:
            stage_here(patch)
            code, _, error = self.command("integrate", "known.jsonl", "--into", str(self.pool))
        assert (code, error) == (0, "")
        self.pools[text] = self.folder / "pool before"
        shutil.copytree(self.pool, self.pools[text])

    def run(self, case: Case, *arguments: str) -> dict[str, Any]:
        """Run a command: exit code and words are the case's. Returns the report; nothing where there is none."""
        with self.monkeypatch.context() as patch:
            if not case.apart:
                stage_here(patch)
            code, out, error = self.command(*arguments, "--format", "json")
        assert "Traceback" not in out + error
        assert code == EXIT_CODES[case.verdict], error or out[:300]
        if case.verdict == "unreadable":
            assert out == ""
            assert error.startswith("source-unreadable: ")
            assert case.words in error
            return {}
        told: dict[str, Any] = json.loads(out)
        assert (error, told["verdict"]) == ("", case.verdict)
        return told

    def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command line, here. An exception that leaves it would be a traceback."""
        named = [*arguments, "--contract", "ferry", "--registry", ".", "--config", "config.yaml"]
        self.monkeypatch.chdir(self.folder)
        done = command_line(*named)
        self.said += [done.stdout, done.stderr]
        return done.returncode, done.stdout, done.stderr

    def rows(self, case: Case) -> list[tuple[Any, ...]]:
        """What is in the pool."""
        table = Dataset(str(self.pool), table_version(self.pool)).to_arrow(["id", *case.columns])
        return [tuple(row.values()) for row in table.to_pylist()]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _reasons(kept: Path) -> list[str]:
    return [str(reason) for reason in pq.read_table(kept, columns=["reason"]).column(0).to_pylist()]
