"""The configuration: typed, and refused in words where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tidegate.config import load_config
from tidegate.errors import Misuse


def load(**values: Any) -> Any:
    return load_config({"schema_config": "flights"} | values)


def test_short_forms() -> None:
    config = load(data_path="x.csv", merge_strategy="append", training_data=Path("pool"))
    assert (config.data_path, config.training_data) == (("x.csv",), "pool")
    assert config.schema_config.contract == "flights"
    assert not load(tracking=False).tracking.mlflow


def test_a_seed_may_be_zero() -> None:
    mixed = {"merge_strategy": "interleave", "cleaning_config": {"shuffle": 0}}
    assert load(**mixed).cleaning_config.shuffle is not False
    assert load(cleaning_config={"shuffle": False}).cleaning_config.shuffle is False


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"cleaning_config": {"null_valuess": ["NA"]}},
            r"'cleaning_config.null_valuess'.\n\nDid you mean 'null_values'",
        ),
        ({"shema": "x"}, r"'shema'.\n\nDid you mean 'schema_config'"),
        ({"merge_strategy": "apend"}, r"merge_strategy.name.*'append', 'interleave' or 'weighted'"),
        ({"merge_strategy": "weighted"}, "weights for both sides"),
        ({"merge_strategy": {"name": "weighted", "weights": {"base": 0.7, "contributed": 0.7}}}, "add up to 1"),
        (
            {"merge_strategy": {"name": "append", "weights": {"base": 0.7, "contributed": 0.3}}},
            "belong to the strategy",
        ),
        ({"merge_strategy": "interleave", "training_data": "p"}, "needs output"),
        ({"training_data": "p", "output": "o"}, "output belongs to interleave and weighted"),
        ({"cleaning_config": {"shuffle": 1}}, "not to append"),
        ({"cleaning_config": {"shuffle": True}}, "'cleaning_config.shuffle': a seed is needed"),
        ({"cleaning_config": {"shuffle": -1}}, "'cleaning_config.shuffle': Input should be greater"),
        ({"validation_config": {"max_failing_fraction": 2}}, "less than or equal to 1"),
        ({"data_source": "ftp"}, "data_source"),
        ({"source_config": {"allowed_networks": ["10.1"]}}, "source_config.allowed_networks.*10.1"),
        ({"source_config": {"alowed_networks": []}}, "Did you mean 'allowed_networks'"),
        ({"resources": {"memory_limit": "much"}}, "resources.memory_limit"),
        ({"resources": {"memory_limit": "2 GB; SET x"}}, "resources.memory_limit"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(Misuse, match=message):
        load(**values)


def test_who_names_no_contract_is_told_how() -> None:
    with pytest.raises(Misuse, match=r"lacks 'schema_config'\.\n\nName the contract: --contract NAME"):
        load_config({"data_path": "x.csv"})


@pytest.mark.parametrize(("text", "message"), [("- a", "must be a mapping"), ("a: [", "not YAML"), ("", "lacks")])
def test_a_file_that_is_no_configuration(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(Misuse, match=message):
        load_config({}, tmp_path / "c.yaml")


@pytest.mark.parametrize("value", ["2024-13-45", "!!timestamp x", "!!int ''", "!!float x", "!!bool x"])
def test_a_value_that_is_not_what_it_looks_like(tmp_path: Path, value: str) -> None:
    """Found by fuzzing: PyYAML lets its parts' own errors out."""
    (tmp_path / "c.yaml").write_text(f"schema_config: {value}\n")
    with pytest.raises(Misuse, match=r"a value that is not what it looks like|is not YAML"):
        load_config({}, tmp_path / "c.yaml")


def test_what_the_call_gives_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("schema_config: {contract: a}\ncontributor: file\nholdout: h\n")
    config = load_config({"contributor": "call", "holdout": None}, tmp_path / "c.yaml")
    assert (config.contributor, config.holdout, config.schema_config.contract) == ("call", "h", "a")
