"""Where a pool lies: a folder on this machine, or one in an object store."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tidegate.errors import Misuse
from tidegate.pool.object_folder import ObjectFolder
from tidegate.sources.names import masked

Location = Path | ObjectFolder

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_REMOTE = re.compile(
    r"((?:s3|az)://[A-Za-z0-9._-]+|abfss://[A-Za-z0-9$-]+@[A-Za-z0-9.-]+)((?:/[A-Za-z0-9._=+,-]+)+)/*", re.IGNORECASE
)


def pool_location(uri: str, state_dir: str | Path | None = None) -> Location:
    """The place of a pool.

    Args:
        uri: a path, or ``s3://``, ``az://`` or ``abfss://`` and what follows.
        state_dir: where files that lie elsewhere are kept once they are fetched; without it they are not kept.

    Raises:
        Misuse: there can be no pool in such a place.
    """
    if not _SCHEME.match(uri):
        return Path(uri).resolve()
    scheme, _, rest = uri.partition("://")
    if scheme.lower() not in ("s3", "az", "abfss"):
        raise Misuse(f"{masked(uri)} is no place for a pool.", "Name a folder, or s3://, az:// or abfss://.")
    found = _REMOTE.fullmatch(uri)
    if found is None or {".", ".."} & set(found[2].split("/")):
        raise Misuse(
            f"{masked(uri)} names no folder in a bucket or container.",
            "Such as s3://bucket/pool, az://container/pool or abfss://container@account.dfs.core.windows.net/pool, "
            "with letters, digits and . _ - = + , in the folder's path.",
        )
    named = f"{scheme.lower()}://{rest.rstrip('/')}"
    digest = hashlib.sha256(named.encode()).hexdigest()[:16]
    return ObjectFolder(named, Path(state_dir).resolve() / "pools" / digest if state_dir is not None else None)


def is_remote(uri: str) -> bool:
    """Whether a URI names a place in an object store."""
    return uri.partition("://")[0].lower() in ("s3", "az", "abfss") and "://" in uri
