"""Fixtures of the hostile cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hostile.harness import Gate

pytest.register_assert_rewrite("tests.hostile.harness")  # so that its assertions say what differs


@pytest.fixture(scope="session")
def pools() -> dict[str, Path]:
    """Pools of one row, by the text of their contract."""
    return {}


@pytest.fixture
def gate(tmp_path: Path, pools: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The command line over a registry and a pool of its own."""
    from tests.hostile.harness import Gate

    return Gate(tmp_path, pools, monkeypatch)
