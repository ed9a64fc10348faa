"""Where the registry is, and which file a name such as ``flights@1`` means."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import Misuse, nearest

_PACKAGE = Path(__file__).resolve().parent.parent
_VERSION_FILE = re.compile(r"v(\d+)_(\d+)")
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)(?:@(\d+)(?:\.(\d+))?)?")

Version = tuple[int, int]


@dataclass(frozen=True)
class Registry:
    """A folder holding ``contracts/`` and ``expectations/``."""

    root: Path

    def datasets(self) -> dict[str, list[Version]]:
        """Every contract's name with its versions, oldest first."""
        return self._versions("contracts", ".py")

    def contract_file(self, reference: str) -> Path:
        """The file of the newest contract that matches `name`, `name@MAJOR` or `name@MAJOR.MINOR`.

        Raises:
            Misuse: no such name or version; the message says what there is.
        """
        name, version = self._resolve(reference, self.datasets(), "contract")
        return self.root / "contracts" / name / f"v{version[0]}_{version[1]}.py"

    def suite_file(self, reference: str) -> Path:
        """The file of the newest suite that matches, as `contract_file` does. Raises `Misuse`."""
        name, version = self._resolve(reference, self._versions("expectations", ".json"), "suite")
        return self.root / "expectations" / name / f"v{version[0]}_{version[1]}.json"

    def suite_beside(self, contract_file: Path) -> Path | None:
        """The suite of the same name and version as a contract, if it has one."""
        suite = self.root / "expectations" / contract_file.parent.name / f"{contract_file.stem}.json"
        return suite if suite.is_file() else None

    def _versions(self, kind: str, suffix: str) -> dict[str, list[Version]]:
        found: dict[str, list[Version]] = {}
        for file in sorted((self.root / kind).glob(f"*/v*{suffix}")):
            match = _VERSION_FILE.fullmatch(file.stem)
            if match:
                found.setdefault(file.parent.name, []).append((int(match[1]), int(match[2])))
        return {name: sorted(versions) for name, versions in found.items()}

    def _resolve(self, reference: str, known: dict[str, list[Version]], kind: str) -> tuple[str, Version]:
        match = _NAME.fullmatch(reference)
        if match is None:
            raise Misuse(
                f"{reference!r} is no {kind} name.", "Write name, name@MAJOR or name@MAJOR.MINOR: flights@1.0."
            )
        name, major, minor = match[1], match[2], match[3]
        if name not in known:
            raise Misuse(f"There is no {kind} {name!r} in the registry {self.root}.", nearest(name, known))
        matching = [
            version for version in known[name] if major in (None, str(version[0])) and minor in (None, str(version[1]))
        ]
        if not matching:
            there = ", ".join(f"{name}@{a}.{b}" for a, b in known[name])
            raise Misuse(f"There is no {kind} {reference!r} in the registry {self.root}.", f"There is: {there}.")
        return name, matching[-1]


def find_registry(root: str | Path | None = None) -> Registry:
    """The registry that a call or the command line means.

    In this order: `root`; ``TIDEGATE_REGISTRY``; ``[tool.tidegate] registry`` in the nearest pyproject.toml above
    the working directory; the one that Tidegate ships.

    Raises:
        Misuse: the folder that is named has no ``contracts/`` in it.
    """
    chosen, said_by = _chosen(root)
    if not _is_folder(chosen / "contracts"):
        raise Misuse(
            f"The registry {chosen}, named by {said_by}, has no folder contracts/.",
            "A registry is a folder that holds contracts/ and expectations/.",
        )
    return Registry(chosen)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, for one
        return False


def shipped_registry() -> Path:
    """The registry that came with Tidegate."""
    packaged = _PACKAGE / "_registry"
    # In a checkout the source root is integration/, and contracts/ stands beside it.
    return packaged if packaged.is_dir() else _PACKAGE.parent.parent


def _chosen(root: str | Path | None) -> tuple[Path, str]:
    if root is not None:
        return Path(root).resolve(), "the call"
    if os.environ.get("TIDEGATE_REGISTRY"):
        return Path(os.environ["TIDEGATE_REGISTRY"]).resolve(), "TIDEGATE_REGISTRY"
    for folder in (Path.cwd(), *Path.cwd().parents):
        project = folder / "pyproject.toml"
        if project.is_file():
            named = _named_in(project)
            if named is not None:
                return (folder / named).resolve(), str(project)
            break
    return shipped_registry(), "the installation"


def _named_in(project: Path) -> str | None:
    try:
        tool = tomllib.loads(project.read_text(encoding="utf-8")).get("tool")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misuse(f"{project} cannot be read: {error}.") from None
    ours = tool.get("tidegate", {}) if isinstance(tool, dict) else {}
    named = ours.get("registry") if isinstance(ours, dict) else ours
    if named is not None and (not isinstance(named, str) or "\0" in named):
        raise Misuse(f"{project} names no folder in [tool.tidegate] registry.", 'Write registry = "path/to/it".')
    return named
