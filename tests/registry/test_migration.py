"""Migrations as they are loaded: what is taken over, and what is refused before any data is read."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tidegate.errors import BrokenContract, Misuse
from tidegate.registry import Migration, load_contract, migration_between

HEAD = "from typing import Optional\n\nimport ibis\nimport pandera.pandas as pa\nfrom ibis import _\n\n\n"
OLD = """\
class Trips(pa.DataFrameModel):
    trip: str = pa.Field(metadata={"key": True})
    port: str
    cars: str
    count: int
    captain: str = pa.Field(metadata={"personal": True})
    crew: Optional[int]
"""
NEW = """\
class Trips(pa.DataFrameModel):
    trip: str = pa.Field(metadata={"key": True})
    harbour: str
    cars: int
    crew: Optional[int]
    extra: Optional[str]
    lane: str = pa.Field(default="left")
"""


def between(folder: Path, told: str, new: str = NEW, old: str = OLD) -> Migration:
    place = folder / "contracts" / "trips"
    place.mkdir(parents=True)
    (place / "v1_0.py").write_text(HEAD + old)
    (place / "v2_0.py").write_text(f"{HEAD}{new}\n\n{textwrap.dedent(told)}\n")
    return migration_between(load_contract(place / "v1_0.py"), load_contract(place / "v2_0.py"))


def test_columns_of_the_same_name_and_type_and_what_may_be_absent_need_not_be_named(tmp_path: Path) -> None:
    migration = between(tmp_path, 'MIGRATION = {"1.0": {"harbour": _.port.upper(), "cars": _.cars.cast("int64")}}')
    told = {name: repr(how) for name, how in migration.written.items()}
    assert told == {
        "trip": "_['trip']",
        "harbour": "_.port.upper()",
        "cars": "_.cars.cast('int64')",
        "crew": "_['crew']",
        "lane": "None",
    }
    assert migration.taken_over(["trip", "crew"]) == ("trip", "crew")
    assert migration.taken_over(["trip", "harbour"]) is None
    assert migration.taken_over(["extra"]) is None


@pytest.mark.parametrize(
    ("made", "fact", "hint"),
    [
        ('"cars": 1', "does not make the column 'harbour', which every record must have", 'Write "harbour":'),
        ('"harbour": _.port', "how 'cars' becomes int64 of string", 'Write "cars": _.cars.cast("int64")'),
        ('"harbour": _.prot, "cars": 1', "reads the column 'prot', which trips@1.0 has not", "Did you mean 'port'?"),
        ('"harbour": _["prot"], "cars": 1', "reads the column 'prot'", "Did you mean 'port'?"),
        ('"harbor": _.port, "cars": 1', "makes the column 'harbor', which 2.0 has not", "Did you mean 'harbour'?"),
        ('"harbour": _.port.uper(), "cars": 1', "cannot be made", "Write MIGRATION"),
        ('"harbour": object(), "cars": 1', "cannot be made", "Write MIGRATION"),
        ('"harbour": _.port, "cars": True', "is boolean, and the column is int64", '.cast("int64")'),
        ('"harbour": _.port.length(), "cars": 1', "is int32, and the column is string", '.cast("string")'),
        ('"harbour": 7, "cars": 1', "is int8, and the column is string", '.cast("string")'),
        ('"harbour": _.port, "cars": _.count', "is no expression over columns", 'Write _["name"]'.lower()),
        ('"harbour": _.port.max(), "cars": 1', "looks at more than one record", "that record alone"),
        ('"harbour": _.port.lag(), "cars": 1', "looks at more than one record", "that record alone"),
        ('"harbour": _.port, "cars": ibis.row_number()', "looks at more than one record", "that record alone"),
        ('"harbour": _.port, "cars": _["count"] - _["count"].min()', "looks at more than one", "that record alone"),
        ('"harbour": _.port.split("").unnest(), "cars": 1', "makes several records of one", "that record alone"),
        ('"harbour": ibis.uuid().cast("string"), "cars": 1', "another value each time", "that record alone"),
        ('"harbour": ibis.now().cast("string"), "cars": 1', "another value each time", "that record alone"),
        ('"harbour": twice(_.port), "cars": 1', "calls a function that is not Ibis' own", "that record alone"),
        ('"harbour": elsewhere.name, "cars": 1', "reads another table", "that record alone"),
        ('"harbour": _.port + _.captain, "cars": 1', "made of 'captain', which is personal in trips@1.0", "Mark it"),
    ],
)  # fmt: skip
def test_what_cannot_make_a_column_of_one_record_is_refused(tmp_path: Path, made: str, fact: str, hint: str) -> None:
    told = f"""\
    elsewhere = ibis.table({{"name": "string"}}, name="elsewhere")


    @ibis.udf.scalar.builtin
    def twice(text: str) -> str: ...


    MIGRATION = {{
        "1.0": {{
            {made},
        }},
    }}
    """
    with pytest.raises(BrokenContract) as raised:
        between(tmp_path, told)
    assert fact in raised.value.fact
    assert hint.lower() in (raised.value.hint or "").lower()
    text = (tmp_path / "contracts/trips/v2_0.py").read_text().splitlines()
    place, _, _ = raised.value.fact.partition(": ")
    line = text[int(place.rpartition(":")[2]) - 1]
    assert line.strip().startswith(('"', "MIGRATION"))


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        ("MIGRATION = 3", "is no mapping of versions to columns"),
        ('MIGRATION = {"harbour": _.port}', "is no mapping of versions to columns"),
        ('MIGRATION = {"1": {}}', "'1', which is no version"),
        ('MIGRATION = {"2.0": {}}', "which is of no earlier major version"),
    ],
)
def test_what_is_no_migration_is_refused(tmp_path: Path, told: str, fact: str) -> None:
    with pytest.raises(BrokenContract, match=fact):
        between(tmp_path, told)


def test_an_unmarked_column_of_the_same_name_is_refused_where_the_old_one_is_personal(tmp_path: Path) -> None:
    new = NEW + "    captain: str\n"
    with pytest.raises(BrokenContract, match="'captain' is not marked"):
        between(tmp_path, 'MIGRATION = {"1.0": {"harbour": _.port, "cars": 1}}', new)


def test_a_version_without_a_migration_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=r"trips@2\.0 has no migration from trips@1\.0") as raised:
        between(tmp_path, 'MIGRATION = {"1.3": {"harbour": _.port, "cars": 1}}')
    assert raised.value.hint == "It has one from trips@1.3."


def test_patterns_cannot_be_migrated(tmp_path: Path) -> None:
    old = OLD + '    day: int = pa.Field(regex=True, alias="day_")\n'
    with pytest.raises(BrokenContract, match="has patterns"):
        between(tmp_path, 'MIGRATION = {"1.0": {"harbour": _.port, "cars": 1}}', old=old)
