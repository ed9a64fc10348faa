"""One process that integrates again and again: seeded submissions of every format and strategy, local and by URL."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.crash.harness import CONTRACT
from tests.sources.proxy import Proxy
from tests.sources.site import Page, Site

from tidegate import integrate_contributed_data

FORMATS = ("csv", "json", "jsonl", "parquet", "csv.gz", "jsonl.gz")
TRANSIENT = ("drop", "delay", "truncate", "reset")
EXPECTATION = {
    "type": "expect_table_row_count_to_be_between",
    "kwargs": {"min_value": 1},
    "severity": "critical",
    "meta": {"notes": "A submission that brings no rows is none."},
}
FAULTY = 0.05  # of the fetches
POOL_LASTS = 20  # runs: delta-rs reads the log with as many threads as it has commits, and that is no growth


def main(folder: Path, runs: int, seed: str) -> None:
    """Integrate so often; one line of JSON for each."""
    chance = random.Random(seed)
    for name in ("trips", "judged"):  # the second has a suite
        contract = folder / "registry" / "contracts" / name / "v1_0.py"
        contract.parent.mkdir(parents=True)
        contract.write_text(CONTRACT)
    suite = folder / "registry" / "expectations" / "judged" / "v1_0.json"
    suite.parent.mkdir(parents=True)
    suite.write_text(json.dumps({"name": "judged", "expectations": [EXPECTATION]}))
    with Site().running() as site, Proxy(site.port).running() as proxy:
        for run in range(runs):
            if run % POOL_LASTS == 0:
                shutil.rmtree(folder / "pool", ignore_errors=True)
            told = {"run": run, **_one(folder, run, chance, site, proxy), **_measured(folder)}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


def _one(folder: Path, run: int, chance: random.Random, site: Site, proxy: Proxy) -> dict[str, Any]:
    rows = chance.randint(1, 200)
    name = chance.choice(FORMATS)
    path = _submission(folder, name, [run * 1000 + n for n in range(rows)], chance)
    proxy.plan(chance.getrandbits(32), TRANSIENT, share=FAULTY, reach=path.stat().st_size + 300)
    source = str(path)
    if chance.random() < 0.5:
        site.pages[f"/{path.name}"] = Page(path.read_bytes(), digest=True)
        source = f"http://127.0.0.1:{proxy.port}/{path.name}"
    new = not (folder / "pool").exists()
    strategy = "append" if new else chance.choices(("append", "interleave", "weighted"), (8, 1, 1))[0]
    output = folder / "output" if strategy != "append" else None
    try:
        result = integrate_contributed_data(
            data_path=source, schema_config=chance.choice(("trips@1", "judged@1")),
            registry=folder / "registry", training_data=folder / "pool",
            merge_strategy={"name": strategy, "weights": {"base": 0.5, "contributed": 0.5}}
            if strategy == "weighted" else strategy,
            output=output, state_dir=folder / "state", tracking=False, resources={"threads": 1},
            source_config={"allowed_networks": ["127.0.0.0/8"], "silence_seconds": 5},
        )  # fmt: skip
        assert result.receipt.rows.accepted == rows, result.receipt.rows
        assert result.receipt.dataset_version is not None
        error = None
    except Exception as failure:  # noqa: BLE001 - it is counted, and told
        error = f"{name}, {strategy}, {source}: {failure!r}"
    finally:
        site.pages.clear()
        site.asked.clear()
        shutil.rmtree(folder / "output", ignore_errors=True)
        path.unlink()
    return {"error": error, "faults": proxy.spoiled}


def _submission(folder: Path, name: str, numbers: list[int], chance: random.Random) -> Path:
    path = folder / f"submission.{name}"
    rows = [{"trip": n, "distance": chance.randrange(1000) / 4, "place": f"place {n % 7}"} for n in numbers]
    if name == "parquet":
        schema = pa.schema([("trip", pa.int64()), ("distance", pa.float64()), ("place", pa.string())])
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
        return path
    if name.startswith("csv"):
        text = "trip,distance,place\n" + "".join("{trip},{distance},{place}\n".format(**row) for row in rows)
    elif name == "json":
        text = json.dumps(rows)
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def _measured(folder: Path) -> dict[str, float]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    left = [path for place in ("tmp", "state/work") for path in (folder / place).rglob("*") if path.is_file()]
    return {
        "megabytes": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "threads": len([*Path("/proc/self/task").iterdir()]),
        "handles": len([*Path("/proc/self/fd").iterdir()]),
        "left_bytes": sum(path.stat().st_size for path in left),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
