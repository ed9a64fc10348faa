"""The examples beside a contract, judged: valid ones are accepted, and each invalid one fails for just its own rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.columns import RECORD
from tidegate.config import load_config
from tidegate.engines import open_engine
from tidegate.errors import TidegateError
from tidegate.evolution.compare import Release
from tidegate.evolution.findings import Finding
from tidegate.judgement import Judgement, Standard, acquire_submission, judge
from tidegate.receipt import Report
from tidegate.workspace import work_folder

_FORMATS = (".json", ".jsonl", ".ndjson", ".csv", ".parquet")
_COMPRESSIONS = (".gz", ".zst", ".zip")
_OF_WHOLE_FILES = (".column_in_dataframe", ".column_ordered")


@dataclass(frozen=True)
class Examples:
    """The files beside one version: ``examples/v1_0/valid/*`` and ``examples/v1_0/invalid/<rule id>.json``."""

    valid: tuple[Path, ...]
    invalid: tuple[Path, ...]

    @classmethod
    def beside(cls, contract_file: Path) -> Examples:
        """Those of a contract."""
        folder = contract_file.parent / "examples" / contract_file.stem
        return cls(*(tuple(_files(folder / kind)) for kind in ("valid", "invalid")))


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (
            path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith((".", "_"))
        )


def rule_of(example: Path) -> str:
    """The rule that an invalid example is named after."""
    name = example.name
    while (suffix := Path(name).suffix) in (*_FORMATS, *_COMPRESSIONS):
        name = name.removesuffix(suffix)
    return name


def misbehaving(root: Path, release: Release) -> Iterator[Finding]:
    """The examples of a version that are not judged as they should be, and what is missing of them."""
    examples = Examples.beside(release.contract.path)
    for kind, found in (("valid", examples.valid), ("invalid", examples.invalid)):
        if not found:
            folder = release.contract.path.parent / "examples" / release.contract.path.stem / kind
            yield Finding("no-examples", release.name, folder.relative_to(root).as_posix(),
                          f"{release.name} has no {kind} example.", _HOW[kind])  # fmt: skip
    judging = _Judging(root, release)
    yield from judging.valid(examples.valid)
    yield from judging.invalid(examples.invalid)


_HOW = {
    "valid": "Put a file with rows that must be accepted into that folder.",
    "invalid": "Put a file with rows that fail into that folder, and name it after the rule: label.isin.json.",
}


class _Judging:
    """Judges examples of one version. Several at once where that is the same, since each takes a second by itself."""

    def __init__(self, root: Path, release: Release) -> None:
        self._root, self._release = root, release
        rules = release.contract.rules
        self._unique = {rule.id for rule in rules if rule.check == "unique" and rule.definition is None}
        self._warning = {rule.id for rule in rules if rule.warns}

    def valid(self, examples: Sequence[Path]) -> Iterator[Finding]:
        """The valid ones that are not accepted."""
        if len(examples) > 1 and self._all_accepted(examples):
            return
        for example in examples:
            report = self._report(example, with_suite=True)
            if isinstance(report, Finding):
                yield report
            elif report.verdict != "accepted" or _failed(report):
                why = "; ".join(report.reasons) or f"it fails {', '.join(_failed(report))}"
                yield self._finding("example-fails", example, f"This valid example is not accepted: {why}.",
                                    "Mend the example, or the contract.")  # fmt: skip

    def invalid(self, examples: Sequence[Path]) -> Iterator[Finding]:
        """The invalid ones that fail for another rule, or for none."""
        together = [example for example in examples if self._by_record(example)]
        found = self._failed_by_file(together)
        for example in examples:
            wanted = rule_of(example)
            if example in found:
                failed = sorted(rule for rule in found[example] if rule == wanted or rule not in self._unique)
            else:
                report = self._report(example)
                if isinstance(report, Finding):
                    yield report
                    continue
                failed = sorted(_failed(report))
            if failed != [wanted]:
                told = f"It fails {', '.join(failed)}" if failed else "It fails no rule"
                yield self._finding("example-passes", example, f"This invalid example should fail {wanted}. {told}.",
                                    "Name it after the rule that it fails, and let it fail no other.")  # fmt: skip

    def _by_record(self, example: Path) -> bool:
        """Whether it can stand beside others: JSON has its columns record by record."""
        rule = rule_of(example)
        whole = rule.endswith(_OF_WHOLE_FILES) or rule in self._unique or rule in self._warning
        return not whole and example.name.endswith((".json", ".jsonl", ".ndjson"))

    def _all_accepted(self, examples: Sequence[Path]) -> bool:
        try:
            with self._judged(examples, with_suite=True) as judgement:
                return judgement.report.verdict == "accepted" and not _failed(judgement.report)
        except TidegateError:
            return False

    def _failed_by_file(self, examples: Sequence[Path]) -> dict[Path, set[str]]:
        """The rules that the records of each file fail, judged as one submission; nothing where that cannot be."""
        if not examples:
            return {}
        try:
            with self._judged(examples) as judgement:
                pairs = judgement.quarantined.select(RECORD, "rule").to_pyarrow().to_pylist()
                counts = [file.rows for file in judgement.staged.staged]
        except TidegateError:
            return {}
        found: dict[Path, set[str]] = {}
        first = 1
        for example, count in zip(examples, counts, strict=True):
            found[example] = {pair["rule"] for pair in pairs if first <= pair[RECORD] < first + count}
            first += count
        return found

    def _report(self, example: Path, *, with_suite: bool = False) -> Report | Finding:
        try:
            with self._judged([example], with_suite=with_suite) as judgement:
                return judgement.report
        except TidegateError as error:
            return self._finding("example-unreadable", example, error.fact, error.hint or "")

    @contextmanager
    def _judged(self, examples: Sequence[Path], *, with_suite: bool = False) -> Iterator[Judgement]:
        contract = self._release.contract
        config = load_config(
            {
                "data_path": [str(example) for example in examples],
                "schema_config": self._release.name,
                "registry": str(self._root),
                "cleaning_config": {"deduplicate": False},
                "validation_config": {"personal_data": "ignore"},
            }
        )
        standard = Standard(contract, self._release.suite if with_suite else None, None)
        with work_folder(None) as folder, open_engine(config, folder) as engine:
            submission, snapshots = acquire_submission(config, folder)
            yield judge(config, standard, submission, snapshots, engine, folder)

    def _finding(self, code: str, example: Path, fact: str, hint: str) -> Finding:
        file = example.relative_to(self._root).as_posix()
        return Finding(code, self._release.name, file, fact, hint)


def _failed(report: Report) -> list[str]:
    return [check.id for check in report.checks if check.kind == "rule" and check.status == "failed"]
