"""Make a mended copy: rename, mend, judge it, leave out what cannot be mended, judge that, and put it in its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.columns import RECORD
from tidegate.config import IntegrationConfig
from tidegate.engines import DataFile, Engine, open_engine
from tidegate.errors import Misuse
from tidegate.judgement import Judgement, acquire_submission, judge, keep_quarantine
from tidegate.mending.cells import (
    FailingCells,
    Mender,
    duplicate_records,
    failing_cells,
    failing_records,
    failing_rules,
    kept_out,
    unreadable_records,
)
from tidegate.mending.rewrite import CsvFile, File, ParquetFile
from tidegate.mending.rewrite_json import JsonFile
from tidegate.readers.csv_dialect import read_dialect
from tidegate.readers.decompress import decompress_to
from tidegate.readers.names import loosely
from tidegate.receipt import Mended, MendedCells, Report
from tidegate.registry import Contract, PoolStatistics
from tidegate.sources import Snapshot
from tidegate.standard import Standard

_GROUPED = r"^-?\d{1,3}\.\d{3}$"
"""A number that is right, unless its column writes a point between thousands."""
_NO_POINTS = frozenset({"decimal comma", "thousands with a point"})

_ROUNDS = 4

_NONE: npt.NDArray[np.int64] = np.empty(0, np.int64)
_NO_CELLS = FailingCells((), _NONE, _NONE)


def refuse_to_mend(target: Path, quarantine: Path | None, snapshots: Sequence[Snapshot], standard: Standard) -> None:
    """Raises `Misuse` where something is or will be at `target`, or there are several files, or they are migrated."""
    if standard.migration is not None:
        raise Misuse("--fix mends a file of the version that it is offered under.", "Leave out --migrate-to.")
    if target.exists() or target.is_symlink():
        raise Misuse(f"{target} is there already, and --fix overwrites nothing.", "Name another file.")
    if quarantine is not None and target.resolve() == quarantine.resolve():
        raise Misuse(f"--fix and --quarantine are both {target}.", "Name two files.")
    if len(snapshots) != 1:
        raise Misuse(f"--fix mends one file, and there are {len(snapshots)}.", "Call it for each of them.")


@dataclass(frozen=True)
class Mending:
    """What mending a submission needs to know.

    Attributes:
        config, standard, statistics: by which the submission was judged, and the copy is.
        snapshot: the one file of the submission.
        judgement: what came of it.
        engine: the one that judged it.
        folder: where copies are tried.
    """

    config: IntegrationConfig
    standard: Standard
    statistics: PoolStatistics | None
    snapshot: Snapshot
    judgement: Judgement
    engine: Engine
    folder: Path


def mended_copy(mending: Mending, target: Path, quarantine: Path | None) -> Report:
    """Write a mended copy to `target`, if it is accepted; the report on the submission, with what came of that.

    Args:
        quarantine: where the records go that cannot be mended. Without it none is left out, and one that cannot be
            mended stands in the way.

    Raises:
        Misuse: the copy or the quarantine cannot be written.
    """
    mending.folder.mkdir()
    with ExitStack() as judging:
        copies = _Copies(mending, judging)
        found = _mended(copies, leave_out=quarantine is not None)
        report, told, kept = mending.judgement.report, found.told, copies.first
        if found.accepted:
            told = told.model_copy(update={"path": str(target)})
            kept = found.rest
        if quarantine is not None:  # first: no record may be left out of the copy that is not there
            noted = keep_quarantine(kept.engine, kept.judgement, kept.folder, quarantine).report
            names = ("quarantine", "failing_expectations")
            report = report.model_copy(update={name: getattr(noted, name) for name in names})
        if found.accepted:
            _place(copies.path, target)
    return report.model_copy(update={"mended": told})


@dataclass(frozen=True)
class _Judged:
    """A judgement, the engine that knows its tables, and where that may write."""

    judgement: Judgement
    engine: Engine
    folder: Path

    def only(self, records: npt.NDArray[np.int64], why: tuple[DataFile, ...]) -> _Judged:
        """The same with these records only in its quarantine.

        Args:
            why: what those of them fail that could be read, which is no longer all that they failed here.
        """
        path = self.folder / "lost.parquet"
        pq.write_table(pa.table({RECORD: records}), path)
        lost = self.engine.table("lost", (DataFile(path=path, rows=records.size),))
        here = tuple(  # an engine reads in its own folder only
            DataFile(path=file.path.replace(self.folder / f"why-{n}.parquet"), rows=file.rows)
            for n, file in enumerate(why)
        )
        told = self.engine.table("why", here)
        unread = self.judgement.quarantined.semi_join(lost, RECORD).anti_join(told, RECORD)
        quarantined = unread.union(told.cast(unread.schema()).select(*unread.columns))
        return replace(self, judgement=replace(self.judgement, quarantined=quarantined, failing=None))


class _Copies:
    """Copies of a submission, each made of the one before, and judged.

    Attributes:
        first: what came of the submission itself.
        path, file, judged: the newest copy, and what came of it.
        numbers: the record numbers that its records have in the submission.
    """

    def __init__(self, mending: Mending, judging: ExitStack) -> None:
        self._mending, self._judging = mending, judging
        self.first = self.judged = _Judged(mending.judgement, mending.engine, mending.folder)
        self.path = _plain(mending)
        self.file = _opened(self.path, mending)
        self.numbers = np.arange(1, mending.judgement.report.rows.read + 1)

    def rename(self, renamed: Mapping[str, str]) -> None:
        """Make the next copy: the same records under other names."""
        path = self._mending.folder / _name("renamed", self._mending)
        self.file.rename(path, renamed)
        self.judge(path)

    def written(self, name: str, cells: FailingCells, mender: Mender, without: npt.NDArray[np.int64]) -> Path:
        """A copy that is not judged yet. `without` are record numbers in the newest one."""
        path = self._mending.folder / _name(name, self._mending)
        self.file.write(path, cells, mender, without)
        return path

    def judge(self, path: Path, without: npt.NDArray[np.int64] = _NONE) -> None:
        """Judge a copy, which is the newest one then."""
        self.path, self.judged = path, self._judging.enter_context(_judged(path, self._mending))
        self.file = _opened(path, self._mending)
        self.numbers = np.delete(self.numbers, without - 1)

    def why(self) -> tuple[DataFile, ...]:
        """What the failing records of the newest copy fail, by their numbers in the submission."""
        engine, folder = self.judged.engine, self.judged.folder
        path, count = folder / "numbers.parquet", self.numbers.size
        pq.write_table(pa.table({RECORD: np.arange(1, count + 1), "number": self.numbers}), path)
        numbers = engine.table("numbers", (DataFile(path=path, rows=count),))
        failing = kept_out(self.judged.judgement).join(numbers, RECORD)
        told = failing.select(*(name for name in failing.columns if name not in (RECORD, "number")), _n="number")
        return engine.write(told.rename({RECORD: "_n"}), folder / "why.parquet")

    @property
    def repeated(self) -> npt.NDArray[np.int64]:
        """The duplicates of the newest copy, by their numbers in the submission."""
        return self.numbers[duplicate_records(self.judged.judgement) - 1]

    @property
    def failing(self) -> npt.NDArray[np.int64]:
        """The records of the newest copy that are malformed or fail a rule."""
        return failing_records(self.judged.judgement)


@dataclass(frozen=True)
class _Found:
    """What came of mending; where a copy is accepted, `rest` has the records that are left out in its quarantine."""

    told: Mended
    rest: _Judged

    @property
    def accepted(self) -> bool:
        """Whether there is a copy to be put in its place."""
        return self.told.reason is None


def _mended(copies: _Copies, leave_out: bool) -> _Found:
    renamed = _renamed(copies.judged.judgement.contract, copies.file.names)
    if renamed:  # under other names nothing could be judged
        copies.rename(renamed)
    named, failed = copies.judged, copies.failing
    read = named.judgement.report.rows.read
    if not renamed and not failed.size:
        passes = "fails a rule" if not named.judgement.report.rows.duplicate else "but a duplicate is kept out"
        return _Found(Mended(path=None, reason=f"no record {passes}, so there is nothing to mend"), named)
    mender = Mender.of(named.judgement)
    for number in range(_ROUNDS):  # rules are asked of a record only where all its cells have their types
        cells, unreadable = failing_cells(copies.judged.judgement), unreadable_records(copies.judged.judgement)
        _learn(mender, copies.file, cells)
        path = copies.written(f"mended-{number}", cells, mender, unreadable)
        if not mender.settled(copies.numbers):
            break
        copies.judge(path, unreadable)
    failing = copies.failing
    lost = np.union1d(np.setdiff1d(np.arange(1, read + 1), copies.numbers), copies.numbers[failing - 1])
    names = (MendedCells(column=name, slip="name", cells=1) for name in renamed.values())
    told = Mended(path=None, cells=(*names, *mender.counted(lost)), left_out=lost.size)
    reason, rest = None, named
    if np.setdiff1d(lost, failed).size:
        reason = "what is mended would make records fail that did not"
    elif np.setdiff1d(copies.repeated, np.union1d(failed, duplicate_records(named.judgement))).size:
        reason = "what is mended would have the keys of records that are right, and keep them out as duplicates"
    elif lost.size == read:
        reason = f"no record can be mended, for {_why(copies, lost)}"
    elif lost.size and not leave_out:
        many = f"{lost.size:,} records" if lost.size > 1 else "1 record"
        reason = (
            f"{many} cannot be mended, for {_why(copies, lost)}; with --quarantine FILE {_they(lost, 'are', 'is')}"
            " left out, and written there"
        )
    else:
        rest = named.only(lost, copies.why())
        if failing.size:
            copies.judge(copies.written("left", _NO_CELLS, mender, failing), failing)
        report = copies.judged.judgement.report
        told = told.model_copy(update={"digest": report.digest})
        if report.verdict == "rejected":
            reason = f"it would be rejected: {'; '.join(report.reasons)}"
    if reason is not None:
        return _Found(Mended(path=None, reason=reason, cells=told.cells), named)
    return _Found(told, rest)


def _why(copies: _Copies, lost: npt.NDArray[np.int64]) -> str:
    """What keeps the records out that cannot be mended: those that cannot be read are in no copy any more."""
    rules = failing_rules(copies.judged.judgement)
    if lost.size > copies.failing.size:
        rules.append("dataframe.well_formed")
    return f"{_they(lost, 'fail', 'fails')} {', '.join(dict.fromkeys(rules))}"


def _they(records: npt.NDArray[np.int64], several: str, one: str) -> str:
    return f"they {several}" if records.size > 1 else f"it {one}"


def _learn(mender: Mender, file: File, cells: FailingCells) -> None:
    """Let the mender see every failing cell."""
    file.look(cells, lambda column, text: mender.evidence[column].see(text))
    for column, evidence in mender.evidence.items():
        # Where a comma is the decimal sign, 1.234 may be a thousand: it passed as something else, and nobody knows.
        if evidence.wanted.kind == "real" and evidence.certain & _NO_POINTS and file.passing(column, _GROUPED, cells):
            evidence.doubted |= _NO_POINTS


def _renamed(contract: Contract, names: Sequence[str]) -> dict[str, str]:
    """The columns that are the contract's but for their case and what stands between words."""
    missing = [column.name for column in contract.columns if column.name not in names]
    unknown = [name for name in names if name not in {column.name for column in contract.columns}]
    found: dict[str, str] = {}
    for name in missing:
        alike = [other for other in unknown if loosely(other) == loosely(name)]
        if len(alike) == 1 and alike[0] not in found:
            found[alike[0]] = name
    return found


