"""The state folder: what is made for a run that comes to nothing is removed, and nobody else's."""

from __future__ import annotations

from pathlib import Path

from tidegate.workspace import Workspace, work_folder


def test_what_was_made_for_nothing_is_removed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "state")
    workspace.leave_nothing()
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays(tmp_path: Path) -> None:
    Workspace(tmp_path / "state")
    Workspace(tmp_path / "state").leave_nothing()
    assert len(list((tmp_path / "state").iterdir())) == 3


def test_who_works_there_keeps_every_folder(tmp_path: Path) -> None:
    """Two runs that begin in a new folder at once: one that fails must not take the quarantine from the other."""
    first = Workspace(tmp_path / "state")
    with work_folder(Workspace(tmp_path / "state")):
        first.leave_nothing()
        assert len(list((tmp_path / "state").iterdir())) == 3


def test_what_somebody_kept_stays(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "state")
    (workspace.receipts / "x.json").write_text("{}")
    workspace.leave_nothing()
    assert (workspace.receipts / "x.json").exists()


def test_a_folder_of_one_who_was_killed_before_it_had_a_lock_is_swept(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "state")
    (workspace.work / "left" / "rows").mkdir(parents=True)
    with work_folder(workspace) as folder, work_folder(workspace) as another:
        assert sorted(workspace.work.iterdir()) == sorted([folder, another])
    assert list(workspace.work.iterdir()) == []
