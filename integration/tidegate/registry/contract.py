"""Load a contract: one Python file with one `pandera.pandas` `DataFrameModel`.

What cannot be judged as its author means it is refused here, before any data is read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandera.pandas as pa
from pandera.api.function_dispatch import Dispatcher

from tidegate.columns import RESERVED, Column
from tidegate.errors import BrokenContract
from tidegate.receipt import Versioned
from tidegate.registry.dtypes import SUPPORTED, ibis_type

_OFTEN_MEANT = "Write one class per file: class Flights(pa.DataFrameModel), with import pandera.pandas as pa."


@dataclass(frozen=True)
class Rule:
    """One rule of a contract. `id` names it everywhere: in reports, receipts and the quarantine.

    Attributes:
        id: ``<column>.<check>``, or ``dataframe.<check>`` for a rule over several columns.
        check: the check's name as Pandera has it; `not_nullable` and `unique` are Pandera's own.
        column: the column judged; None for several.
        columns: the columns that the rule reads; empty for all.
        expected: what is expected, for people.
        definition: Pandera's check, or None for `not_nullable` and `unique`.
        builtin: whether it is one of Pandera's built-in checks.
    """

    id: str
    check: str
    column: str | None
    columns: tuple[str, ...]
    expected: str
    definition: pa.Check | None = None
    builtin: bool = False


@dataclass(frozen=True)
class Contract:
    """A versioned contract, ready to judge with."""

    name: str
    version: str
    digest: str
    path: Path
    description: str
    schema: pa.DataFrameSchema
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The dedupe key; without one declared, the whole record is it."""
        marked = tuple(column.name for column in self.columns if column.key)
        return marked or tuple(column.name for column in self.columns)

    @property
    def strict(self) -> bool:
        """Whether an unknown column is a failure."""
        return self.schema.strict is True

    def versioned(self) -> Versioned:
        """How receipts name it."""
        return Versioned(name=self.name, version=self.version, digest=self.digest)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


def load_contract(path: Path) -> Contract:
    """Load the contract in ``contracts/<name>/v<MAJOR>_<MINOR>.py``.

    Raises:
        BrokenContract: the file does not run, holds no single model, or asks for what cannot be judged; the
            message names file, line and the likely slip.
    """
    model = _model_in(path)
    try:
        schema = model.to_schema()
    except Exception as error:  # Pandera raises many kinds for a model that contradicts itself
        raise _broken(path, model, None, f"Pandera refuses the model: {error}") from error
    _refuse_unsupported(path, model, schema)
    columns = tuple(_column(path, model, name, column) for name, column in schema.columns.items())
    _refuse_clashes(path, model, columns)
    return Contract(
        name=path.parent.name,
        version=path.stem.removeprefix("v").replace("_", "."),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        path=path,
        description=inspect.getdoc(model) or "",
        schema=schema,
        columns=columns,
        rules=_rules(schema, columns),
    )


def _model_in(path: Path) -> type[pa.DataFrameModel]:
    name = f"tidegate_contract_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BrokenContract(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Pandera looks annotations up in their module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise BrokenContract(f"{path}:{error.lineno}: {error.msg}.") from None
    except Exception as error:  # the author's code may raise anything
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        at = f":{lines[-1]}" if lines else ""
        raise BrokenContract(f"{path}{at}: {type(error).__name__}: {error}") from error
    models = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, pa.DataFrameModel) and value.__module__ == name
    ]
    if len(models) != 1:
        names = ", ".join(model.__name__ for model in models) or "none"
        raise BrokenContract(f"{path} must define exactly one DataFrameModel; it defines {names}.", _OFTEN_MEANT)
    return models[0]


def _column(path: Path, model: type[pa.DataFrameModel], name: str, column: pa.Column) -> Column:
    if column.dtype is None:
        raise _broken(path, model, name, f"Column {name!r} has no type.", "Annotate it: distance: int")
    kind = ibis_type(column.dtype)
    if kind is None:
        raise _broken(path, model, name, f"Column {name!r} has the type {column.dtype}.", f"Supported: {SUPPORTED}.")
    metadata: dict[str, Any] = column.metadata or {}
    return Column(
        name=name,
        type=kind,
        required=column.required,
        nullable=column.nullable,
        key=bool(metadata.get("key")),
        personal=bool(metadata.get("personal")),
        json=metadata.get("json") == "object",
        description=column.description or "",
    )


