"""Run the file of a contract, find the one model or schema in it, and tell where in the file something stands."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pandera.pandas as pa

from tidegate.errors import BrokenContract
from tidegate.registry.migration import NAME

_OFTEN_MEANT = "Write one class per file: class Flights(pa.DataFrameModel), with import pandera.pandas as pa."


@dataclass(frozen=True)
class Model:
    """What a file declares: schema, documentation, the metadata of its Config, migrations as they are written; and the
    file to point into."""

    path: Path
    schema: pa.DataFrameSchema
    description: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    migration: Any = None

    def broken(self, column: str | None, fact: str, hint: str | None = None) -> BrokenContract:
        """The error that says what is wrong with a column, or with the whole where `column` is None."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        wanted = rf"\s*([\"']?){re.escape(column)}\1\s*:" if column else r"class \w|\w+\s*=.*DataFrameSchema\("
        line = next((number for number, line in enumerate(lines, 1) if re.match(wanted, line)), None)
        if line is None and column:  # an alias, or several to a line
            line = next((number for number, line in enumerate(lines, 1) if column in line), None)
        return BrokenContract(f"{self.path}:{line or 1}: {fact}", hint)


def load_model(path: Path) -> Model:
    """Run the file and find its `DataFrameModel`, or its `DataFrameSchema`.

    Raises:
        BrokenContract: it does not run, declares none or several, or one that contradicts itself.
    """
    module = _run(path)
    migration = vars(module).get(NAME)
    models = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, pa.DataFrameModel) and value.__module__ == module.__name__
    ]
    schemas = {name: value for name, value in vars(module).items() if isinstance(value, pa.DataFrameSchema)}
    if len(models) + len(schemas) != 1:
        names = ", ".join([*(model.__name__ for model in models), *schemas]) or "none"
        raise BrokenContract(f"{path} must define exactly one DataFrameModel; it defines {names}.", _OFTEN_MEANT)
    if schemas:
        (schema,) = schemas.values()
        return Model(path, schema, schema.description or inspect.getdoc(module) or "", schema.metadata or {}, migration)
    (model,) = models
    try:
        # Pandera leaves the metadata out of the schema.
        metadata = getattr(model.Config, "metadata", None) or {}
        return Model(path, model.to_schema(), inspect.getdoc(model) or "", metadata, migration)
    except Exception as error:  # Pandera raises many kinds for a model that contradicts itself
        line = inspect.getsourcelines(model)[1]
        raise BrokenContract(f"{path}:{line}: Pandera refuses the model: {error}") from error


def _run(path: Path) -> ModuleType:
    try:
        source = path.read_bytes()
    except OSError as error:
        raise BrokenContract(f"{path} cannot be read: {error.strerror}.") from None
    module = _executed(path, source)
    sys.modules[module.__name__] = module  # Pandera looks annotations up in their module
    return module


@lru_cache(maxsize=128)  # Pandera keeps every model's class for ever, so what stays the same is to be one class
def _executed(path: Path, source: bytes) -> ModuleType:
    name = f"tidegate_contract_{path.parent.name}_{path.stem}"
    loader = _Loader(name, str(path), source)
    spec = spec_from_loader(name, loader)
    if spec is None:
        raise BrokenContract(f"{path} is no Python file.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except SyntaxError as error:
        raise BrokenContract(f"{path}:{error.lineno}: {error.msg}.") from None
    except Exception as error:  # the author's code may raise anything
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        at = f":{lines[-1]}" if lines else ""
        raise BrokenContract(f"{path}{at}: {type(error).__name__}: {error}") from error
    return module


class _Loader(SourceFileLoader):
    """Runs what stood in the file, of which the digest is, and never bytecode that lies beside it."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._source, self.path)
