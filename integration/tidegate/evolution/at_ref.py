"""A registry as it was at a commit: its contracts, suites and lock, put into a folder of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.errors import Misuse
from tidegate.evolution.lock import LOCK
from tidegate.registry import Registry
from tidegate.workspace import work_folder

_PLACES = ("contracts", "expectations", LOCK)


@contextmanager
def registry_at(registry: Registry, ref: str) -> Iterator[Registry]:
    """The registry at a commit, a branch or a tag, until the end of the block. Examples are left out.

    Raises:
        Misuse: the registry is in no git repository, git is not installed, or there is no such commit.
    """
    commit = commit_of(registry, ref)
    listed = _git(registry.root, ref, "ls-tree", "-r", "-z", "--name-only", commit, "--", *_PLACES)
    with work_folder(None) as folder:
        (folder / "contracts").mkdir()
        for name in filter(None, listed.decode().split("\0")):
            if name.split("/")[2:3] == ["examples"] or name.startswith(("../", "/")):  # a dataset may be called so
                continue
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_git(registry.root, ref, "cat-file", "blob", f"{commit}:./{name}"))
        yield Registry(folder)


def commit_of(registry: Registry, ref: str) -> str:
    """The full name of a commit. Raises `Misuse` as `registry_at` does."""
    named = _git(registry.root, ref, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return named.decode().strip()


def _git(root: Path, ref: str, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)  # noqa: S607 - the one on the path
    except FileNotFoundError:
        raise Misuse(
            "git is not installed, so nothing can be compared with a commit.", "Leave out --against."
        ) from None
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        if "rev-parse" in arguments and not told:
            raise Misuse(
                f"There is no commit {ref!r} in the repository of {root}.",
                "In a shallow clone it must be fetched first: git fetch origin main, then --against origin/main.",
            )
        raise Misuse(f"git cannot read {ref!r} in {root}: {told[0] if told else 'it says nothing'}.")
    return done.stdout
