"""Migrations: how a record of an earlier major version becomes one of a new version.

The file of the new version says it, as ``MIGRATION = {"1.1": {"harbour": _.port.upper()}}``: for a version of an
earlier major one, how each column is made of that version's columns. An expression sees one record and nothing else,
so what it makes is the same wherever and however often it is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.columns import Column
from tidegate.errors import BrokenContract, Misuse, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from tidegate.registry.contract import Contract

NAME = "MIGRATION"
"""What the mapping is called in the file of a contract."""

Written = Mapping[str, Any]
"""Per column what makes it, as its author wrote it: an expression over ``_``, or a value."""

_HOW = f'Write {NAME} = {{"1.0": {{"new_column": _.old_column}}}}, with from ibis import _.'


@dataclass(frozen=True)
class Migration:
    """How records of `source` become records of `target`, held against both.

    Attributes:
        written: per column of the target what makes it. A column that is not in it is absent, or is filled by its
            default.
    """

    source: Contract
    target: Contract
    written: Written

    def values(self, rows: ir.Table) -> dict[str, ir.Value]:
        """The cells of every column, as expressions over rows of the source."""
        return {name: _value(how, rows, self.target.column(name)) for name, how in self.written.items()}

    def taken_over(self, names: Sequence[str]) -> tuple[str, ...] | None:
        """What columns of the target are called in the source; None where one is more than another name."""
        import ibis.expr.operations as ops

        values = self.values(_table(self.source))
        made = [values[name].op() if name in values else None for name in names]
        fields = [op.name for op in made if isinstance(op, ops.Field)]
        return tuple(fields) if len(fields) == len(names) else None


def migrations_in(told: Any, version: str, columns: Sequence[Column], path: Path) -> dict[str, Written]:
    """The migrations that the file of a version tells, by the version that they begin at.

    Args:
        told: what the file has in `MIGRATION`; None where it has nothing.
        version: that of the file.

    Raises:
        BrokenContract: it is no such mapping, or names a version or a column that cannot be.
    """
    if told is None:
        return {}
    if not isinstance(told, dict) or not all(isinstance(written, dict) for written in told.values()):
        raise _broken(path, None, f"{NAME} is no mapping of versions to columns.", _HOW)
    known = [column.name for column in columns]
    for source, written in told.items():
        if not isinstance(source, str) or not re.fullmatch(r"\d+\.\d+", source):
            raise _broken(path, None, f"{NAME} begins at {source!r}, which is no version.", _HOW)
        if int(source.partition(".")[0]) >= int(version.partition(".")[0]):
            raise _broken(path, source, f"{NAME} begins at {source}, which is of no earlier major version.", _HOW)
        for name in written:
            if name not in known:
                raise _broken(path, str(name), f"{NAME} makes the column {name!r}, which {version} has not.",
                              nearest(str(name), known))  # fmt: skip
    return told


def migration_between(source: Contract, target: Contract) -> Migration:
    """The migration from one version to another.

    Raises:
        Misuse: the new version tells none that begins at the old one.
        BrokenContract: what it tells cannot be done, or looks at more than one record.
    """
    name = f"{target.name}@{target.version}"
    if source.version not in target.migrations or source.name != target.name:
        there = ", ".join(f"{target.name}@{version}" for version in target.migrations)
        hint = f"It has one from {there}." if there else f"Its file would have to tell one in {NAME}."
        raise Misuse(f"{name} has no migration from {source.name}@{source.version}.", hint)
    if source.patterns or target.patterns:
        raise _broken(target.path, None, "A migration makes columns one by one, and one of the versions has patterns.",
                      "Name such columns one by one.")  # fmt: skip
    written = target.migrations[source.version]
    whole = {c.name: how for c in target.columns if (how := _how(source, target, c, written)) is not _ABSENT}
    for column in target.columns:
        if column.name in whole:
            _refuse(source, target, column, whole[column.name])
    return Migration(source, target, whole)


_ABSENT = object()


def _how(source: Contract, target: Contract, column: Column, written: Written) -> Any:
    """What makes a column: what is written, or the column of its name; `_ABSENT` where it may be absent."""
    from ibis import _

    if column.name in written:
        return written[column.name]
    old = next((c for c in source.columns if c.name == column.name), None)
    if old is not None and (old.type, old.duration) == (column.type, column.duration):
        return _[column.name]
    if old is not None:
        raise _broken(
            target.path, column.name, f"{NAME} does not say how {column.name!r} becomes {column.type} of {old.type}.",
            f'Write "{column.name}": _.{column.name}.cast("{column.type}"), or what else it is to be.',
        )  # fmt: skip
    if not column.required or column.added:
        return _ABSENT
    if column.default is not None:
        return None  # which its default fills
    raise _broken(
        target.path, column.name, f"{NAME} does not make the column {column.name!r}, which every record must have.",
        f'Write "{column.name}": and an expression over the columns of {source.name}@{source.version}, or a value.',
    )  # fmt: skip


def _refuse(source: Contract, target: Contract, column: Column, written: Any) -> None:
    """Refuse what cannot make a column. Raises `BrokenContract`."""
    import ibis.expr.operations as ops

    where, name = f"{NAME}[{source.version!r}][{column.name!r}]", f"{source.name}@{source.version}"
    value = _resolved(source, target, column, written, where)
    for node in value.op().find(ops.Node):
        why = _beyond_the_record(node)
        if why is not None:
            raise _broken(target.path, column.name, f"{where} {why}.",
                          "What a migration makes of a record must depend on that record alone.")  # fmt: skip
    if not _can_be(value.type(), column.type):
        raise _broken(target.path, column.name, f"{where} is {value.type()}, and the column is {column.type}.",
                      f'Add .cast("{column.type}") to it, if that is what is meant.')  # fmt: skip
    read = {node.name for node in value.op().find(ops.Field)}
    marked = [old.name for old in source.columns if old.personal and old.name in read]
    if marked and not column.personal:
        raise _broken(
            target.path, column.name,
            f"{where} is made of {marked[0]!r}, which is personal in {name}, and {column.name!r} is not marked.",
            'Mark it, with metadata={"personal": True}, or make it of something else.',
        )  # fmt: skip


def _resolved(source: Contract, target: Contract, column: Column, written: Any, where: str) -> ir.Value:
    import ibis.expr.types as ir

    known = [old.name for old in source.columns]
    try:
        value = _value(written, _table(source), column)
    except Exception as error:  # noqa: BLE001 - Ibis raises many kinds, and the author's values may raise any
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        unknown = re.search(r"'Table' object has no attribute '(.+)'|[Cc]olumn '(.+?)' is not found", told)
        if unknown is None:
            raise _broken(target.path, column.name, f"{where} cannot be made: {told}", _HOW) from None
        missing = unknown[1] or unknown[2]
        raise _broken(
            target.path, column.name,
            f"{where} reads the column {missing!r}, which {source.name}@{source.version} has not.",
            nearest(missing, known),
        ) from None  # fmt: skip
    if not isinstance(value, ir.Value):
        raise _broken(target.path, column.name, f"{where} is no expression over columns: {written!r}.",
                      'Where a column is called like a method, write _["name"].')  # fmt: skip
    return value


def _value(written: Any, rows: ir.Table, column: Column) -> Any:
    """What is written, over these rows."""
    import ibis
    import ibis.expr.types as ir
    from ibis.common.deferred import Deferred

    if isinstance(written, Deferred):
        return written.resolve(rows)
    if isinstance(written, ir.Expr):
        return written
    if written is None:
        return ibis.null(column.type)
    value = ibis.literal(written)
    return ibis.literal(written, column.type) if _can_be(value.type(), column.type) else value


def _table(contract: Contract) -> ir.Table:
    import ibis

    return ibis.table({column.name: column.type for column in contract.columns}, name="records")


def _beyond_the_record(node: Any) -> str | None:
    """What an operation does that one over a single record does not; None where it does not."""
    import ibis.expr.operations as ops

    if isinstance(node, ops.ScalarUDF | ops.AggUDF | ops.ElementWiseVectorizedUDF):
        return "calls a function that is not Ibis' own"
    if isinstance(node, ops.Impure):
        return f"uses {type(node).__name__}, which is another value each time"
    if isinstance(node, ops.Unnest):
        return "makes several records of one"
    several = (ops.Reduction, ops.Analytic, ops.WindowFunction, ops.Subquery, ops.RowID)
    if isinstance(node, several) or (isinstance(node, ops.Relation) and not isinstance(node, ops.UnboundTable)):
        return f"looks at more than one record ({type(node).__name__})"
    if isinstance(node, ops.UnboundTable) and node.name != "records":
        return f"reads another table ({node.name})"
    return None


def _can_be(made: Any, wanted: str) -> bool:
    """Whether cells of a type can be of another one. Whether each fits is seen when it is made."""
    import ibis

    target = ibis.dtype(wanted)
    if made.is_null():
        return True
    if target.is_integer():
        return bool(made.is_integer())
    if target.is_floating() or target.is_decimal():
        return bool(made.is_integer() or made.is_floating() or made.is_decimal())
    if target.is_timestamp():
        return bool(made.is_timestamp() and (made.timezone is None) == (target.timezone is None))
    if target.is_nested():
        return bool(made.copy(nullable=True) == target.copy(nullable=True))
    return type(made) is type(target)


def _broken(path: Path, key: str | None, fact: str, hint: str) -> BrokenContract:
    """The error that points at the line of the mapping on which a column or version stands."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next((number for number, line in enumerate(lines, 1) if re.match(rf"{NAME}\b", line)), 1)
    wanted = re.compile(rf"""["']{re.escape(key or "")}["']\s*:""")
    line = next((n for n, text in enumerate(lines, 1) if key and n >= start and wanted.search(text)), start)
    return BrokenContract(f"{path}:{line}: {fact}", hint)
