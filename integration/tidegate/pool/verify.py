"""Is the pool what its log says, and does the log add up? Nothing is changed, and what is wrong is listed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tidegate.errors import PoolError, UnbalancedReceipt
from tidegate.pool.history import RECEIPT, RECEIPT_DIGEST, existing_table
from tidegate.pool.location import Location
from tidegate.pool.log import COMPACTED, Commit, LogFile, State, apply, live_files, read_commits
from tidegate.pool.object_folder import ObjectFolder
from tidegate.pool.rows import Owner, PoolFiles
from tidegate.receipt import Receipt

if TYPE_CHECKING:
    from deltalake import DeltaTable

CODES = {
    "file-gone": "A file of the newest version is not there.",
    "file-size": "It has another size than the log says.",
    "file-unreadable": "It cannot be opened as Parquet, or its rows cannot be read.",
    "file-rows": "It has another number of rows than the log says, or the log says none.",
    "commit-gone": "A commit of the log is not there, or is no JSON.",
    "commit-files": "A commit adds a file that is there already, or removes one that is not.",
    "commit-rows": "Rows after it are not rows before, and those that it says it added or removed.",
    "receipt-unreadable": "Its receipt is none that this version of Tidegate reads.",
    "receipt-unbalanced": "The receipt's row accounting does not add up.",
    "receipt-digest": "The receipt is not the one that its digest was made of.",
    "version-files": "All commits together come to other files than the newest version has.",
    "submission-rows": "The pool has more or fewer rows of a submission than were published and not revoked.",
}
"""What `verify` can find."""

Ledger = Counter[Owner]
"""How many rows there are to be of whom, by receipts and revocations alone."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: at which version, with which file if it is one, and what."""

    version: int
    file: str | None
    code: str
    detail: str


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found."""

    version: int
    files: int
    rows: int
    receipts: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(location: Location) -> Verification:
    """Hold the newest version's files against the log, every receipt against its commit, and the commits against
    each other.

    Raises:
        Misuse: there is no pool.
        PoolError: it cannot be opened, or its store cannot be asked.
    """
    table = existing_table(location)
    version, files = table.version(), live_files(table)
    walked = _Walk(read_commits(location, version)).whole()
    findings = walked.findings
    if walked.complete and walked.state != {file.name: file for file in files}:
        findings.append(Finding(version, None, "version-files", _difference(walked.state, files)))
    sound, damaged = _check_files(location, table, files)
    findings += damaged
    if walked.complete and walked.ledger is not None and not damaged:
        findings += _check_owners(PoolFiles(location, table), version, sound, walked.ledger)
    rows = sum(file.rows or 0 for file in files)
    return Verification(version, len(files), rows, walked.receipts, tuple(findings))


@dataclass
class _Walk:
    """Goes through the commits, oldest first, and keeps what the pool must be after each.

    The ledger is None once somebody else wrote rows, or rows were merged: then nobody knows whose there are.
    """

    commits: list[Commit | None]
    findings: list[Finding] = field(default_factory=list)
    state: State = field(default_factory=dict)
    ledger: Ledger | None = field(default_factory=Counter)
    receipts: int = 0
    complete: bool = True
    _kept: dict[int, tuple[State, Ledger | None]] = field(default_factory=dict)

    def whole(self) -> _Walk:
        """After the newest commit."""
        targets = {commit.restores for commit in self.commits if commit is not None}
        for version, commit in enumerate(self.commits):
            if commit is None:
                self._found(version, "commit-gone", "Restore it from a backup.")
                self.complete = False
                continue
            receipt = self._receipt(commit)
            if self.complete:
                self._step(commit, receipt)
                if version in targets:
                    self._kept[version] = dict(self.state), _copy(self.ledger)
        return self

    def _step(self, commit: Commit, receipt: Receipt | None) -> None:
        """Bring state and ledger on by one commit, and hold what changed against what the commit says."""
        before = _rows(self.state)
        for name in commit.removes:
            if name not in self.state:
                self._found(commit.version, "commit-files", "It removes a file that is not there.", name)
        for file in commit.adds:
            if file.name in self.state and file.name not in commit.removes:
                self._found(commit.version, "commit-files", "It adds a file that is there already.", file.name)
        apply(commit, self.state)
        told = self._told(commit, receipt)
        changed = _rows(self.state) - before
        if told is not None and changed != told:
            self._found(
                commit.version, "commit-rows", f"The commit's files change the rows by {changed:+,}; it says {told:+,}."
            )

    def _told(self, commit: Commit, receipt: Receipt | None) -> int | None:
        """By how much the commit says that it changes the rows, and the ledger with it; None where it does not say."""
        if commit.restores is not None:
            return self._restored(commit)
        if commit.revoked is not None:
            if self.ledger is not None:
                gone = {owner: rows for owner, rows in self.ledger.items() if commit.revoked.covers(*owner)}
                self.ledger -= Counter(gone)
            return -commit.revoked.rows
        if receipt is not None and receipt.merge_strategy == "append":
            if self.ledger is not None:
                self.ledger[receipt.submission.id, receipt.submission.contributor] += receipt.rows.accepted
            return receipt.rows.accepted
        if COMPACTED in commit.info or not (commit.adds or commit.removes):
            return 0
        self.ledger = None
        return None

    def _restored(self, commit: Commit) -> int | None:
        """The same for a rollback, which must have come to the very files of its version."""
        assert commit.restores is not None
        state, ledger = self._kept.get(commit.restores, (None, None))
        self.ledger = _copy(ledger)
        if state is None:
            self._found(commit.version, "commit-files", f"It goes back to version {commit.restores}, which is none.")
        elif state.keys() != self.state.keys():
            detail = _difference(state, list(self.state.values()))
            self._found(commit.version, "commit-rows", f"It goes back to version {commit.restores}, but {detail}")
        return None

    def _receipt(self, commit: Commit) -> Receipt | None:
        """The commit's receipt, if it has one that can be read."""
        if RECEIPT not in commit.info:
            return None
        self.receipts += 1
        try:
            receipt = Receipt.model_validate_json(commit.info[RECEIPT])
        except UnbalancedReceipt as error:
            self._found(commit.version, "receipt-unbalanced", error.fact)
            return None
        except (ValidationError, TypeError):
            self._found(commit.version, "receipt-unreadable", "Ask the version of Tidegate that wrote it.")
            return None
        if receipt.digest != commit.info.get(RECEIPT_DIGEST):
            self._found(commit.version, "receipt-digest", "The receipt was changed, or its digest.")
        return receipt

    def _found(self, version: int, code: str, detail: str, file: str | None = None) -> None:
        self.findings.append(Finding(version, file, code, detail))


