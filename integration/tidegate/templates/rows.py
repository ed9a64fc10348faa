"""Made-up rows that a contract and its suite accept.

They begin with the contract's valid examples, where it has some: only its author knows how columns belong together.
Personal columns and the key are made up anew. What Tidegate then says of the rows tells which columns to vary; rows
that it does not accept are never given out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidegate.config import load_config
from tidegate.data_integration import validate_contributed_data
from tidegate.errors import Misuse
from tidegate.receipt import Report
from tidegate.registry import Contract, Registry
from tidegate.templates.files import write_template
from tidegate.templates.values import made_up

_ATTEMPTS = 5

Row = dict[str, Any]


def made_up_rows(registry: Registry, contract: Contract, count: int, form: str = "jsonl") -> list[Row]:
    """Rows with every column, as JSON spells cells.

    Args:
        form: the format that they are for, one of `tidegate.templates.files.FORMATS`.

    Raises:
        Misuse: none could be made up that are accepted.
    """
    if not count:
        return []
    maker = _Maker(contract)
    best: tuple[int, list[Row]] | None = None
    reasons: list[str] = []
    for _ in range(_ATTEMPTS):
        rows = [maker.row(number) for number in range(count)]
        report = _judged(registry, contract, rows, form)
        failed = [check for check in report.checks if check.status != "passed"]
        reasons = [*report.reasons, *(check.id for check in failed)]
        complete = report.verdict == "accepted" and report.rows.accepted == count
        if complete and (best is None or len(failed) < best[0]):
            best = len(failed), rows
        if (complete and not failed) or not maker.vary([check.column for check in failed if check.column is not None]):
            break
    if best is None:
        raise Misuse(
            f"No row could be made up that {contract.name}@{contract.version} accepts: {'; '.join(reasons)}.",
            f"Put a valid one into {_folder(contract)}/, or ask for --rows 0.",
        )
    return best[1]


def valid_examples(contract: Contract) -> list[Row]:
    """The rows that lie beside the contract as valid ones. Raises `Misuse` where they cannot be read."""
    found: list[Row] = []
    for file in sorted(_folder(contract).glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise Misuse(f"The example {file} cannot be read: {error}.", "Mend it first.") from None
        found += [row for row in content if isinstance(row, dict)] if isinstance(content, list) else []
    return found


def _folder(contract: Contract) -> Path:
    return contract.path.parent / "examples" / contract.path.stem / "valid"


class _Maker:
    """Makes rows up, and others where these were not accepted."""

    def __init__(self, contract: Contract) -> None:
        self._contract, self._examples = contract, valid_examples(contract)
        self._cells = {column.name: made_up(contract, column) for column in contract.columns}
        self._apart = _told_apart(contract)
        self._starts: dict[str, int] = {}

    def row(self, number: int) -> Row:
        """The `number`-th row."""
        example = self._examples[number % len(self._examples)] if self._examples else {}
        row: Row = {}
        for column in self._contract.columns:
            cells, name = self._cells[column.name], column.name
            anew = name in self._starts or column.personal or name in self._apart or name not in example
            if cells and anew:
                row[name] = cells[(number + self._starts.get(name, 0)) % len(cells)]
            else:
                row[name] = example[name] if name in example else self._of_another_example(name)
        return row

    def _of_another_example(self, name: str) -> Any:
        return next((example[name] for example in self._examples if name in example), None)

    def vary(self, columns: Sequence[str]) -> bool:
        """Make these columns up otherwise, or where none is to blame all of them. False where that is no use."""
        several = [name for name, cells in self._cells.items() if len(cells) > 1]
        varied = [name for name in columns if name in several] if columns else several
        for name in varied:
            self._starts[name] = self._starts.get(name, -1) + 1
        return bool(varied)


def _told_apart(contract: Contract) -> frozenset[str]:
    """The columns in which no two rows may be the same, and one of the key in which they can differ."""
    unique = {rule.column for rule in contract.rules if rule.check == "unique" and rule.column is not None}
    listed = {rule.column for rule in contract.rules if rule.check in ("isin", "equal_to", "str_matches")}
    free = [c.name for c in contract.columns if c.key and c.name not in listed and (c.numeric or c.type == "string")]
    return frozenset({*unique, *(free[:1] if not unique else ())})


def _judged(registry: Registry, contract: Contract, rows: Sequence[Row], form: str) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"template.{form}"
        write_template(rows, contract.columns, form, file)
        named = f"{contract.name}@{contract.version}"
        config = load_config({"data_path": file, "schema_config": named, "registry": registry.root})
        return validate_contributed_data(config)
