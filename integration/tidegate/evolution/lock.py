"""`contracts.lock`: the digest of every contract and suite that was released. What was released does not change."""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tidegate.errors import Misuse

LOCK = "contracts.lock"
"""Its name, in the registry's folder."""

Kind = Literal["contracts", "suites"]
_KINDS: tuple[Kind, ...] = ("contracts", "suites")
_HEAD = """\
# Written by `tidegate contracts release`. A released contract or suite does not change: release another version.
"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*@\d+\.\d+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Lock:
    """The digests of what was released, by name as in ``flights@1.0``.

    Attributes:
        there: whether the file is there.
    """

    contracts: Mapping[str, str] = field(default_factory=dict)
    suites: Mapping[str, str] = field(default_factory=dict)
    there: bool = False

    @classmethod
    def read(cls, root: Path) -> Lock:
        """The lock of a registry; an empty one where it has none. Raises `Misuse` where it is no lock."""
        path = root / LOCK
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise Misuse(f"{path} cannot be read: {error}.") from None
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, where: str) -> Lock:
        """A lock from its text. Raises `Misuse`, which begins with `where`, where it is no lock."""
        hint = "It is written by tidegate contracts release; after a merge, keep the lines of both sides."
        try:
            told = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise Misuse(f"{where} cannot be read: {error}.", hint) from None
        if unknown := set(told) - set(_KINDS):
            raise Misuse(f"{where} has the unknown table {min(unknown)!r}.", hint)
        for kind in _KINDS:
            listed = told.get(kind, {})
            if not isinstance(listed, dict):
                raise Misuse(f"{where}: {kind} is no table.", hint)
            for name, digest in listed.items():
                if not _NAME.fullmatch(name) or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                    raise Misuse(f"{where}: {name!r} in {kind} has no digest.", hint)
        return cls(told.get("contracts", {}), told.get("suites", {}), there=True)

    def digests(self, kind: Kind) -> Mapping[str, str]:
        """What was released of a kind."""
        return self.contracts if kind == "contracts" else self.suites

    def with_released(self, name: str, contract: str, suite: str | None) -> Lock:
        """This lock with one more version in it."""
        suites = self.suites if suite is None else {**self.suites, name: suite}
        return Lock({**self.contracts, name: contract}, suites, there=True)

    def text(self) -> str:
        """As it is written: sorted, a version to a line, so that two releases merge."""
        lines = [_HEAD]
        for kind in _KINDS:
            lines.append(f"[{kind}]")
            lines += [f'"{name}" = "{digest}"' for name, digest in sorted(self.digests(kind).items(), key=_by_version)]
            lines.append("")
        return "\n".join(lines)

    def write(self, root: Path) -> None:
        """Put it in a registry, as a whole. Raises `Misuse` where that cannot be written."""
        written: str | None = None
        try:
            handle, written = tempfile.mkstemp(dir=root, prefix=f".{LOCK}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.text())
                file.flush()
                os.fsync(file.fileno())
            Path(written).chmod(0o644)
            Path(written).replace(root / LOCK)
        except OSError as error:
            if written is not None:
                with suppress(OSError):
                    Path(written).unlink()
            raise Misuse(f"{root / LOCK} cannot be written: {error.strerror}.") from None


def _by_version(item: tuple[str, str]) -> tuple[str, int, int]:
    name, _, version = item[0].partition("@")
    major, _, minor = version.partition(".")
    return name, int(major), int(minor)
