"""`tidegate contracts check`, `show` and `diff` on migrations and deprecations."""

from __future__ import annotations

import json

from tests.cli.in_process import command_line
from tests.evolution.conftest import Folder

from tidegate.evolution import Lock
from tidegate.evolution.check import Loaded, load_all
from tidegate.evolution.deprecations import wrongly_deprecated
from tidegate.evolution.migrations import migrations_within

OLD = "key: int = pa.Field(metadata={'key': True})\nport: str = pa.Field(isin=['north', 'south'])\n"
NEW = "key: int = pa.Field(metadata={'key': True})\nharbour: str = pa.Field(isin=['NORTH', 'SOUTH'])\n"
USES = "from ibis import _\n"


def migrated(folder: Folder, name: str, migration: str) -> None:
    path = folder.write(name, NEW, head=USES)
    path.write_text(f"{path.read_text()}\n\nMIGRATION = {migration}\n")


def found(folder: Folder, lock: Lock | None = None) -> list[tuple[str, str | None, str, str]]:
    loaded: Loaded = load_all(folder.registry, ["trips"])
    told = migrations_within(folder.root, loaded.releases["trips"], lock or Lock())
    return [(finding.code, finding.contract, finding.file, finding.fact) for finding in told]


def test_valid_examples_of_the_version_before_are_migrated(folder: Folder) -> None:
    folder.write("trips@1.0", OLD)
    folder.example("trips@1.0", "valid", "a", [{"key": 1, "port": "north"}])
    folder.example("trips@1.0", "valid", "b", [{"key": 1, "port": "south"}, {"key": 2, "port": "north"}])
    migrated(folder, "trips@2.0", '{"1.0": {"harbour": _.port.upper()}}')
    assert found(folder) == []
    migrated(folder, "trips@2.0", '{"1.0": {"harbour": (_.port == "north").ifelse("NORTH", "south")}}')
    (told,) = found(folder)
    assert told[:3] == ("migration-fails", "trips@2.0", "contracts/trips/examples/v1_0/valid/b.json")
    assert "it fails harbour.isin@2.0" in told[3]


def test_what_cannot_be_done_is_broken_and_points_at_its_line(folder: Folder) -> None:
    folder.write("trips@1.0", OLD)
    migrated(folder, "trips@2.0", '{"1.0": {"harbour": _.port.max()}, "1.7": {}}')
    first, second = found(folder)
    assert first[:2] == second[:2] == ("broken", "trips@2.0")
    assert "looks at more than one record" in first[3]
    assert "migrates from 1.7, which there is not" in second[3]
    releases = load_all(folder.registry, ["trips"]).releases["trips"]
    (finding, _) = migrations_within(folder.root, releases, Lock())
    assert finding.line == len((folder.root / finding.file).read_text().splitlines())


def test_a_draft_without_a_migration_is_told_and_a_released_version_is_not(folder: Folder) -> None:
    folder.write("trips@1.0", OLD)
    folder.write("trips@1.1", OLD)
    folder.write("trips@2.0", NEW)
    assert [told[:2] for told in found(folder)] == [("no-migration", "trips@2.0")]
    migrated(folder, "trips@2.0", '{"1.0": {"harbour": _.port.upper()}}')
    (told,) = found(folder)
    assert told[3] == "trips@2.0 has no migration from trips@1.1, but from 1.0."
    # What is not released is no version that anybody sends files of.
    assert found(folder, Lock({"trips@1.0": "x"})) == []
    assert found(folder, Lock({"trips@1.1": "x", "trips@2.0": "x"})) == []


def test_deprecations_of_what_is_not_there_are_found(folder: Folder) -> None:
    folder.write("trips@1.0", OLD)
    folder.write("trips@2.0", NEW)
    table = '[deprecated."{}"]\nsince = 2026-12-01\nuse = "{}"\n'
    settings = folder.root / "contracts.toml"
    for name, use, fact in (
        ("trips@1", "trips@2", None),
        ("trips@1.1", "trips@2", "is of 'trips@1.1': There is no contract 'trips@1.1'"),
        ("trip@1", "trips@2", "is of 'trip@1': There is no contract 'trip'"),
        ("trips", "trips@2", "is of 'trips': it names no version"),
        ("trips@1", "trips@3", "leads to 'trips@3': There is no contract 'trips@3'"),
        ("trips@1", "trips@1.0", "leads to 'trips@1.0', which is deprecated itself"),
    ):
        settings.write_text(table.format(name, use))
        told = [
            (finding.code, finding.file, finding.fact) for finding in wrongly_deprecated(folder.registry, ["trips"])
        ]
        assert (fact is None) == (told == []), told
        assert fact is None or (told[0][:2] == ("deprecation", "contracts.toml") and fact in told[0][2])


def test_show_and_diff_tell_of_both(folder: Folder) -> None:
    folder.write("trips@1.0", OLD)
    migrated(folder, "trips@2.0", '{"1.0": {"harbour": _.port.upper()}}')
    (folder.root / "contracts.toml").write_text(
        '[deprecated."trips@1"]\nsince = 2026-12-01\nrefused = 2027-03-01\nuse = "trips@2"\n'
    )
    named = ("--registry", str(folder.root))
    plan = "trips@1.0 is deprecated from 2026-12-01 and refused from 2027-03-01: change to trips@2."
    assert plan in command_line("contracts", "show", "trips@1", *named).stdout
    shown = command_line("contracts", "show", "trips@2", *named).stdout
    assert "Migration from 1.0:\n  harbour = _.port.upper()" in shown
    old = json.loads(command_line("contracts", "show", "trips@1", *named, "--format", "json").stdout)
    assert old["deprecation"] == {"since": "2026-12-01", "refused": "2027-03-01", "use": "trips@2"}
    text = command_line("contracts", "diff", "trips@1", "trips@2", *named).stdout
    assert "migration: files of trips@1.0 are taken with --migrate-to trips@2.0" in text
    assert f"deprecated: {plan}" in text
    for versions, migration in ((("trips@1", "trips@2"), True), (("trips@2", "trips@1"), False)):
        told = json.loads(command_line("contracts", "diff", *versions, *named, "--format", "json").stdout)
        assert (told["migration"], told["deprecated"]) == (migration, [plan])
