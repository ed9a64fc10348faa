"""Contracts and registries for the tests of how they change."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CONTRACT_HEAD

from tidegate.evolution import Release, load_release
from tidegate.registry import Registry

Write = Callable[..., Release]


class Folder:
    """A registry that tests write into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "contracts").mkdir(parents=True, exist_ok=True)

    @property
    def registry(self) -> Registry:
        return Registry(self.root)

    def write(self, name: str, body: str, *, suite: list[dict[str, Any]] | None = None, head: str = "") -> Path:
        """Write a version: `trips@1.0`, and the text of its class."""
        dataset, _, version = name.partition("@")
        file = f"v{version.replace('.', '_')}"
        path = self.root / "contracts" / dataset / f"{file}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + CONTRACT_HEAD + textwrap.indent(textwrap.dedent(body), "    "))
        if suite is not None:
            beside = self.root / "expectations" / dataset / f"{file}.json"
            beside.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps({"name": dataset, "expectations": suite}))
        return path

    def example(self, name: str, kind: str, rule: str, rows: list[dict[str, Any]]) -> Path:
        """Write an example beside a version."""
        dataset, _, version = name.partition("@")
        folder = self.root / "contracts" / dataset / "examples" / f"v{version.replace('.', '_')}" / kind
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{rule}.json"
        path.write_text(json.dumps(rows))
        return path

    def release(self, name: str) -> Release:
        return load_release(self.registry, self.registry.contract_file(name))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "registry")
