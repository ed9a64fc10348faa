"""How contracts and suites change: what differs between two versions and for whom, and what a version may change.

Everything here looks at contracts before they are released. What was released is in `contracts.lock`. What judges data
(`check`, `release`, `replay`) is imported from its own module, since it takes far more than comparing does.
"""

from tidegate.evolution.change import CHANGES, Change, Diff, Effect
from tidegate.evolution.compare import Release, diff_of, load_release
from tidegate.evolution.findings import FINDINGS, Finding
from tidegate.evolution.lock import LOCK, Lock
from tidegate.evolution.modes import MODES, SETTINGS, Mode
from tidegate.evolution.pages import mark_of

__all__ = [
    "CHANGES",
    "FINDINGS",
    "LOCK",
    "MODES",
    "SETTINGS",
    "Change",
    "Diff",
    "Effect",
    "Finding",
    "Lock",
    "Mode",
    "Release",
    "diff_of",
    "load_release",
    "mark_of",
]
