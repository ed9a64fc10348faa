"""The process that a `warm` Python is forked from: it has imported what takes long, and nothing of ours.

Run as ``python -P -W ignore server.py <socket>``. It says so when it is ready, and ends when its standard input does.
It has one thread, or a fork would lose the others. `client` is what asks: the size of a JSON, with the descriptors that
the process inherits; the JSON of how a Python was called. The answers are the process's number, and how it ended.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

NUMBER = 4  # bytes
# Of the 12 seconds of processor time that a small integration takes in a process of its own, these are ten.
IMPORTED = (
    "deltalake", "duckdb_sqlalchemy", "great_expectations", "ibis.backends.duckdb", "mlflow",
    "mlflow.store.tracking.sqlalchemy_store", "pandas", "pandera.pandas", "pandera.backends.pandas.builtin_checks",
    "pyarrow.dataset", "pyarrow.parquet", "rich.console", "sklearn.ensemble", "stdnum.iban", "typer", "yaml",
    "zstandard",
)  # fmt: skip
# jemalloc, of deltalake and Polars, knows of forks; that one of Polars removes what it spilled.
CAN_BE_LOST = {"jemalloc_bg_thd", "polars-ooc-clea"}


def serve(at: str) -> dict[str, Any]:
    """Until there is a process that is to be a Python: in that one it returns, with how it was called."""
    with socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as selector:
        server.bind(at)
        server.listen(64)
        print("ready", flush=True)
        selector.register(server, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while True:
            if 0 in (key.fileobj for key, _ in selector.select()):
                _reap(0)
                os._exit(0)
            _reap(os.WNOHANG)
            asker, _ = server.accept()
            if os.fork() == 0:  # one that minds the process, so that the server waits for nobody
                server.close()
                selector.close()
                return _mind(asker)
            asker.close()


def _reap(flags: int) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, flags) != (0, 0):
            pass


def _mind(asker: socket.socket) -> dict[str, Any]:
    """Fork the process, and see to it until its end. Returns in the process."""
    size, descriptors, _, _ = socket.recv_fds(asker, NUMBER, 64)
    call: dict[str, Any] = json.loads(asker.recv(int.from_bytes(size, sys.byteorder), socket.MSG_WAITALL))
    ended, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for held in (ended, wakes, asker):
            held.close()
        if call["leads"]:
            os.setpgid(0, 0)
        _inherit(dict(zip(descriptors, call["descriptors"], strict=True)))
        return call
    for descriptor in (0, 1, 2, *descriptors):  # or a pipe would not end with the process
        os.close(descriptor)
    asker.sendall(child.to_bytes(NUMBER, sys.byteorder))
    with selectors.DefaultSelector() as selector:
        for heard in (ended, asker):
            selector.register(heard, selectors.EVENT_READ)
        while ended not in (key.fileobj for key, _ in selector.select()):
            os.kill(child, signal.SIGKILL)  # who asked is gone
            selector.unregister(asker)
    _, status = os.waitpid(child, 0)
    with suppress(OSError):
        asker.sendall(os.waitstatus_to_exitcode(status).to_bytes(NUMBER, sys.byteorder, signed=True))
    os._exit(0)


def _inherit(numbers: dict[int, int]) -> None:
    """Give descriptors the numbers that they have in the process that asked."""
    above = max([*numbers, *numbers.values()]) + 1
    for received, number in numbers.items():
        os.dup2(received, above + number, inheritable=False)
        os.close(received)
    for number in numbers.values():
        os.dup2(above + number, number)
        os.close(above + number)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def become(call: dict[str, Any]) -> None:
    """Be the Python that was called: with `-c`, `-m` or a script."""
    *_, root = os.environ["PYTHONPATH"].split(os.pathsep)  # before it stands Tidegate, as if it were installed
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.executable = call["executable"]
    arguments, safe_path = [*call["arguments"]], False
    while arguments[0] in ("-P", "-u"):
        safe_path |= arguments.pop(0) == "-P"
    kind = arguments.pop(0) if arguments[0] in ("-c", "-m") else "script"
    what, *sys.argv[1:] = arguments
    sys.argv[0] = what if kind == "script" else kind
    first = {"-c": "", "-m": call["folder"], "script": str(Path(what).resolve().parent)}[kind]
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [*([] if safe_path else [first]), *given, *(path for path in sys.path if path != root)]
    importlib.invalidate_caches()
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if kind == "script":
        main.__file__, what = what, Path(what).read_text(encoding="utf-8")
    exec(compile(what, sys.argv[0] if kind == "script" else "<string>", "exec", dont_inherit=True), vars(main))


def end_as(call: dict[str, Any]) -> NoReturn:
    """Be it, and end. Not as an interpreter does, which would take everything down that was imported."""
    code: object = 0
    try:
        become(call)
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - it is told, and the process ends
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    sys.modules["duckdb"].default_connection().close()  # which has a thread
    others = [task for task in Path("/proc/self/task").glob("*") if task.name != str(os.getpid())]
    threads = {(task / "comm").read_text().strip() for task in others}
    assert threads - CAN_BE_LOST == set(), threads
    assert "tidegate" not in sys.modules
    gc.collect()
    gc.freeze()  # what is there stays, and no fork looks through it again
    end_as(serve(sys.argv[1]))