def _rules(schema: pa.DataFrameSchema, columns: tuple[Column, ...]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for column in columns:
        name, definition = column.name, schema.columns[column.name]
        if not column.nullable:
            rules.append(Rule(f"{name}.not_nullable", "not_nullable", name, (name,), "no nulls"))
        if definition.unique:
            rules.append(Rule(f"{name}.unique", "unique", name, (name,), "no value twice"))
        rules += [_rule(name, (name,), check) for check in definition.checks]
    if schema.unique:
        unique = tuple(schema.unique)
        rules.append(Rule("dataframe.unique", "unique", None, unique, f"no twice the same {', '.join(unique)}"))
    rules += [_rule(None, (), check) for check in schema.checks]
    return tuple(_with_distinct_ids(rules))


def _rule(column: str | None, columns: tuple[str, ...], check: pa.Check) -> Rule:
    builtin = isinstance(check._check_fn, Dispatcher)
    name = str(check.name or "check")
    expected = str(check.error or check.description or name)
    return Rule(f"{column or 'dataframe'}.{name}", name, column, columns, expected, check, builtin)


def _with_distinct_ids(rules: list[Rule]) -> list[Rule]:
    seen: dict[str, int] = {}
    distinct = []
    for rule in rules:
        seen[rule.id] = seen.get(rule.id, 0) + 1
        count = seen[rule.id]
        distinct.append(rule if count == 1 else Rule(**{**vars(rule), "id": f"{rule.id}#{count}"}))
    return distinct


def _refuse_unsupported(path: Path, model: type[pa.DataFrameModel], schema: pa.DataFrameSchema) -> None:
    """What Tidegate does not judge is refused, not passed over."""
    if schema.index is not None:
        raise _broken(path, model, None, "A contract describes columns and has no index.")
    if schema.parsers or any(column.parsers for column in schema.columns.values()):
        raise _broken(path, model, None, "Parsers are not supported.", "Declare the repair in cleaning_config.")
    if schema.drop_invalid_rows or any(column.drop_invalid_rows for column in schema.columns.values()):
        raise _broken(path, model, None, "drop_invalid_rows is not supported.", "The quarantine does that.")
    for name, column in schema.columns.items():
        if column.regex:
            raise _broken(path, model, name, f"Column {name!r} is a pattern (regex=True), which is not supported.")
        if column.default is not None:
            hint = f"Declare it in cleaning_config: missing: {{{name}: {column.default}}}."
            raise _broken(path, model, name, f"Column {name!r} has a default, which is not supported.", hint)
    for owner, check in [(n, c) for n, column in schema.columns.items() for c in column.checks] + [
        (None, check) for check in schema.checks
    ]:
        if check.groupby is not None:
            raise _broken(path, model, owner, f"The check {check.name!r} groups rows.", _SEE_SUITE)
        if check.name == "unique_values_eq":
            hint = "Use the expectation expect_column_distinct_values_to_equal_set."
            raise _broken(path, model, owner, f"The check {check.name!r} judges a whole column.", hint)
        if check.raise_warning or check.n_failure_cases is not None:
            raise _broken(
                path, model, owner, f"The check {check.name!r} sets raise_warning or n_failure_cases.",
                "A rule names every failing record; a warning is an expectation of severity warning in the suite.",
            )  # fmt: skip


_SEE_SUITE = "A rule judges row by row; what rows must add up to is an expectation in the suite."


def _refuse_clashes(path: Path, model: type[pa.DataFrameModel], columns: tuple[Column, ...]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        if column.name.startswith("_"):
            raise _broken(path, model, column.name, f"Column {column.name!r}: names with _ first are Tidegate's own.")
        if column.name.lower() in RESERVED:
            raise _broken(path, model, column.name, f"Column {column.name!r}: the name belongs to the engines.")
        folded = unicodedata.normalize("NFC", column.name).casefold()
        if folded in seen:
            raise _broken(
                path, model, column.name, f"Columns {seen[folded]!r} and {column.name!r} differ by case only."
            )
        seen[folded] = column.name


def _broken(
    path: Path, model: type[pa.DataFrameModel], column: str | None, fact: str, hint: str | None = None
) -> BrokenContract:
    lines, first = inspect.getsourcelines(model)
    wanted = f"{column}:" if column else "class "
    offset = next((n for n, line in enumerate(lines) if line.strip().startswith(wanted)), 0)
    return BrokenContract(f"{path}:{first + offset}: {fact}", hint)
