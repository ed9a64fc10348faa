"""Draw the results as an SVG of horizontal bars: the time of each case in relation to DuckDB alone.

`python -m benchmarks.plot results.json docs/performance.svg`
"""

from __future__ import annotations

import argparse
import json
from html import escape
from math import ceil
from pathlib import Path
from typing import Any

_WIDTH, _LEFT, _RIGHT = 760, 190, 120
_TOP, _ROW, _BAR = 64, 26, 16
_STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .quiet { font-size: 11px; fill: #57606a; }
    .title { font-size: 15px; font-weight: 600; }
    .tidegate { fill: #1f7a8c; }
    .other { fill: #a9b4bd; }
    .floor { stroke: #57606a; stroke-dasharray: 3 3; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .quiet { fill: #9aa5b1; }
      .tidegate { fill: #4fb3c6; }
      .other { fill: #5b6670; }
      .floor { stroke: #9aa5b1; }
    }"""


def draw(record: dict[str, Any]) -> str:
    """The record of a run, as `python -m benchmarks --json` writes it, as SVG."""
    results = record["results"]
    largest = max(result["ratio"] for result in results)
    unit = (_WIDTH - _LEFT - _RIGHT) / max(largest, 1)
    bottom = _TOP + _ROW * len(results)
    floor = _LEFT + unit
    title = f"Time, as a multiple of DuckDB copying {_sized(record['size'])} to Parquet"
    parts = [
        f'<text x="0" y="18" class="title">{title}</text>',
        f'<text x="0" y="38" class="quiet">{escape(_machine(record))}</text>',
        f'<line x1="{floor:.1f}" y1="{_TOP - 6}" x2="{floor:.1f}" y2="{bottom}" class="floor"/>',
        *(_bar(result, _TOP + _ROW * n, unit) for n, result in enumerate(results)),
        f'<text x="{floor:.1f}" y="{bottom + 14}" class="quiet" text-anchor="middle">1: DuckDB alone</text>',
    ]
    body = "\n  ".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 24}" role="img"'
        f' aria-label="{title}">\n  <style>{_STYLE}\n  </style>\n  {body}\n</svg>\n'
    )


def _bar(result: dict[str, Any], top: float, unit: float) -> str:
    length = result["ratio"] * unit
    kind = "tidegate" if result["program"] == "tidegate" else "other"
    middle = top + _BAR / 2 + 4.5
    said = f"{result['ratio']:.1f}  ({result['seconds']:,.0f} s, {ceil(result['peak_memory'] / 1e6):,} MB)"
    return (
        f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end">{escape(result["case"])}</text>'
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2" class="{kind}"/>'
        f'<text x="{_LEFT + length + 6:.1f}" y="{middle}" class="quiet">{escape(said)}</text>'
    )


def _machine(record: dict[str, Any]) -> str:
    machine = record["machine"]
    return (
        f"{machine['cpu']}, {record['threads']} threads, memory limit {record['memory_limit']}, "
        f"DuckDB {record['versions']['duckdb']}, {record['date'][:10]}. Grey: programs without Tidegate."
    )


def _sized(size: int) -> str:
    return f"{size / 1e9:g} GB" if size >= 10**9 else f"{size / 1e6:g} MB"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("target", type=Path, nargs="?", default=Path("docs/performance.svg"))
    given = parser.parse_args()
    given.target.write_text(draw(json.loads(given.results.read_text(encoding="utf-8"))), encoding="utf-8")
