"""Which datasets were made of a pool, told from the receipts that are kept on this machine."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tidegate.errors import UnbalancedReceipt
from tidegate.receipt import Receipt
from tidegate.tracking.outcome import TRAINING_DATA


@dataclass(frozen=True)
class Derived:
    """A dataset that was merged from a pool and a submission, and which version of the pool that was.

    `pool_version` is None where its receipt is from before that was kept: then nobody can tell what went in.
    """

    uri: str
    version: int
    strategy: str
    pool_version: int | None


def derived_datasets(receipts: Path, pool: str, versions: Collection[int]) -> list[Derived]:
    """The datasets made of any of these versions of a pool, and those of which it is not known.

    Args:
        receipts: the folder of receipts of a state folder. What was integrated elsewhere is not in it.
        pool: its place, as it is spelled there.
    """
    found = []
    for path in sorted(receipts.glob("*/receipt.json")):
        try:
            receipt = Receipt.model_validate_json(path.read_bytes())
        except (OSError, ValidationError, UnbalancedReceipt):
            continue
        if receipt.merge_strategy == "append" or receipt.dataset_uri is None or receipt.dataset_version is None:
            continue
        uri, version = _read(path.with_name(TRAINING_DATA))
        if uri is None or (uri == pool and (version is None or version in versions)):
            found.append(Derived(receipt.dataset_uri, receipt.dataset_version, receipt.merge_strategy, version))
    return found


def training_data_of(receipts: Path, integration: str) -> tuple[str | None, int | None]:
    """With which version of which pool an integration merged its submission; None where no receipt here tells."""
    return _read(receipts / integration[:32] / TRAINING_DATA)


def _read(path: Path) -> tuple[str | None, int | None]:
    try:
        told = json.loads(path.read_bytes())
        return str(told["uri"]), told["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None, None
