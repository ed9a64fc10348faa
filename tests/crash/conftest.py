"""What came of the kills, printed at the end."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how many were killed and when, and the seed."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, told in getattr(report, "user_properties", ()):
                    if name == "crash":
                        terminalreporter.write_line(f"crash: {told}")
