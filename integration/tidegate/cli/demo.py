"""`tidegate demo`: the main job, end to end, on real data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.errors import Misuse, TidegateError

if TYPE_CHECKING:
    from tidegate.cli.demo_data import DemoData

_MARK = ".tidegate-demo"
_USER = "demo"


def demo(
    folder: Annotated[
        str, typer.Option("--folder", metavar="DIR", help="Where everything that the demo makes lies.")
    ] = ".tidegate/demo",
) -> None:
    """Judge, merge and train on real flights from New York.

    A pool of January to August, a holdout of September, and three contributions of October to December, each salted
    with bad rows. Takes a minute or two; running it again starts afresh.
    """
    from tidegate.cli.demo_data import make_data

    _needs("mlflow", "metaflow", "deltalake", "sklearn")
    root = _fresh(Path(folder))
    typer.echo("1. Real flights from New York, 2013: a pool, a holdout, three contributions with bad rows in them.")
    data = make_data(root / "data")
    settings = root / "integration.yaml"
    settings.write_text(
        "schema_config: {contract: flights@1}\ncleaning_config: {null_values: [NA]}\nreport: {distributions: true}\n",
        encoding="utf-8",
    )
    typer.echo("2. January to August through the gate, into a new pool.")
    _publish_base(root, data, settings)
    typer.echo("3. The training flow: baseline, gate, new model, evaluation. (Log: flow.log)")
    _run_flow(root, data, settings)
    _tell(root, data)


def _needs(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            raise Misuse(f"The demo needs the package {package}.", "pip install 'tidegate[pipeline,demo]'")


def _fresh(folder: Path) -> Path:
    """An empty folder. One that is there is emptied only if an earlier demo made it. Raises `Misuse`."""
    root = folder.resolve()
    if root.exists() and any(root.iterdir()):
        if not (root / _MARK).is_file():
            raise Misuse(f"{root} is not empty, and no demo made it.", "Name another with --folder.")
        shutil.rmtree(root)
    # Metaflow looks for its store in the folders above, and makes one here only if this stands here.
    (root / ".metaflow").mkdir(parents=True)
    (root / _MARK).touch()
    return root


def _publish_base(root: Path, data: DemoData, settings: Path) -> None:
    from tidegate.data_integration import integrate_contributed_data
    from tidegate.registry import shipped_registry

    result = integrate_contributed_data(
        data_path=data.base,
        training_data=root / "pool",
        registry=shipped_registry(),
        state_dir=root,
        config=settings,
        contributor="bts",
        report=False,  # there is no pool yet to show it over
    )
    typer.echo(f"   {result.receipt.rows.accepted:,} flights are in the pool.")


def _run_flow(root: Path, data: DemoData, settings: Path) -> None:
    from tidegate.registry import shipped_registry

    arguments = {
        "contributions": json.dumps({name: str(path) for name, path in data.contributions.items()}),
        "training_data": str(root / "pool"),
        "holdout": str(data.holdout),
        "config": str(settings),
        "state_dir": str(root),
    }
    options = [f"--{name}={value}" for name, value in arguments.items()]
    environment = os.environ | {"TIDEGATE_REGISTRY": str(shipped_registry())}
    environment["METAFLOW_USER"] = _USER  # where the user is root, or not named, Metaflow refuses to run
    # OpenMP's threads spin while they wait: beside anything else, training takes five times as long.
    environment.setdefault("OMP_WAIT_POLICY", "passive")
    command = [sys.executable, str(_flow()), "--no-pylint", "--metadata=local", "--datastore=local", "run", *options]
    with (root / "flow.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        last = (root / "flow.log").read_text(encoding="utf-8").splitlines()[-15:]
        raise TidegateError(f"The flow failed; the end of {root / 'flow.log'}:\n" + "\n".join(last))


def _flow() -> Path:
    spec = find_spec("tidegate.flows")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("training_flow.py")


def _tell(root: Path, data: DemoData) -> None:
    from tidegate.pool import history

    by_file = {}
    for entry in history(root / "pool"):
        if entry.receipt is not None:
            by_file[Path(entry.receipt.submission.files[0].uri).stem] = entry.receipt
    for name in data.contributions:
        receipt = by_file[name]
        rows = receipt.rows
        typer.echo(
            f"   {name:<9} {rows.read:,} read = {rows.accepted:,} accepted + {rows.malformed} malformed"
            f" + {rows.failed} failed + {rows.duplicate} duplicate + {rows.leaked} leaked"
        )
        shutil.copyfile(root / "receipts" / receipt.integration[:32] / "report.html", root / f"report-{name}.html")
    shutil.copyfile(root / "report-october.html", root / "report.html")
    for line in _scores(root):
        typer.echo(f"   {line}")
    shown = os.path.relpath(root)
    typer.echo("\nWhere to look:")
    card = f"cd {shown} && METAFLOW_USER={_USER} {sys.executable} {_flow()} card view"
    places: list[tuple[str, Any]] = [
        ("reports", ", ".join(f"{shown}/report-{name}.html" for name in data.contributions)),
        ("MLflow", f"mlflow ui --backend-store-uri sqlite:///{shown}/mlflow.db"),
        ("card", f"{card} integrate_contributed_data"),
        ("impact", f"{card} evaluate"),
        ("pool", f"tidegate history {shown}/pool"),
        ("quarantine", f"{shown}/quarantine/"),
    ]
    for name, place in places:
        typer.echo(f"  {name:<11} {place}")


def _scores(root: Path) -> list[str]:
    """What the flow's last step said."""
    lines = (root / "flow.log").read_text(encoding="utf-8").splitlines()
    return [line.partition("] ")[2] for line in lines if "difference" in line and " before " in line]