def _plain(mending: Mending) -> Path:
    source = mending.snapshot.source
    if source.compression == "none":
        return mending.snapshot.path
    plain = mending.folder / _name("plain", mending)
    decompress_to(mending.snapshot.path, source.compression, plain, mending.config.resources)
    return plain


def _name(stem: str, mending: Mending) -> str:
    return f"{stem}.{mending.snapshot.source.format}"


def _opened(path: Path, mending: Mending) -> File:
    form, limits = mending.snapshot.source.format, mending.config.resources
    contract = mending.judgement.contract
    if form == "csv":
        patterns = [column.name for column in contract.patterns]
        return CsvFile(path, read_dialect(path, contract.columns, limits, patterns), limits)
    if form == "parquet":
        return ParquetFile(path)
    wanted = {name: evidence.wanted for name, evidence in Mender.of(mending.judgement).evidence.items()}
    return JsonFile(path, form, limits, wanted)


@contextmanager
def _judged(copy: Path, mending: Mending) -> Iterator[_Judged]:
    """A copy, judged as the submission was, by an engine of its own: that one still has views of the same names."""
    folder = copy.with_suffix("")
    folder.mkdir()
    config = mending.config.model_copy(update={"data_path": (str(copy),), "data_source": None})
    with open_engine(config, folder) as engine:
        submission, snapshots = acquire_submission(config, folder)
        statistics = mending.statistics
        yield _Judged(
            judge(config, mending.standard, submission, snapshots, engine, folder, statistics=statistics),
            engine,
            folder,
        )


def _place(copy: Path, target: Path) -> None:
    """Copy a file to where nothing is; what appears there meanwhile is not overwritten."""
    try:
        with copy.open("rb") as source, target.open("xb") as out:
            try:
                shutil.copyfileobj(source, out)
            except OSError:
                target.unlink(missing_ok=True)  # half a copy looks like a whole one
                raise
    except FileExistsError:
        raise Misuse(f"{target} is there already, and --fix overwrites nothing.", "Name another file.") from None
    except OSError as error:
        raise Misuse(f"{target} cannot be written: {error.strerror}.") from None
