"""Ctrl-C, SIGTERM, and disks that refuse: one line, nothing left behind, and a pool that is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import tidegate
from tidegate import integrate_contributed_data
from tidegate.pool import Dataset, history
from tidegate.pool import rollback as restore
from tidegate.receipt import Receipt

SOURCE = str(Path(tidegate.__file__).parent.parent)
CONTRACT = '''"""Trips."""

import pandera.pandas as pa


class Trips(pa.DataFrameModel):
    """One trip."""

    trip: int
'''
MAIN = "from tidegate.cli import main; main()"
# Stands still at one place, where the signal reaches it.
HALTED = """
import os, signal, sys, time
from pathlib import Path
import psutil
import {module}
module, place, after = sys.modules["{module}"], "{place}", {after}
real = getattr(module, place)

def halted(*arguments, **more):
    told = real(*arguments, **more) if after else None
    worker = 0
    while place == "_fork" and not worker:  # it stands still before it has its request
        forked = [child for child in psutil.Process().children(recursive=True) if child.ppid() != os.getpid()]
        worker = forked[0].pid if forked else 0
    if worker:
        os.kill(worker, signal.SIGSTOP)
    Path("halted.part").write_text(str(worker))
    Path("halted.part").rename("halted")
    if not worker:
        time.sleep(60)
    return told if after else real(*arguments, **more)

setattr(module, place, halted)
from tidegate.cli import main
main()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    contract = tmp_path / "contracts" / "trips" / "v1_0.py"
    contract.parent.mkdir(parents=True)
    contract.write_text(CONTRACT)
    (tmp_path / "c.yaml").write_text("tracking: false\n")
    for name, trip in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.csv").write_text(f"trip\n{trip}\n")
    return tmp_path


def command(script: str, file: str, pool: str = "pool") -> list[str]:
    call = ["integrate", file, "--contract", "trips", "--registry", ".", "--into", pool, "--config", "c.yaml"]
    return [sys.executable, "-c", script, *call]


def integrate(file: str, pool: str = "pool", before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": SOURCE, "COLUMNS": "200"}
    done = [*before, *command(MAIN, file, pool)]
    return subprocess.run(done, env=environment, capture_output=True, text=True, check=False)


def publish(file: str) -> Receipt:
    """The same, in this process."""
    return integrate_contributed_data(
        data_path=file, schema_config="trips", registry=".", training_data="pool", tracking=False
    ).receipt


def trips(version: int | None = None) -> list[int]:
    dataset = Dataset(str(Path("pool").resolve()), history(Path("pool"))[0].version if version is None else version)
    return sorted(dataset.to_arrow().column("trip").to_pylist())


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("module", "place", "after", "published", "number"),
    [
        ("tidegate.engines.duckdb.forked", "_fork", True, False, signal.SIGTERM),
        ("tidegate.engines.duckdb.forked", "_fork", True, False, signal.SIGINT),
        ("tidegate.pool.publish", "_place", True, False, signal.SIGTERM),
        ("tidegate.pool.publish", "_commit", True, True, signal.SIGTERM),
    ],
)
def test_a_signal_cleans_up(
    folder: Path, module: str, place: str, after: bool, published: bool, number: signal.Signals
) -> None:
    script = HALTED.format(module=module, place=place, after=after)
    environment = os.environ | {"PYTHONPATH": SOURCE}
    process = subprocess.Popen(command(script, "a.csv"), env=environment, stderr=subprocess.PIPE, process_group=0)
    while not (folder / "halted").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, number)  # as a terminal does
    _, told = process.communicate()
    assert process.returncode == 128 + number
    assert told.decode() == "interrupted; call it again: what was published by then is not published twice\n"
    assert list((folder / ".tidegate" / "work").iterdir()) == []
    worker = int((folder / "halted").read_text())
    assert not (worker and alive(worker))
    assert [len(list(folder.glob("pool/*.parquet"))), (folder / "pool" / "_delta_log").exists()] == [published] * 2
    if published:
        assert publish("a.csv").already_published
        assert trips() == [1]


@pytest.fixture
def without_privileges(require_program: Callable[..., Path]) -> tuple[str, ...]:
    """What runs a command for which permissions hold, also where the tests are run by root."""
    if os.getuid() != 0:
        return ()
    setpriv = require_program("setpriv", package="util-linux")
    return (str(setpriv), "--bounding-set=-dac_override,-dac_read_search")


def test_a_pool_that_may_not_be_written_or_read(folder: Path, without_privileges: tuple[str, ...]) -> None:
    publish("a.csv")
    pool = folder / "pool"
    for mode, closed in ((0o555, pool), (0o000, pool)):
        closed.chmod(mode)
        done = integrate("b.csv", before=without_privileges)
        closed.chmod(0o755)
        assert (done.returncode, "Traceback" in done.stderr) == (4, False), (mode, done.stderr)
        assert done.stderr.startswith("pool-error: "), done.stderr
        assert trips() == [1]
    publish("b.csv")
    assert trips() == [1, 2]


def test_a_state_folder_that_may_not_be_written(folder: Path, without_privileges: tuple[str, ...]) -> None:
    folder.chmod(0o555)
    done = integrate("a.csv", before=without_privileges)
    folder.chmod(0o755)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "state folder" in done.stderr


QUOTA = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int over(int fd, size_t bytes) {
    struct stat told;
    if (fstat(fd, &told) || !S_ISREG(told.st_mode) || told.st_size + bytes <= 200000) return 0;
    errno = EDQUOT;
    return 1;
}
ssize_t write(int fd, const void *from, size_t bytes) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return over(fd, bytes) ? -1 : real(fd, from, bytes);
}
ssize_t pwrite64(int fd, const void *from, size_t bytes, off_t at) {
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite64");
    return over(fd, bytes) ? -1 : real(fd, from, bytes, at);
}
ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at) { return pwrite64(fd, from, bytes, at); }
"""


@pytest.fixture(params=["disk", "quota"])
def full(request: pytest.FixtureRequest, tmp_path: Path, require_program: Callable[..., Path]) -> tuple[str, ...]:
    """What runs a command for which no file can be larger than 200 kB: ENOSPC's near kin EFBIG, or EDQUOT."""
    if request.param == "disk":
        return ("prlimit", "--fsize=200000")
    compiler, library = require_program("cc", package="gcc libc6-dev"), tmp_path / "quota.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, "-x", "c", "-"], input=QUOTA, text=True, check=True)
    return ("env", f"LD_PRELOAD={library}")


def test_a_full_disk(folder: Path, full: tuple[str, ...]) -> None:
    publish("a.csv")
    (folder / "large.csv").write_text("trip\n" + "".join(f"{n * 7919 % 1_000_003}\n" for n in range(3, 200_000)))
    done = integrate("large.csv", before=full)
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert trips() == [1]
    assert list((folder / ".tidegate" / "work").iterdir()) == []
    publish("large.csv")


def test_a_clock_that_is_set_back_leaves_history_in_order(folder: Path) -> None:
    """The first publish is a day ahead: in its commit, and by the file's time."""
    publish("a.csv")
    log = folder / "pool" / "_delta_log" / f"{0:020}.json"
    ahead = time.time() + 86_400
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "commitInfo" in line:
            line["commitInfo"]["timestamp"] = int(ahead * 1000)
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    os.utime(log, (ahead, ahead))
    publish("b.csv")
    assert [entry.version for entry in history(Path("pool"))] == [1, 0]
    assert trips() == [1, 2]
    assert publish("a.csv").already_published
    assert restore(Path("pool"), 0) == 2
    assert trips() == [1]
