"""A warm Python is called as any is, and ends as any does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

TOLD = (
    "import json, os, sys; print(json.dumps([sys.argv, sys.path[0], sys.executable, os.getcwd(), os.environ['X'],"
    " __name__, sys.stdin.read(), 'tidegate' in sys.modules, 'great_expectations' in sys.modules]))"
)


def told(*arguments: str | Path, folder: Path) -> list[Any]:
    environment = os.environ | {"X": "y"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, input="given", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("form", ["-c", "-m", "script"])
def test_it_is_called_as_any_python(form: str, warm: Path, tmp_path: Path) -> None:
    (tmp_path / "here.py").write_text(TOLD)
    call = {"-c": ["-c", TOLD], "-m": ["-m", "here"], "script": ["here.py"]}[form]
    here, there = (told(python, *call, "a", "-b", folder=tmp_path) for python in (sys.executable, warm))
    assert here[7:] == [False, False]
    assert there == [*here[:2], str(warm), *here[3:7], False, True]


def test_an_option_that_it_has_not_is_for_the_real_one(warm: Path) -> None:
    flags = "import sys; print(sys.flags.optimize)"
    assert subprocess.run([warm, "-O", "-c", flags], capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.parametrize(
    ("ends", "code", "words"),
    [
        ("", 0, ""), ("raise SystemExit(3)", 3, ""), ("raise SystemExit('why')", 1, "why\n"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("import atexit, sys; atexit.register(print, 'last', file=sys.stderr)", 0, "last\n"),
        ("import sys, threading, time\n"
         "threading.Thread(target=lambda: (time.sleep(0.2), print('late', file=sys.stderr))).start()", 0, "late\n"),
    ],
)  # fmt: skip
def test_it_ends_as_any_python(ends: str, code: int, words: str, warm: Path) -> None:
    script = f"print('said', flush=True)\n{ends}"
    done = subprocess.run([warm, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "said\n")
    assert words in done.stderr
    assert bool(done.stderr) == bool(words)


WAITS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print(os.getpid(), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 7), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_signal_reaches_it(number: signal.Signals, code: int, warm: Path) -> None:
    with subprocess.Popen([warm, "-c", WAITS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        itself = psutil.Process(int(process.stdout.readline()))
        process.send_signal(number)
        assert process.wait() == code
    psutil.wait_procs([itself], timeout=60)
    assert not itself.is_running()


def test_a_group_of_its_own_is_one(warm: Path) -> None:
    script = "import os, subprocess, sys, time; subprocess.Popen(['sleep', '600']); print(os.getpgid(0)); " \
             "sys.stdout.flush(); time.sleep(600)"  # fmt: skip
    with subprocess.Popen([warm, "-c", script], stdout=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stdout is not None
        group = int(process.stdout.readline())
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
    while True:  # until the system has put them away
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)


def test_it_inherits_what_is_passed_on(warm: Path) -> None:
    readable, writable = os.pipe()
    script = f"import os; os.write({writable}, b'passed')"
    subprocess.run([warm, "-c", script], pass_fds=[writable], check=True)
    os.close(writable)
    assert os.read(readable, 99) == b"passed"
    os.close(readable)
    closed = subprocess.run([warm, "-c", script], capture_output=True, text=True, check=False)
    assert "Bad file descriptor" in closed.stderr


def test_what_it_starts_is_warm_too(warm: Path) -> None:
    inner = "import sys; print('great_expectations' in sys.modules)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    assert subprocess.run([warm, "-c", script], capture_output=True, text=True, check=True).stdout == "True\n"
