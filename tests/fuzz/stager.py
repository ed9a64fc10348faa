"""A process that stages one hostile file after another, since a parser may crash: then another one takes its place."""

from __future__ import annotations

import multiprocessing
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, Self

import pyarrow.parquet as pq

from tidegate.columns import Column
from tidegate.config import Resources
from tidegate.engines.plan import StagePlan, StageSource

_PATIENCE = 250
"""Seconds: what takes longer hangs, on any machine."""
RESOURCES = Resources(max_bytes=1 << 22, threads=1, memory_limit="500MB")

Answer = tuple[Literal["staged", "refused", "crashed", "bug"], Any]


class Stager:
    """A context manager: within it, files are staged in another process."""

    def __init__(self, folder: Path, columns: tuple[Column, ...]) -> None:
        self._folder, self._columns = folder, columns
        self.crashes = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._folder, self._columns), daemon=True)
        self._process.start()
        theirs.close()

    def stage(self, path: Path) -> Answer:
        """The staged rows, or why there are none."""
        self._ours.send(path)
        try:
            assert self._ours.poll(_PATIENCE), f"no answer within {_PATIENCE} s"
            answer: Answer = self._ours.recv()
        except (EOFError, ConnectionResetError):
            self.crashes += 1
            self._process.join()
            code = self._process.exitcode
            self._start()
            return "crashed", code
        return answer


def _serve(connection: Connection, folder: Path, columns: tuple[Column, ...]) -> None:
    from tidegate.engines.duckdb import worker
    from tidegate.errors import TidegateError

    while True:
        path = connection.recv()
        for left in folder.glob("source-*"):  # where a file was refused; a worker stages only one plan
            left.unlink()
        source = StageSource(uri=path.name, path=path, format="parquet", compression="none")
        plan = StagePlan(sources=(source,), folder=folder, columns=columns, strict=False, resources=RESOURCES)
        worker._limit(plan)
        answer: Answer
        try:
            stage = worker.stage(plan)
            (file,) = stage.files
            rows = pq.read_table(file.path).to_pylist()
            answer = "staged", rows
        except TidegateError as error:
            places = traceback.extract_tb(error.__traceback__)
            answer = "refused", (*((place.name, place.lineno) for place in places), str(error)[:60])
        except MemoryError:
            answer = "refused", "memory"
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            answer = "bug", traceback.format_exc()
        connection.send(answer)
