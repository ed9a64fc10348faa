"""What Spark does not do is refused in words, before it is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.errors import Misuse

OLD = "import pandera.pandas as pa\n\n\nclass Trips(pa.DataFrameModel):\n    cars: int\n"
NEW = "import pandera.pandas as pa\n\n\nclass Trips(pa.DataFrameModel):\n    trucks: int\n"
MIGRATION = '\n\nfrom ibis import _\n\nMIGRATION = {"1.0": {"trucks": _.cars}}\n'


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / "contracts" / "trips"
    folder.mkdir(parents=True)
    (folder / "v1_0.py").write_text(OLD)
    (folder / "v2_0.py").write_text(NEW + MIGRATION)
    (tmp_path / "rows.json").write_text(json.dumps([{"cars": 1}]))
    return tmp_path


def test_a_migration_is_refused(registry: Path) -> None:
    config = load_config(
        {
            "data_path": registry / "rows.json", "schema_config": {"contract": "trips@1", "migrate_to": "trips@2"},
            "registry": registry, "engine": "spark",
        }
    )  # fmt: skip
    with pytest.raises(Misuse, match="Rows are not migrated by the engine 'spark'"):
        validate_contributed_data(config)


def test_mending_is_refused(registry: Path) -> None:
    config = load_config(
        {"data_path": registry / "rows.json", "schema_config": "trips@1", "registry": registry, "engine": "spark"}
    )
    with pytest.raises(Misuse, match="No file is mended by the engine 'spark'"):
        validate_contributed_data(config, fix=registry / "mended.json")
    assert not (registry / "mended.json").exists()
