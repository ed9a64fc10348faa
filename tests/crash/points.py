"""Where a process is killed: by itself, just before or after the call of a function, or a moment after it began."""

from __future__ import annotations

import importlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn

from tidegate import telemetry

STEPS = ("stage", "audit rules", "select", "publish")
BEFORE = {
    "the work folder is made": ("tidegate.workspace:tempfile.mkdtemp", "after 1"),
    "before acquire": ("tidegate.data_integration:acquire_submission", "before 1"),
    "after acquire": ("tidegate.data_integration:acquire_submission", "after 1"),
    **{f"begins: {step}": ("", step) for step in STEPS},
    "before placing": ("tidegate.pool.publish:_place", "before 1"),
    "a file is placed": ("tidegate.pool.publish:_place", "after 1"),
    "before a file is safe": ("tidegate.pool.publish:os.fsync", "before 1"),
    "before the commit": ("tidegate.pool.publish:_commit", "before 1"),
}
"""Points at which nothing is published yet."""
AFTER = {
    "in the commit": ("tidegate.pool.publish:_commit", "during"),
    "after the commit": ("tidegate.pool.publish:_commit", "done"),  # it gives nothing where another writer was faster
    "begins: record": ("", "record"),
    "after the bundle": ("tidegate.tracking:write_bundle", "after 1"),
    "before the receipt": ("tidegate.tracking:keep_bundle", "before 1"),
    "after the receipt": ("tidegate.tracking:keep_bundle", "after 1"),
}
PUT = {"in the outbox": ("tidegate.tracking.deliver:deliver", "before 1")}
DELIVERY = {
    "before MLflow": ("tidegate.tracking.deliver:push", "before 1"),
    "a run is made": ("tidegate.tracking.to_mlflow:_log", "before 1"),
    "a run is logged": ("tidegate.tracking.to_mlflow:_log", "after 1"),
    "before it leaves the outbox": ("tidegate.tracking.outbox:Entry.remove", "before 1"),
    "while it leaves the outbox": ("tidegate.tracking.outbox:shutil.rmtree", "before 1"),
}
_COMMIT_SECONDS = 0.02


def arm(point: str) -> None:
    """Have this process killed at a named point."""
    place, moment = (BEFORE | AFTER | PUT | DELIVERY)[point]
    if not place:
        telemetry._listener = _Killer(moment)
        return
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    setattr(owner, name, _deadly(getattr(owner, name), moment))


class _Killer(telemetry.Listener):
    def __init__(self, step: str) -> None:
        self._step = step

    def began(self, step: str) -> None:
        if step == self._step:
            die()


def _deadly(function: Callable[..., Any], moment: str) -> Callable[..., Any]:
    when, _, number = moment.partition(" ")
    calls = 0

    def called(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if when == "during":
            _die_soon()
        elif when == "before" and calls == int(number):
            die()
        result = function(*arguments, **more)
        if (when == "after" and calls == int(number)) or (when == "done" and result is not None):
            die()
        return result

    return called


def die() -> NoReturn:
    """As if the machine's memory had run out."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("alive")


def _die_soon() -> None:
    """Another process kills this one within the time that a commit takes."""
    group = os.getpgid(0)
    if os.fork() == 0:
        os.closerange(3, 4096)  # it may end a moment later than who is killed, and must not hold the lock for it
        time.sleep(int.from_bytes(os.urandom(2), "big") / 65_536 * _COMMIT_SECONDS)
        os.killpg(group, signal.SIGKILL)
