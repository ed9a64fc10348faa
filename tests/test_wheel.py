"""What is shipped: the package, its types and the registry, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import tidegate

ROOT = Path(__file__).parents[1]

# The build backend is the one of the dev extra, so that no network is needed.
BUILDS = {
    "from the checkout": ["pip", "--quiet", "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir"],
    "from the sdist": ["build", ".", "--no-isolation", "--outdir"],  # an sdist, then a wheel from it
}


@pytest.fixture(scope="module", params=BUILDS.values(), ids=BUILDS.keys())
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", *request.param, str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_carries_the_package_with_its_types(names: set[str]) -> None:
    modules = {
        path.relative_to(ROOT / "integration").as_posix() for path in (ROOT / "integration" / "tidegate").rglob("*.py")
    }
    assert modules | {"tidegate/py.typed"} <= names


@pytest.mark.parametrize("folder", ["contracts", "expectations"])
def test_carries_the_registry_as_it_is(wheel: Path, folder: str) -> None:
    shipped = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    prefix = "tidegate/_registry/"
    with zipfile.ZipFile(wheel) as archive:
        carried = {
            name.removeprefix(prefix): archive.read(name)
            for name in archive.namelist()
            if name.startswith(f"{prefix}{folder}/") and not name.endswith("/")
        }
    assert carried.keys() == shipped.keys()
    assert carried == shipped


@pytest.mark.parametrize("name", ["contracts/flights/v1_0.py", "expectations/flights/v1_0.json", "contracts.lock"])
def test_carries_the_flights(names: set[str], name: str) -> None:
    assert f"tidegate/_registry/{name}" in names


def test_carries_what_init_copies(names: set[str]) -> None:
    starter = ROOT / "integration" / "tidegate" / "starter" / "files"
    files = {path.relative_to(ROOT / "integration").as_posix() for path in starter.rglob("*") if path.is_file()}
    assert len(files) > 8
    assert files <= names


def test_carries_nothing_else(names: set[str]) -> None:
    information = f"tidegate-{tidegate.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"tidegate", "metaflow_extensions", information}
    card = "metaflow_extensions/tidegate/plugins/cards/tidegate_report/__init__.py"
    assert [name for name in names if name.startswith("metaflow_extensions/")] == [card], (
        "a namespace: no __init__.py above"
    )
    files = {Path(name) for name in names}
    assert [file for file in files if file.match("test_*.py") or file.name == "conftest.py"] == []
    assert [file for file in files if "__pycache__" in file.parts] == []


def test_says_what_it_is(wheel: Path) -> None:
    information = f"tidegate-{tidegate.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(f"{information}/METADATA").decode())
        entry_points = archive.read(f"{information}/entry_points.txt").decode()
        licence = archive.read(f"{information}/licenses/LICENSE")
    assert metadata["Version"] == tidegate.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata["Requires-Python"].split(",")) == {">=3.11", "<3.14"}
    assert entry_points.split() == ["[console_scripts]", "tidegate", "=", "tidegate.cli:main"]
    assert licence == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("package", ["mlflow", "metaflow", "deltalake", "boto3", "azure-storage-blob", "pyspark"])
def test_a_contributors_install_is_free_of(wheel: Path, package: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(f"tidegate-{tidegate.__version__}.dist-info/METADATA").decode())
    core = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert len(core) > 5
    assert [line for line in core if line.startswith(package)] == []
