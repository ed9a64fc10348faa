"""Compatibility modes: whom each protects, and how a registry says which one holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evolution.conftest import Folder

from tidegate.errors import Misuse
from tidegate.evolution import MODES, SETTINGS, Change, Lock, Mode, Release
from tidegate.evolution.modes import Modes, effect_under
from tidegate.evolution.steps import steps_within

TIGHTER = ("a: int = pa.Field(ge=0)", "a: int = pa.Field(ge=5)")
LOOSER = TIGHTER[::-1]


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_protects_whom_its_name_says(mode: Mode) -> None:
    contributors, consumers = (
        Change("rule-added", "a.x", "breaking", "compatible"),
        Change("x", "a", "review", "breaking"),
    )
    told = (effect_under(mode, contributors), effect_under(mode, consumers))
    wanted = {"NONE": ("compatible", "compatible"), "BACKWARD": ("breaking", "review")}
    wanted |= {"FORWARD": ("compatible", "breaking"), "FULL": ("breaking", "breaking")}
    assert told == wanted[mode.removesuffix("_TRANSITIVE")]


def broken(folder: Folder, mode: Mode, *bodies: str, major: int = 1) -> list[str]:
    releases: list[Release] = []
    for number, body in enumerate(bodies):
        folder.write(f"sample@{major}.{number}", body)
        releases.append(folder.release(f"sample@{major}.{number}"))
    return [
        f"{finding.code} {finding.contract}" for finding in steps_within(folder.root, releases, Modes(mode), Lock())
    ]


def test_a_minor_version_may_not_break_whom_the_mode_protects(folder: Folder) -> None:
    breaks = ["breaking-change sample@1.1"]
    assert [broken(folder, mode, *TIGHTER) for mode in ("NONE", "BACKWARD", "FORWARD", "FULL")] == [
        [], breaks, [], breaks
    ]  # fmt: skip
    assert [broken(folder, mode, *LOOSER) for mode in ("NONE", "BACKWARD", "FORWARD", "FULL")] == [
        [], [], breaks, breaks
    ]  # fmt: skip


def test_transitive_modes_look_further_back_than_the_version_before(folder: Folder) -> None:
    """A column that goes is passed over, and may come back as another one: only the first step sees both."""
    key = "a: int = pa.Field(metadata={'key': True})\n"  # else what goes would have told records apart
    bodies = (key + "b: Optional[int]", key, key + "b: Optional[str]")
    assert broken(folder, "BACKWARD", *bodies) == ["needs-review sample@1.2"]
    assert broken(folder, "BACKWARD_TRANSITIVE", *bodies) == ["breaking-change sample@1.2", "needs-review sample@1.2"]


def test_a_major_version_may_break(folder: Folder) -> None:
    folder.write("sample@1.0", TIGHTER[0])
    folder.write("sample@2.0", TIGHTER[1])
    releases = [folder.release("sample@1.0"), folder.release("sample@2.0")]
    assert list(steps_within(folder.root, releases, Modes(), Lock())) == []


def test_what_was_released_was_looked_at(folder: Folder) -> None:
    folder.write("sample@1.0", "a: str = pa.Field(str_matches='^a')")
    folder.write("sample@1.1", "a: str = pa.Field(str_matches='^[ab]')")
    releases = [folder.release("sample@1.0"), folder.release("sample@1.1")]
    (finding,) = steps_within(folder.root, releases, Modes(), Lock())
    assert (finding.code, finding.severity) == ("needs-review", "warning")
    assert "rule-changed a.str_matches" in finding.fact
    released = Lock().with_released("sample@1.1", "0" * 64, None)
    assert list(steps_within(folder.root, releases, Modes(), released)) == []


def test_the_settings_name_the_mode_of_each_dataset(tmp_path: Path) -> None:
    assert Modes.read(tmp_path, {}).of("trips") == "FULL"
    (tmp_path / SETTINGS).write_text('[compatibility]\ndefault = "NONE"\ntrips = "BACKWARD_TRANSITIVE"\n')
    modes = Modes.read(tmp_path, {"trips": [], "ports": []})
    assert (modes.of("trips"), modes.of("ports")) == ("BACKWARD_TRANSITIVE", "NONE")


@pytest.mark.parametrize(
    ("text", "fact", "hint"),
    [
        ("[compat]", "the unknown key 'compat'", "Did you mean 'compatibility'"),
        ("[compatibility", "cannot be read", ""),
        ('[compatibility]\ntrip = "FULL"', "the dataset 'trip', which there is not", "Did you mean 'trips'"),
        ('[compatibility]\ntrips = "FUL"', "'FUL' is no compatibility mode", "Did you mean 'FULL'"),
        ("[compatibility]\ntrips = 3", "3 is no compatibility mode", ""),
        ("compatibility = 3", "compatibility is no table", "Write"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, text: str, fact: str, hint: str) -> None:
    (tmp_path / SETTINGS).write_text(text)
    with pytest.raises(Misuse, match=fact) as raised:
        Modes.read(tmp_path, {"trips": []})
    assert hint in (raised.value.hint or "")
