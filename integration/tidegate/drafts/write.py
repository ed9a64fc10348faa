"""Put a draft into a registry, after it has been loaded as any contract is."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.drafts.draft import Draft
from tidegate.drafts.python import python
from tidegate.drafts.suite import suite_of
from tidegate.errors import Misuse
from tidegate.receipt import Report
from tidegate.registry import Registry, load_contract, load_suite

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Written:
    """Where a draft was put.

    Attributes:
        verdict: on the file that it was drafted from; None where it was none of data.
    """

    contract: Path
    suite: Path
    verdict: Report | None


def check_name(registry: Registry, name: str, version: str = "1.0") -> None:
    """Raises `Misuse` where a dataset cannot have the name, or the registry has this version of it already."""
    if not _NAME.fullmatch(name):
        raise Misuse(
            f"{name!r} is no name of a dataset.", "Letters, digits, - and _, as in flights or query_relevance."
        )
    for path in _paths(registry.root, name, version):
        if path.exists():
            raise Misuse(f"{path} is there already, and nothing is overwritten.", "Take another name, or move it away.")


def write_draft(
    draft: Draft, registry: Registry, data: str | None = None, null_values: tuple[str, ...] = ()
) -> Written:
    """Write the contract and the suite, once both have been loaded, and say what they make of the data.

    Args:
        data: the file that it was drafted from.
        null_values: texts that mean null in it.

    Raises:
        Misuse: the registry has it already.
        BrokenContract: what the draft asks for cannot be judged.
    """
    version = f"{draft.version[0]}.{draft.version[1]}"
    check_name(registry, draft.name, version)
    texts = python(draft), suite_of(draft)
    with tempfile.TemporaryDirectory() as trial:
        _write(Path(trial), draft.name, version, texts)
        verdict = _tried(Registry(Path(trial)), draft.name, data, null_values)
    contract, suite = _write(registry.root, draft.name, version, texts)
    return Written(contract, suite, verdict)


def _tried(registry: Registry, name: str, data: str | None, null_values: tuple[str, ...]) -> Report | None:
    contract = load_contract(registry.contract_file(name))
    suite = registry.suite_beside(contract.path)
    assert suite is not None
    load_suite(suite, contract.columns, contract.patterns)
    if data is None:
        return None
    cleaning = {"null_values": list(null_values)}
    settings = {"data_path": data, "schema_config": name, "registry": registry.root, "cleaning_config": cleaning}
    return validate_contributed_data(load_config(settings))


def _write(root: Path, name: str, version: str, texts: tuple[str, str]) -> tuple[Path, Path]:
    contract, suite = _paths(root, name, version)
    for path, text in zip((contract, suite), texts, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    return contract, suite


def _paths(root: Path, name: str, version: str) -> tuple[Path, Path]:
    stem = f"v{version.replace('.', '_')}"
    return root / "contracts" / name / f"{stem}.py", root / "expectations" / name / f"{stem}.json"
