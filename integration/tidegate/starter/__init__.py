"""A registry to start with, copied from the files beside this module. What is there already stays as it is."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tidegate import __version__
from tidegate.errors import Misuse
from tidegate.registry import Registry

FILES = Path(__file__).parent / "files"
"""As they are copied, but for `dot_` where a name begins with a dot, and `.txt` behind what is code elsewhere."""

_EXAMPLE = "trips"
EXAMPLE_DATA = f"data/{_EXAMPLE}/example.csv"
"""Data that the example takes; not there where other contracts are."""
_PROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Step:
    """What was done about one file.

    Attributes:
        path: below the folder.
        why: what there is to say of it, if anything.
    """

    done: Literal["wrote", "added to", "kept"]
    path: str
    why: str = ""


def start(folder: Path) -> list[Step]:
    """Make a registry in a folder. A second call finds everything there.

    Raises:
        Misuse: something cannot be written, or `pyproject.toml` cannot be read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return list(_steps(folder))
    except OSError as error:
        raise Misuse(f"{error.filename or folder} cannot be written: {error.strerror}.") from None


def _steps(folder: Path) -> Iterator[Step]:
    others = sorted(Registry(folder).datasets().keys() - {_EXAMPLE})
    files = {_target(path): path for path in FILES.rglob("*") if path.is_file()}
    for target, file in sorted(files.items()):
        if target == _PROJECT:
            yield _project(folder / target, file.read_text(encoding="utf-8"))
        elif (folder / target).exists():
            yield Step("kept", target, "it is there already")
        elif not (others and f"/{_EXAMPLE}/" in target):
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            with (folder / target).open("x", encoding="utf-8") as out:
                out.write(file.read_text(encoding="utf-8").replace("TIDEGATE_VERSION", __version__))
            yield Step("wrote", target)
    if others:
        yield Step("kept", "contracts", f"it has {', '.join(others)}, so it needs no example")


def _target(file: Path) -> str:
    parts = (
        part.replace("dot_", ".", 1) if part.startswith("dot_") else part for part in file.relative_to(FILES).parts
    )
    return "/".join(parts).removesuffix(".txt")


def _project(path: Path, section: str) -> Step:
    """Say in the project's own file where the registry is; a table at its end changes nothing of what stands there."""
    if not path.exists():
        path.write_text(section, encoding="utf-8")
        return Step("wrote", path.name)
    try:
        before = path.read_bytes().decode()  # as it is, with its own ends of lines
    except UnicodeDecodeError as error:
        raise Misuse(f"{path} cannot be read: {error}.", "Mend it first.") from None
    ours = _tool(path, before)
    if ours is not None:
        return Step("kept", path.name, "[tool.tidegate] is there already")
    end = "\r\n" if "\r\n" in before else "\n"
    after = f"{before.rstrip()}{end}{end}" if before.strip() else ""
    after += section.replace("\n", end)
    try:
        _tool(path, after)
    except Misuse:
        return Step("kept", path.name, 'it has tool written as a value: add tidegate = {registry = "."} to that')
    path.write_bytes(after.encode())
    return Step("added to", path.name, "[tool.tidegate]")


def _tool(path: Path, text: str) -> object:
    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise Misuse(f"{path} cannot be read: {error}.", "Mend it first.") from None
    return tool.get("tidegate") if isinstance(tool, dict) else None
