"""The sources: where a submission lies, and the snapshot of it that is integrated.

`acquire` looks at every byte once, so that later rooms can tell whether a file is still the one that was acquired.
Files on local disk are taken where they lie; others are fetched to the work folder, under names of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path

from tidegate.config import DataSource, Resources, SourceConfig
from tidegate.errors import TidegateError
from tidegate.readers.admission import too_many_files
from tidegate.sources import local_path
from tidegate.sources.fetch import Bounds, Stopped, download
from tidegate.sources.names import plain, source_of
from tidegate.sources.places import RemoteFile
from tidegate.sources.snapshot import Snapshot

__all__ = ["Snapshot", "acquire", "fetch_files"]


def acquire(
    paths: Sequence[str],
    limits: Resources,
    folder: Path,
    config: SourceConfig | None = None,
    source: DataSource | None = None,
) -> list[Snapshot]:
    """Take the files of a submission as they are now: recognised, counted and digested, several at once.

    Args:
        paths: files, folders and globs, on this machine or elsewhere.
        limits: `max_files` and `max_bytes` bound all files together, `max_seconds` the fetching.
        folder: where files are fetched to; it must be private, and last as long as the snapshots.
        config: how to fetch.
        source: where all of them lie; without it each path says so itself.

    Raises:
        SourceUnreadable: a file is not there, is no regular file, is none of the formats, or changes meanwhile.
        Misuse: a path belongs to no source, or what reads that source is not installed.
    """
    bounds = Bounds(config or SourceConfig(), limits)
    return _all(lambda: _tasks(paths, limits, folder, bounds, source), bounds)


def fetch_files(files: Sequence[tuple[RemoteFile, Path]], limits: Resources, config: SourceConfig) -> None:
    """Fetch files of blob storage, several at once, each to a path in a private folder.

    Raises:
        SourceUnreadable: one cannot be read, or changes meanwhile.
    """
    bounds = Bounds(config, limits)
    _all(lambda: [partial(download, file, path, bounds) for file, path in files], bounds)


def _all(tasks: Callable[[], list[Callable[[], Snapshot]]], bounds: Bounds) -> list[Snapshot]:
    """What comes of tasks that are done at once, in their order."""
    try:
        with ThreadPoolExecutor(bounds.config.at_once, thread_name_prefix="tidegate-file") as pool:
            try:
                return _results([pool.submit(copy_context().run, task) for task in tasks()], bounds)
            finally:
                bounds.stop()
                pool.shutdown(cancel_futures=True)
                bounds.parts.shutdown(cancel_futures=True)
    except TidegateError as error:
        # The libraries' own errors hold URLs, with all that is secret in them.
        error.__cause__ = error.__context__ = None
        raise


def _tasks(
    paths: Sequence[str], limits: Resources, folder: Path, bounds: Bounds, source: DataSource | None
) -> list[Callable[[], Snapshot]]:
    """What there is to do for each file, in order."""
    tasks: list[Callable[[], Snapshot]] = []
    for path in paths:
        kind = source_of(path, source)
        if kind == "local_path":
            files = local_path.find(path, limits.max_files)
            named = files == [Path(path)]
            for file in files:
                uri = path if named else plain(str(file))
                with suppress(OSError, ValueError):  # which is told where it is opened
                    bounds.expect(uri, file.stat().st_size)
                tasks.append(partial(local_path.acquire, file, uri, bounds.progress))
            continue
        for remote in _remote_files(path, kind, bounds):
            tasks.append(partial(download, remote, folder / f"fetched-{len(tasks):06d}", bounds))
    if len(tasks) > limits.max_files:
        raise too_many_files(limits.max_files)
    return tasks


def _remote_files(path: str, kind: DataSource, bounds: Bounds) -> Sequence[RemoteFile]:
    if kind == "url":
        from tidegate.sources.url import UrlFile

        return [UrlFile(path, bounds.config, bounds.left)]
    from tidegate.sources.blob_storage import find

    return find(path, bounds)


def _results(futures: list[Future[Snapshot]], bounds: Bounds) -> list[Snapshot]:
    """What came of each, in order. The first error ends the others, and is raised when they have ended."""
    wait(futures, return_when=FIRST_EXCEPTION)
    if any(future.done() and future.exception() for future in futures):
        bounds.stop()
        begun = [future for future in futures if not future.cancel()]
        wait(begun)
        errors = [error for future in begun if (error := future.exception()) is not None]
        # That another file was stopped is no news.
        raise min(errors, key=lambda error: isinstance(error, Stopped))
    return [future.result() for future in futures]
