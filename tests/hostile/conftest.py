"""Fixtures of the hostile cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.harness import Gate


@pytest.fixture(scope="session")
def pools() -> dict[str, Path]:
    """Pools of one row, by the text of their contract."""
    return {}


@pytest.fixture
def gate(
    tmp_path: Path, pools: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gate:
    """The command line over a registry and a pool of its own."""
    return Gate(tmp_path, pools, monkeypatch, capsys)
