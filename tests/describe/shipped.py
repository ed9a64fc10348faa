"""The contracts that ship, loaded once, and a table of cells that every language is held against."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tidegate.registry import Contract, Suite, find_registry, load_contract, load_suite

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = sorted((ROOT / "contracts").glob("*/v*.py"))


def name_of(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


@cache
def loaded(path: Path) -> tuple[Contract, Suite | None]:
    contract = load_contract(path)
    suite = find_registry(ROOT).suite_beside(path)
    return contract, load_suite(suite, contract.columns) if suite is not None else None


def examples(path: Path, kind: str) -> dict[str, list[dict[str, Any]]]:
    """The examples of a contract, by the name of their file."""
    folder = path.parent / "examples" / path.stem / kind
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
