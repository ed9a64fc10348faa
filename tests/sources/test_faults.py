"""Lines that break, in every way, seeded: what comes of a download is the right bytes or an error, and nothing else.

`make faults` makes a thousand runs; RUNS= and SEED= choose others.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.sources.proxy import FAULTS, Proxy
from tests.sources.site import Page, Site
from tests.sources.stores import S3, Azure

from tidegate.config import Resources, SourceConfig
from tidegate.errors import SourceUnreadable
from tidegate.sources.blob_storage import find
from tidegate.sources.fetch import Bounds, download
from tidegate.sources.places import RemoteFile
from tidegate.sources.url import UrlFile

# Of a header that the line has damaged.
pytestmark = pytest.mark.filterwarnings("ignore:tzname .* identified but not understood")

RUNS = int(os.environ.get("FAULT_RUNS", "40"))
SEED = int(os.environ.get("FAULT_SEED", "5"))
CONFIG = SourceConfig(attempts=4, silence_seconds=0.4, allowed_networks=("127.0.0.0/8",))
KEY = "in/x.csv"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts and short waits, also of Azure's SDK."""
    monkeypatch.setattr("tidegate.sources.fetch.PART", 40_000)
    monkeypatch.setattr("tidegate.sources.fetch._FIRST_WAIT", 0.005)
    monkeypatch.setattr("tidegate.sources.azure._CHUNK", 15_000)
    sleepless = SimpleNamespace(sleep=lambda seconds: None, time=time.time)
    monkeypatch.setattr("azure.storage.blob._download.time", sleepless)


def body(chance: random.Random) -> bytes:
    rows = chance.choice((1, 50, 5_000, 12_000))
    return b"a,b\n" + b"".join(b"%d,%d\n" % (n, chance.getrandbits(40)) for n in range(rows))


def faulty_runs(
    proxy: Proxy, put: Callable[[bytes, str], None], opened: Callable[[Bounds], RemoteFile], folder: Path, runs: int
) -> dict[str, int]:
    """Download so many files, each through its own faults; returns how many came, and how many were refused."""
    came = {"whole": 0, "whole in spite of faults": 0, "refused": 0}
    clients: dict[str, Any] = {}
    for run in range(runs):
        seed = SEED * 1_000_003 + run
        chance = random.Random(seed)
        data, kind = body(chance), chance.choice(FAULTS)
        put(data, kind)
        proxy.plan(seed, (kind,), share=chance.choice((0.2, 0.5, 0.9)), reach=min(len(data), 40_000) + 500)
        bounds = Bounds(CONFIG, Resources(max_seconds=20))
        bounds.clients = clients
        path = folder / f"{run}"
        try:
            snapshot = download(opened(bounds), path, bounds)
        except SourceUnreadable:
            came["refused"] += 1
        else:
            assert path.read_bytes() == data, f"wrong bytes: seed {seed}, {kind}, run {run}"
            assert snapshot.source.bytes == len(data)
            came["whole in spite of faults" if proxy.spoiled else "whole"] += 1
        finally:
            bounds.stop()
            bounds.parts.shutdown()
            path.unlink(missing_ok=True)
    return came


def hold(came: dict[str, int], runs: int, record: Callable[[str, object], None]) -> None:
    """Faults were met, most of them were overcome, and every run is accounted for."""
    record("faults", f"{came}, seed {SEED}")
    assert sum(came.values()) == runs
    assert came["whole in spite of faults"] > 0
    if runs > 100:  # of a few, all may come
        assert came["refused"] > 0
        assert came["whole in spite of faults"] > runs * 0.3


@pytest.mark.timeout(0)
@pytest.mark.parametrize("digest", [True, False])
def test_a_url(
    digest: bool, site: Site, tmp_path: Path, impatient: None, record_property: Callable[[str, object], None]
) -> None:
    with Proxy(site.port).running() as proxy:
        url = f"http://127.0.0.1:{proxy.port}/x.csv"

        def put(data: bytes, kind: str) -> None:
            chance = random.Random(data)
            page = Page(data, ranges=chance.random() < 0.7, chunked=chance.random() < 0.2)
            # Without a checksum nobody can tell that a byte is another; everything else must be noticed.
            page.digest = digest or kind == "corrupt"
            site.pages["/x.csv"] = page

        runs = -(-RUNS // 4)
        came = faulty_runs(proxy, put, lambda bounds: UrlFile(url, CONFIG, bounds.left), tmp_path, runs)
    hold(came, runs, record_property)


@pytest.fixture
def proxy(store: S3 | Azure, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """In front of the store, where its SDK finds it."""
    with Proxy(store.port).running() as running:
        for name, value in store.environment(running.port).items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.mark.timeout(0)
def test_a_store(
    store: S3 | Azure, proxy: Proxy, tmp_path: Path, impatient: None, record_property: Callable[[str, object], None]
) -> None:
    runs = -(-RUNS // 4)
    came = faulty_runs(
        proxy,
        lambda data, kind: store.put(KEY, data),
        lambda bounds: find(store.uri(KEY), bounds)[0],
        tmp_path,
        runs,
    )
    hold(came, runs, record_property)
