"""The command that comes to the same verdict, for whoever reads a report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Literal

from tidegate.config import IntegrationConfig
from tidegate.receipt import Reproduction
from tidegate.registry import shipped_registry
from tidegate.sources.names import masked
from tidegate.standard import Standard

SETTINGS = "tidegate.yaml"
"""The file of parameters that such a command names."""
_BY_FILE = {"validation_config", "cleaning_config", "source_config", "resources"}


def reproduction(
    config: IntegrationConfig,
    standard: Standard,
    command: Literal["validate", "integrate"],
    pool: str | Path | None = None,
) -> Reproduction:
    """How a submission was judged, as a command line. Secrets in paths are left out.

    Args:
        command: what was called, or would have been where Python was.
        pool: what `validate` held the submission against.
    """
    settings = config.model_dump(mode="json", include=_BY_FILE, exclude_defaults=True)
    words: dict[str, str | None] = {}
    if config.schema_config.suite is None:
        contract = standard.offered
        words["--contract"] = f"{contract.name}@{contract.version}"
        if standard.migration is not None:
            words["--migrate-to"] = f"{standard.contract.name}@{standard.contract.version}"
    else:  # a contract on the command line is one with its own suite
        settings["schema_config"] = config.schema_config.model_dump(mode="json", exclude_defaults=True)
    words["--data-source"] = config.data_source
    registry = standard.contract.path.parents[2]
    words["--registry"] = str(registry) if registry != shipped_registry() else None
    if command == "integrate":
        words |= _merging(config, settings)
    else:
        words["--pool"] = str(pool) if pool is not None else None
    if settings:
        words["--config"] = SETTINGS
    options = [part for name, value in words.items() if value is not None for part in (name, _shown(value))]
    line = shlex.join(["tidegate", command, *(_shown(path) for path in config.data_path), *options])
    return Reproduction(command=line, settings=_yaml(settings) if settings else None)


def _merging(config: IntegrationConfig, settings: dict[str, Any]) -> dict[str, str | None]:
    """The options of an integration. What none of them says of the merge strategy goes to the settings."""
    strategy = config.merge_strategy.model_dump(mode="json", exclude_defaults=True)
    if strategy.keys() - {"name"}:
        settings["merge_strategy"] = strategy
    return {
        "--into": config.training_data,
        "--merge-strategy": strategy.get("name") if "merge_strategy" not in settings else None,
        "--output": config.output,
        "--holdout": config.holdout,
        "--contributor": config.contributor,
    }


def _shown(text: str) -> str:
    return masked(text) if "://" in text else text


def _yaml(settings: dict[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
