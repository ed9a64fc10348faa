"""Make a mended copy: rename, mend, judge it, leave out what cannot be mended, judge that, and put it in its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.audit.slips import folded
from tidegate.columns import RECORD
from tidegate.config import IntegrationConfig
from tidegate.engines import DataFile, Engine, open_engine
from tidegate.errors import Misuse
from tidegate.judgement import Judgement, Standard, acquire_submission, judge, keep_quarantine
from tidegate.mending.cells import FailingCells, Mender, failing_cells, failing_records, unreadable_records
from tidegate.mending.rewrite import CsvFile, File, ParquetFile
from tidegate.mending.rewrite_json import JsonFile
from tidegate.readers.csv_dialect import read_dialect
from tidegate.readers.decompress import decompress_to
from tidegate.receipt import Mended, MendedCells, Report
from tidegate.registry import Contract, PoolStatistics
from tidegate.sources import Snapshot

_GROUPED = r"^-?\d{1,3}\.\d{3}$"
"""A number that is right, unless its column writes a point between thousands."""
_NO_POINTS = frozenset({"decimal comma", "thousands with a point"})

_NONE: npt.NDArray[np.int64] = np.empty(0, np.int64)
_NO_CELLS = FailingCells((), _NONE, _NONE)


def refuse_to_mend(target: Path, snapshots: Sequence[Snapshot]) -> None:
    """Raises `Misuse` where there is something at `target`, or there are several files to mend."""
    if target.exists() or target.is_symlink():
        raise Misuse(f"{target} is there already, and --fix overwrites nothing.", "Name another file.")
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
        found = _mended(mending, judging, leave_out=quarantine is not None)
        told, judgement = found.told, mending.judgement
        if found.copy is not None:
            _place(found.copy, target)
            told = told.model_copy(update={"path": str(target)})
        report = judgement.report
        if quarantine is not None:
            if found.copy is not None:
                rest = _only(found)
                kept = keep_quarantine(found.engine, rest, found.folder, quarantine).report
            else:
                kept = keep_quarantine(mending.engine, judgement, mending.folder, quarantine).report
            names = ("quarantine", "failing_expectations")
            report = report.model_copy(update={name: getattr(kept, name) for name in names})
    return report.model_copy(update={"mended": told})


@dataclass(frozen=True)
class _Found:
    """What came of mending: the copy, and the judgement whose quarantine has the records that are left out."""

    told: Mended
    judgement: Judgement
    engine: Engine
    folder: Path
    copy: Path | None = None
    lost: npt.NDArray[np.int64] = _NONE


def _mended(mending: Mending, judging: ExitStack, leave_out: bool) -> _Found:
    file = _opened(_plain(mending), mending)
    judgement, engine, folder = mending.judgement, mending.engine, mending.folder
    renamed = _renamed(judgement.contract, file.names)
    if renamed:  # under other names nothing could be judged
        named = mending.folder / _name("named", mending)
        file.write(named, _NO_CELLS, Mender({}), renamed, _NONE)
        judgement, engine, folder = judging.enter_context(_judged(named, mending))
        file = _opened(named, mending)
    cells, lost = failing_cells(judgement), unreadable_records(judgement)
    if not renamed and not lost.size and not cells.records.size:
        return _Found(Mended(path=None, reason="no cell fails, so there is nothing to mend"), judgement, engine, folder)
    mender = _mender(judgement, file, cells)
    copy = mending.folder / _name("mended", mending)
    file.write(copy, cells, mender, {}, lost)
    again, *_ = judging.enter_context(_judged(copy, mending))
    left = np.setdiff1d(np.arange(1, judgement.report.rows.read + 1), lost)
    lost = np.union1d(lost, left[failing_records(again) - 1])
    if lost.size and not leave_out:
        reason = f"{lost.size:,} records cannot be mended; with --quarantine FILE they are left out, and written there"
        return _Found(Mended(path=None, reason=reason, cells=_counted(mender, renamed)), judgement, engine, folder)
    if failing_records(again).size:
        mender.done.clear()
        copy = mending.folder / _name("left", mending)
        file.write(copy, cells, mender, {}, lost)
        again, *_ = judging.enter_context(_judged(copy, mending))
    told = Mended(path=None, cells=_counted(mender, renamed), left_out=lost.size, digest=again.report.digest)
    if again.report.verdict == "rejected":
        why = "; ".join(again.report.reasons).replace(str(copy), "it")
        return _Found(told.model_copy(update={"reason": f"it would be rejected: {why}"}), judgement, engine, folder)
    return _Found(told, judgement, engine, folder, copy, lost)


def _mender(judgement: Judgement, file: File, cells: FailingCells) -> Mender:
    """One that has seen every failing cell."""
    mender = Mender.of(judgement)
    file.look(cells, lambda column, text: mender.evidence[column].see(text))
    for column, evidence in mender.evidence.items():
        # Where a comma is the decimal sign, 1.234 may be a thousand: it passed as something else, and nobody knows.
        if evidence.wanted.kind == "real" and evidence.certain & _NO_POINTS and file.passing(column, _GROUPED, cells):
            evidence.doubted |= _NO_POINTS
    return mender


def _renamed(contract: Contract, names: Sequence[str]) -> dict[str, str]:
    """The columns that are the contract's but for their case and what stands between words."""
    missing = [column.name for column in contract.columns if column.name not in names]
    unknown = [name for name in names if name not in {column.name for column in contract.columns}]
    found: dict[str, str] = {}
    for name in missing:
        alike = [other for other in unknown if folded(other) == folded(name)]
        if len(alike) == 1 and alike[0] not in found:
            found[alike[0]] = name
    return found


def _counted(mender: Mender, renamed: dict[str, str]) -> tuple[MendedCells, ...]:
    names = [MendedCells(column=name, slip="name", cells=1) for name in renamed.values()]
    counted = sorted(mender.done.items(), key=lambda told: (-told[1], told[0]))
    return (*names, *(MendedCells(column=column, slip=slip, cells=cells) for (column, slip), cells in counted))


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
def _judged(copy: Path, mending: Mending) -> Iterator[tuple[Judgement, Engine, Path]]:
    """A copy, judged as the submission was, by an engine of its own: that one still has views of the same names."""
    folder = copy.with_suffix("")
    folder.mkdir()
    config = mending.config.model_copy(update={"data_path": (str(copy),), "data_source": None})
    with open_engine(config, folder) as engine:
        submission, snapshots = acquire_submission(config, folder)
        statistics = mending.statistics
        judged = judge(config, mending.standard, submission, snapshots, engine, folder, statistics=statistics)
        yield judged, engine, folder


def _only(found: _Found) -> Judgement:
    """The judgement with those records only in its quarantine that are left out."""
    path = found.folder / "lost.parquet"
    pq.write_table(pa.table({RECORD: found.lost}), path)
    lost = found.engine.table("lost", (DataFile(path=path, rows=found.lost.size),))
    return replace(found.judgement, quarantined=found.judgement.quarantined.semi_join(lost, RECORD), failing=None)


def _place(copy: Path, target: Path) -> None:
    """Copy a file to where nothing is; what appears there meanwhile is not overwritten."""
    try:
        with copy.open("rb") as source, target.open("xb") as out:
            shutil.copyfileobj(source, out)
    except FileExistsError:
        raise Misuse(f"{target} is there already, and --fix overwrites nothing.", "Name another file.") from None
    except OSError as error:
        raise Misuse(f"{target} cannot be written: {error.strerror}.") from None
