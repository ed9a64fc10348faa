"""The places that the sources are tried on: servers of this machine, started and stopped by the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sources.site import Site

from tidegate.config import DataSource, Resources, SourceConfig
from tidegate.sources import Snapshot, acquire

HERE = ("127.0.0.0/8",)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what came of the downloads over lines that break, and their seed."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, told in getattr(report, "user_properties", ()):
                    if name == "faults":
                        terminalreporter.write_line(f"faults: {report.nodeid.partition('::')[2]}: {told}")


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server without pages."""
    with Site().running() as running:
        yield running


@pytest.fixture
def fetched(tmp_path: Path) -> Callable[..., list[Snapshot]]:
    """A function that acquires paths, also from this machine's own addresses."""
    folder = tmp_path / "work"

    def acquired(
        *paths: str,
        limits: Resources | None = None,
        source: DataSource | None = None,
        allowed: tuple[str, ...] = HERE,
        attempts: int = 3,
        silence: float = 5,
        at_once: int = 4,
    ) -> list[Snapshot]:
        folder.mkdir(exist_ok=True)
        config = SourceConfig(allowed_networks=allowed, attempts=attempts, silence_seconds=silence, at_once=at_once)
        return acquire(paths, limits or Resources(), folder, config, source)

    return acquired


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """Parts so small that a test's files have several, and waits so short that nobody notices them."""
    monkeypatch.setattr("tidegate.sources.fetch.PART", 100_000)
    monkeypatch.setattr("tidegate.sources.fetch._FIRST_WAIT", 0.01)
    return 100_000
