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
from tidegate.judgement import Judgement, acquire_submission, judge
from tidegate.receipt import Report
from tidegate.standard import Standard
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
    yield from _Judging(root, release).misbehaving(examples)


_HOW = {
    "valid": "Put a file with rows that must be accepted into that folder.",
    "invalid": "Put a file with rows that fail into that folder, and name it after the rule: label.isin.json.",
}


class _Judging:
    """Judges the examples of one version. Those of JSON at once, since each takes a second by itself."""

    def __init__(self, root: Path, release: Release) -> None:
        self._root, self._release = root, release
        rules = release.contract.rules
        self._unique = {rule.id for rule in rules if rule.check == "unique" and rule.definition is None}
        self._warning = {rule.id for rule in rules if rule.warns}

    def misbehaving(self, examples: Examples) -> Iterator[Finding]:
        """The examples that are not judged as they should be."""
        valid = [example for example in examples.valid if _of_json(example)]
        invalid = [example for example in examples.invalid if self._by_record(example)]
        found = self._failed_by_file(valid, invalid)
        for example in examples.valid:
            failed = found.get(example)
            if failed is None or failed & self._unique:  # of other files beside it, perhaps
                yield from self._valid(example)
            elif failed:
                yield self._unaccepted(example, f"it fails {', '.join(sorted(failed))}")
        for example in examples.invalid:
            yield from self._invalid(example, found.get(example))

    def _valid(self, example: Path) -> Iterator[Finding]:
        report = self._report(example, with_suite=True)
        if isinstance(report, Finding):
            yield report
        elif report.verdict != "accepted" or _failed(report):
            yield self._unaccepted(example, "; ".join(report.reasons) or f"it fails {', '.join(_failed(report))}")

    def _unaccepted(self, example: Path, why: str) -> Finding:
        fact = f"This valid example is not accepted: {why}."
        return self._finding("example-fails", example, fact, "Mend the example, or the contract.")

    def _invalid(self, example: Path, found: set[str] | None) -> Iterator[Finding]:
        if found is None:
            report = self._report(example)
            if isinstance(report, Finding):
                yield report
                return
            found = set(_failed(report))
        wanted = rule_of(example)
        if found != {wanted}:
            told = f"It fails {', '.join(sorted(found))}" if found else "It fails no rule"
            yield self._finding("example-passes", example, f"This invalid example should fail {wanted}. {told}.",
                                "Name it after the rule that it fails, and let it fail no other.")  # fmt: skip

    def _by_record(self, example: Path) -> bool:
        """Whether an invalid example can stand beside others: not if it is about more than one record, or warns."""
        rule = rule_of(example)
        whole = rule.endswith(_OF_WHOLE_FILES) or rule in self._unique or rule in self._warning
        return not whole and _of_json(example)

    def _failed_by_file(self, valid: Sequence[Path], invalid: Sequence[Path]) -> dict[Path, set[str]]:
        """The rules that the records of each file fail, judged as one submission.

        What cannot be told so is left out: everything where that submission cannot be judged, and valid ones where the
        suite fails. That a value is in another file as well fails no invalid one.
        """
        together = [*valid, *invalid]
        if not together:
            return {}
        try:
            with self._judged(together, with_suite=bool(valid)) as judgement:
                pairs = judgement.quarantined.select(RECORD, "rule").to_pyarrow().to_pylist()
                counts = [file.rows for file in judgement.staged.staged]
                checks = judgement.report.checks
        except TidegateError:
            return {}
        if any(check.status == "not_evaluated" for check in checks):
            return {}
        found: dict[Path, set[str]] = {}
        first = 1
        for example, count in zip(together, counts, strict=True):
            own = [pair["rule"] for pair in pairs if first <= pair[RECORD] < first + count]
            # One record alone is there twice only because of another file.
            beside = {rule for rule in self._unique if example in invalid or own.count(rule) < 2}
            found[example] = set(own) - beside
            first += count
        whole = [check for check in checks if check.kind == "expectation" and check.severity == "critical"]
        if any(check.status == "failed" for check in whole):
            return {example: failed for example, failed in found.items() if example not in valid}
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
                "validation_config": {"personal_data": "ignore", "max_failing_fraction": 1},
                "resources": {"threads": 1},  # a process for each core takes longer to start than the work
            }
        )
        standard = Standard(contract, self._release.suite if with_suite else None, None)
        with work_folder(None) as folder, open_engine(config, folder) as engine:
            submission, snapshots = acquire_submission(config, folder)
            yield judge(config, standard, submission, snapshots, engine, folder)

    def _finding(self, code: str, example: Path, fact: str, hint: str) -> Finding:
        file = example.relative_to(self._root).as_posix()
        return Finding(code, self._release.name, file, fact, hint)


def _of_json(example: Path) -> bool:
    """Whether its columns stand in each record, so that other files beside it change nothing."""
    return example.name.endswith((".json", ".jsonl", ".ndjson"))


def _failed(report: Report) -> list[str]:
    return [check.id for check in report.checks if check.kind == "rule" and check.status == "failed"]
