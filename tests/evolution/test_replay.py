"""`tidegate contracts replay`: whose rows of a pool, and which submissions, would fail a version before its release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.evolution.conftest import Folder
from typer.testing import CliRunner

from tidegate import integrate_contributed_data
from tidegate.cli import app
from tidegate.cli.contracts.replay import _print
from tidegate.config import load_config
from tidegate.errors import Misuse
from tidegate.evolution.pool_rows import ContributorRows, PoolReplay, RuleRows
from tidegate.evolution.replay import Replay, SubmissionReplay, replay

OLD = """\
trip: str = pa.Field(metadata={"key": True})
cars: int = pa.Field(ge=0)
level: pd.UInt8Dtype
port: Optional[str]
"""
NEW = """\
trip: str = pa.Field(metadata={"key": True}, str_matches=r"^t\\d+$")
cars: pd.Int8Dtype = pa.Field(ge=2)
level: pd.UInt8Dtype
port: Annotated[pd.CategoricalDtype, ["north", "south"], False]

@pa.dataframe_check
def cars_under_level(cls, rows):
    return rows["cars"] < rows["level"]

class Config:
    strict = True
"""


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Path, Path]:
    """A registry, a pool that two contributors sent something to, and what they sent."""
    root = tmp_path_factory.mktemp("harbour")
    folder, pool, sent = Folder(root), root / "pool", root / "sent"
    folder.write("trips@1.0", OLD)
    folder.write("trips@2.0", NEW)
    folder.write("trips@3.0", "trip: str\ncaptain: str = pa.Field(nullable=True)\nclass Config:\n    strict = True")
    folder.write("trips@1.1", OLD + "crew: Optional[int]\n")
    sent.mkdir()
    files = {
        "ahab": [{"trip": "t1", "cars": 1, "level": 9, "port": "north"}, {"trip": "t2", "cars": 7, "level": 9},
                 {"trip": "x3", "cars": 300, "level": 200, "port": "west"}],
        "nemo": [{"trip": "t4", "cars": 2, "level": 9, "port": "south"}, {"trip": "t5", "cars": 9, "level": 3}],
    }  # fmt: skip
    for contributor, rows in files.items():
        path = sent / f"{contributor}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        integrate_contributed_data(
            data_path=path, schema_config="trips@1.0", training_data=pool, registry=root, contributor=contributor,
            tracking=False, state_dir=root / "state",
        )  # fmt: skip
    (sent / "torn.parquet").write_bytes(b"PAR1, or so it says")
    return folder, pool, sent


def replayed(harbour: tuple[Folder, Path, Path], version: str, submissions: Path | None = None) -> Replay:
    folder, pool, _ = harbour
    config = {"schema_config": version, "training_data": str(pool), "registry": str(folder.root)}
    return replay(load_config(config), submissions)


def test_rows_are_told_by_rule_and_by_contributor(harbour: tuple[Folder, Path, Path]) -> None:
    told = replayed(harbour, "trips@2.0").pool
    assert (told.version, told.rows, told.failing_rows) == (1, 5, 4)
    assert {(rule.rule, rule.rows, rule.contributors) for rule in told.rules} == {
        ("port.not_nullable", 2, (("ahab", 1), ("nemo", 1))),
        ("cars.greater_than_or_equal_to", 1, (("ahab", 1),)),
        ("cars.dtype", 1, (("ahab", 1),)),
        ("port.dtype", 1, (("ahab", 1),)),
        ("dataframe.cars_under_level", 1, (("nemo", 1),)),
    }
    assert [(one.contributor, one.rows, one.failing_rows) for one in told.contributors] == [
        ("ahab", 3, 3), ("nemo", 2, 1)
    ]  # fmt: skip


def test_columns_that_the_pool_lacks_or_has_besides_fail_every_row(harbour: tuple[Folder, Path, Path]) -> None:
    told = replayed(harbour, "trips@3.0").pool
    assert [(rule.rule, rule.rows, rule.contributors) for rule in told.rules] == [
        ("captain.column_in_dataframe", 5, (("ahab", 3), ("nemo", 2))),
        ("dataframe.column_in_schema", 5, (("ahab", 3), ("nemo", 2))),
    ]


def test_a_row_of_which_two_cells_fail_one_rule_is_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("trips@1.0", "a: str\nb: str\nn: int = pa.Field(metadata={'key': True})")
    folder.write(
        "trips@2.0", "a: str = pa.Field(metadata={'key': True})\nb: str = pa.Field(metadata={'key': True})\nn: int"
    )
    (tmp_path / "x.jsonl").write_text(json.dumps({"a": "x\u200b", "b": "y\u200b", "n": 1}) + "\n")
    integrate_contributed_data(
        data_path=tmp_path / "x.jsonl", schema_config="trips@1.0", training_data=tmp_path / "pool", registry=tmp_path,
        tracking=False, state_dir=tmp_path / "state",
    )  # fmt: skip
    told = replayed((folder, tmp_path / "pool", tmp_path), "trips@2.0").pool
    assert [(rule.rule, rule.rows) for rule in told.rules] == [("dataframe.well_formed", 1)]


def test_a_version_that_takes_all_takes_all(harbour: tuple[Folder, Path, Path]) -> None:
    told = replayed(harbour, "trips@1.1")
    assert told.fine
    assert (told.pool.failing_rows, told.pool.rules, told.pool.not_evaluated) == (0, (), {})
    assert [(one.contributor, one.rows, one.failing_rows) for one in told.pool.contributors] == [
        ("ahab", 3, 0), ("nemo", 2, 0)
    ]  # fmt: skip


def test_the_command_line_tells_also_of_submissions_and_what_became_of_them(
    harbour: tuple[Folder, Path, Path],
) -> None:
    folder, pool, sent = harbour
    given = ["contracts", "replay", "trips@2.0", "--pool", str(pool), "--registry", str(folder.root)]
    done = CliRunner().invoke(app, [*given, "--submissions", str(sent), "--format", "json"])
    told: dict[str, Any] = json.loads(done.stdout)
    assert (done.exit_code, told["fine"], told["contract"]) == (1, False, "trips@2.0")
    assert {"uri", "version", "rows", "failing_rows", "rules", "contributors", "not_evaluated"} == set(told["pool"])
    ahab, nemo, torn = told["submissions"]
    known = {
        "path": str(sent / "ahab.jsonl"),
        "contributor": "ahab",
        "published_by": "trips@1.0",
        "verdict": "rejected",
    }
    assert ahab == ahab | known | {"rows": 3, "failing_rows": 3}
    assert {"rule": "port.dtype", "rows": 1} in ahab["rules"]
    assert (nemo["contributor"], nemo["failing_rows"]) == ("nemo", 1)
    assert (torn["verdict"], torn["contributor"], torn["rows"], len(torn["reasons"])) == (None, None, 0, 1)


def test_in_words_it_tells_how_many_rows_and_whose(capsys: pytest.CaptureFixture[str]) -> None:
    sent = SubmissionReplay("x.csv", "ahab", "trips@1.0", "rejected", ("why",), 9, 2, (("a.isin", 2), ("a.mine", None)))
    rules = RuleRows("a.isin", 1, (("ahab", 1),)), RuleRows("b.isin", 2, (("ahab", 1), (None, 1)))
    pool = PoolReplay("/pool", 3, 5, 1, rules, (ContributorRows("ahab", 5, 1),), {"a.mine": "it raised"})
    _print(Replay("trips@2.0", pool, (sent,)))
    assert capsys.readouterr().out.splitlines() == [
        "trips@2.0 on version 3 of /pool",
        "1 of 5 rows would fail.",
        "    a.isin  1 row: ahab 1",
        "    b.isin  2 rows: ahab 1, (contributor unknown) 1",
        "    a.mine  not evaluated: it raised",
        "",
        "By contributor:",
        "    ahab  1 of 5 rows",
        "",
        "REJECTED  x.csv  ahab, published by trips@1.0",
        "    2 of 9 records fail",
        "    because why",
        "    a.isin  2 records",
        "    a.mine  not evaluated",
    ]


def test_without_a_pool_there_is_nothing_to_replay(harbour: tuple[Folder, Path, Path], tmp_path: Path) -> None:
    folder = harbour[0]
    config = {"schema_config": "trips", "registry": str(folder.root)}
    with pytest.raises(Misuse, match="There is no pool"):
        replay(load_config(config))
    with pytest.raises(Misuse, match="There is no pool at"):
        replay(load_config(config | {"training_data": str(tmp_path / "none")}))
    with pytest.raises(Misuse, match="There is no folder"):
        replay(load_config(config | {"training_data": str(harbour[1])}), tmp_path / "none")
