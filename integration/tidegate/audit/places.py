"""Where failing records stand: in which file of the submission, and at which line of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from tidegate.config import Resources
from tidegate.engines import Stage
from tidegate.readers.csv_dialect import read_dialect
from tidegate.readers.csv_lines import lines_of_csv
from tidegate.readers.json_split import lines_of_json
from tidegate.receipt import Check, Example
from tidegate.registry import Contract
from tidegate.sources import Snapshot

_FILES = 20
"""In how many files lines are looked for."""


class Places:
    """Finds the file and the line of records. A line is found in plain CSV and JSON Lines, near the beginning."""

    def __init__(self, snapshots: Sequence[Snapshot], stage: Stage, contract: Contract, limits: Resources) -> None:
        self._snapshots, self._contract, self._limits = snapshots, contract, limits
        self._starts = [0, *accumulate(file.rows for file in stage.staged)]

    def located(self, examples: Iterable[Iterable[Example]]) -> dict[int, tuple[int, int | None]]:
        """The file, from 0, and the line of every record of the examples."""
        wanted: dict[int, list[int]] = {}
        for record in sorted({example.record for some in examples for example in some}):
            wanted.setdefault(self._file(record), []).append(record)
        found: dict[int, tuple[int, int | None]] = {}
        for number, (file, records) in enumerate(wanted.items()):
            first = self._starts[file]
            lines = self._lines(file, [record - first for record in records]) if number < _FILES else {}
            found |= {record: (file, lines.get(record - first)) for record in records}
        return found

    def _file(self, record: int) -> int:
        return min(bisect_right(self._starts, record - 1), len(self._snapshots)) - 1

    def _lines(self, file: int, records: Sequence[int]) -> Mapping[int, int]:
        snapshot = self._snapshots[file]
        form = snapshot.source.format
        if snapshot.source.compression != "none" or form not in ("csv", "jsonl"):
            return {}
        if form == "jsonl":
            return lines_of_json(snapshot.path, records)
        patterns = [column.name for column in self._contract.patterns]
        dialect = read_dialect(snapshot.path, self._contract.columns, self._limits, patterns)
        return lines_of_csv(snapshot.path, dialect, self._limits, records)


def placed(examples: Iterable[Example], places: Mapping[int, tuple[int, int | None]]) -> tuple[Example, ...]:
    """The examples with their file and line."""
    told = []
    for example in examples:
        file, line = places.get(example.record, (None, None))
        told.append(example.model_copy(update={"file": file, "line": line}))
    return tuple(told)


def all_placed(checks: Iterable[Check], places: Mapping[int, tuple[int, int | None]]) -> tuple[Check, ...]:
    """The checks with the places of their examples."""
    return tuple(
        check.model_copy(update={"examples": placed(check.examples, places)}) if check.examples else check
        for check in checks
    )