def _check_files(location: Location, table: DeltaTable, files: list[LogFile]) -> tuple[list[LogFile], list[Finding]]:
    """The files that are what the log says, and what is wrong with the others."""
    sizes, opener = _sizes(location, files), PoolFiles(location, table)
    sound, findings = [], []
    for file in files:
        problem = _problem(file, sizes.get(file.name), opener)
        if problem is None:
            sound.append(file)
        else:
            findings.append(Finding(table.version(), file.name, *problem))
    return sound, findings


def _problem(file: LogFile, size: int | None, opener: PoolFiles) -> tuple[str, str] | None:
    if size is None:
        return "file-gone", "Restore it from a backup."
    if size != file.size:
        return "file-size", f"It has {size:,} bytes; the log says {file.size:,}."
    try:
        with opener.open(file.name) as opened:
            rows = opened.metadata.num_rows
    except PoolError as error:
        return "file-unreadable", error.fact
    if rows != file.rows:
        return "file-rows", f"It has {rows:,} rows; the log says {file.rows if file.rows is not None else 'nothing'}."
    return None


def _sizes(location: Location, files: list[LogFile]) -> dict[str, int]:
    """How large the files are that are there."""
    if isinstance(location, ObjectFolder):
        return location.sizes()
    paths = {file.name: location / file.name for file in files}
    return {name: path.stat().st_size for name, path in paths.items() if path.is_file()}


def _check_owners(opener: PoolFiles, version: int, files: list[LogFile], ledger: Ledger) -> list[Finding]:
    """Count whose rows there are, and hold them against the receipts."""
    counted: Counter[str | None] = Counter()
    for file in files:
        try:
            for (submission, _), rows in opener.owners(file.name).items():
                counted[submission] += rows
        except PoolError as error:
            return [Finding(version, file.name, "file-unreadable", error.fact)]
    wanted: Counter[str | None] = Counter()
    for (submission, _), rows in ledger.items():
        wanted[submission] += rows
    return [
        Finding(
            version, None, "submission-rows",
            f"Of submission {(submission or 'unknown')[:12]} there are {counted[submission]:,} rows; "
            f"its receipts say {wanted[submission]:,}.",
        )
        for submission in sorted(counted | wanted, key=str)
        if counted[submission] != wanted[submission]
    ]  # fmt: skip


def _copy(ledger: Ledger | None) -> Ledger | None:
    return None if ledger is None else Counter(ledger)


def _rows(state: State) -> int:
    return sum(file.rows or 0 for file in state.values())


def _difference(state: State, files: list[LogFile]) -> str:
    lacking, more = state.keys() - {file.name for file in files}, {file.name for file in files} - state.keys()
    if lacking or more:
        return f"{len(lacking)} files are missing and {len(more)} too many."
    return "sizes or rows of the same files differ."
