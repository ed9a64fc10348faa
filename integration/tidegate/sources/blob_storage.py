"""Objects in blob storage: one by its key, a folder of them, or what a glob means. `s3` and `azure` know the stores.

Credentials are those that each SDK finds by itself, in the environment or on the machine. None comes from a path.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from tidegate.errors import Misuse, SourceUnreadable, nearest
from tidegate.readers.admission import too_many_files
from tidegate.sources.fetch import Bounds
from tidegate.sources.names import blob_account, ends_in, fixed_part, is_glob, masked, pattern
from tidegate.sources.places import RemoteFile

_HIDDEN = (".", "_")
_NEAR = 1000
"""Among how many objects the one is looked for that was probably meant."""
_QUERY = re.compile(r"\?[^\s)'\"]+")


class NotThere(SourceUnreadable):
    """There is no such object, or no such bucket or container."""


class Refused(SourceUnreadable):
    """There is such an object, and it was not to be."""


@dataclass(frozen=True)
class Listed:
    """One object of a listing: its key, and its version and size in bytes then."""

    key: str
    version: str | None
    size: int


def hush(*libraries: str) -> None:
    """Keep the libraries from logging tokens.

    At the level of debugging they log headers; urllib3 logs URLs, of damaged answers also as a warning.
    """
    for name in libraries:
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() < logging.INFO:
            logger.setLevel(logging.INFO)
    for name in ("urllib3.connection", "urllib3.connectionpool"):
        logging.getLogger(name).addFilter(_without_queries)


def _without_queries(record: logging.LogRecord) -> bool:
    record.msg, record.args = _QUERY.sub("?***", record.getMessage()), ()
    record.exc_info = record.exc_text = None
    return True


class Store(Protocol):
    """One bucket or container."""

    def exists(self, key: str) -> bool:
        """Whether there is an object of this key."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """The objects whose keys begin so, in any order."""

    def file(self, key: str, version: str | None) -> RemoteFile:
        """An object to be read, and the version that it must have, if one is known."""

    def put(self, key: str, body: Path | bytes) -> None:
        """Write an object, in parts where it is large; the store holds each against its checksum."""

    def delete(self, key: str) -> None:
        """Remove an object, or do nothing where there is none."""

    def guards(self, key: str) -> bool:
        """Whether the store refuses to write over an object of this key, which is there, when it is asked to refuse.

        One that does not has written over it, with nothing.
        """

    def delta_uri(self, key: str) -> str:
        """What delta-rs calls this key."""

    def delta_options(self) -> dict[str, str]:
        """What delta-rs must be told to ask the same store with the same credentials, which may be short-lived."""


def find(path: str, bounds: Bounds) -> Sequence[RemoteFile]:
    """The objects that a path means, in the order of their keys.

    A key is literal if there is such an object: `g[1].csv` is that one. Otherwise it is a glob, or a folder, in which
    names with `.` or `_` first are passed over, as Spark and Hadoop do.

    Raises:
        SourceUnreadable: nothing is there, or more files than are allowed, or the store cannot be asked.
        Misuse: the path names no bucket, or the store's SDK is not installed.
    """
    store, key = store_of(path, bounds)
    uri = masked(path)
    if key and not key.endswith("/") and bounds.retried(lambda: store.exists(key), uri):
        return [store.file(key, None)]
    prefix = fixed_part(key) if is_glob(key) else f"{key.rstrip('/')}/" if key else ""
    found = bounds.retried(lambda: _listed(store, key, prefix, uri, bounds), uri)
    if not found:
        raise _nothing(store, key, uri, bounds)
    return [store.file(entry.key, entry.version) for entry in sorted(found, key=lambda entry: entry.key)]


def _listed(store: Store, key: str, prefix: str, uri: str, bounds: Bounds) -> list[Listed]:
    wanted = pattern(key.removeprefix(prefix)) if is_glob(key) else None
    found = []
    for entry in store.list(prefix):
        bounds.left(uri)
        name = entry.key.removeprefix(prefix)
        if not name or name.endswith("/"):  # what stands for a folder
            continue
        if wanted is not None and not wanted.fullmatch(name):
            continue
        if wanted is None and any(part.startswith(_HIDDEN) and part != ".." for part in name.split("/")):
            continue
        found.append(entry)
        if len(found) > bounds.limits.max_files:
            raise too_many_files(bounds.limits.max_files)
    return found


def _nothing(store: Store, key: str, uri: str, bounds: Bounds) -> SourceUnreadable:
    if not key or key.endswith("/"):
        return SourceUnreadable(f"{uri} holds no files.", "Check the path.")
    if is_glob(key):
        return SourceUnreadable(f"{uri} matches no file.", "Check the path.")
    beside = key.rpartition("/")[0]
    near = bounds.retried(lambda: list(islice(store.list(f"{beside}/" if beside else ""), _NEAR)), uri)
    names = [ends_in(entry.key) for entry in near]
    hint = nearest(ends_in(key), names)
    return SourceUnreadable(f"{uri} is not there.", hint if hint.startswith("Did") else "Check the path.")


def store_of(path: str, bounds: Bounds) -> tuple[Store, str]:
    """The bucket or container of a path, and the key in it. Raises `Misuse`."""
    parts = urlsplit(path)
    scheme = parts.scheme.lower()
    # What follows ? and # belongs to a key, but not in a link to Azure.
    _, _, key = path.partition("://")[2].partition("/")
    if scheme == "s3":
        _need("boto3", "s3", path)
        from tidegate.sources.s3 import Bucket

        return Bucket(parts.netloc, bounds), key
    _need("azure.storage.blob", "azure", path)
    from tidegate.sources.azure import Container

    if scheme == "az":
        return Container(parts.netloc, None, f"az://{parts.netloc}", bounds), key
    container, _, host = parts.netloc.rpartition("@")
    if scheme == "https":
        container, _, key = unquote(parts.path.lstrip("/")).partition("/")
        host = parts.hostname or ""
    account = blob_account(host)
    if account is None:
        raise Misuse(
            f"{masked(path)} is not in Azure's blob storage.",
            "Such as abfss://container@account.dfs.core.windows.net/x.csv.",
        )
    shown = f"https://{host}/{container}" if scheme == "https" else f"abfss://{container}@{host}"
    return Container(container, f"https://{host.lower().replace('.dfs.', '.blob.')}", shown, bounds), key


def _need(module: str, extra: str, path: str) -> None:
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it is a part of
        there = False
    if not there:
        raise Misuse(f"{masked(path)} needs {module}, which is not installed.", f"pip install 'tidegate[{extra}]'")
