"""What the comparison of the engines covered is told at the end, also where it ran in several processes."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the seed and the number of cases of each part."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, told in getattr(report, "user_properties", ()):
                    if name == "differential":
                        terminalreporter.write_line(f"differential: {told}")
