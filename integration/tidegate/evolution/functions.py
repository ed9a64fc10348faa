"""Whether two functions of a contract's author do the same: by their code and all that it refers to.

Two that have the same fingerprint do the same. Two that have not may still do; that is for a person to see.
"""

from __future__ import annotations

import datetime
import decimal
import dis
import functools
import hashlib
import re
import sys
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any

_CONTRACTS = "tidegate_contract_"
"""How the modules of contracts are called (`tidegate.registry.model`); each version has one of its own."""
_OF_MODELS = ("BaseCheckInfo.to_check.<locals>._adapter", "BaseParserInfo.to_parser.<locals>._adapter")
_PLAIN = (
    bool, int, float, complex, str, bytes, type(None), type(Ellipsis), decimal.Decimal, datetime.date, datetime.time,
    datetime.timedelta,
)  # fmt: skip
_LIBRARIES = ("numpy", "pandas", "pyarrow", "pandera")


class _Untold(Exception):
    """It refers to something of which nobody can say whether it is the same."""


def fingerprint(function: Callable[..., Any]) -> str | None:
    """What a function does, as a digest; None where it refers to something that cannot be told."""
    try:
        told = _function(function, ())
    except (_Untold, RecursionError):
        return None
    return hashlib.sha256(repr(told).encode()).hexdigest()


def value_of(value: Any) -> str | None:
    """A value as a text by which it can be compared; None where it cannot."""
    try:
        return repr(_value(value, ()))
    except (_Untold, RecursionError):
        return None


def _function(function: Any, above: tuple[int, ...]) -> Any:
    function, of_model = _authors(function)
    if isinstance(function, functools.partial):
        parts = (_function(function.func, above), _value(function.args, above), _value(function.keywords, above))
        return ("partial", *parts)
    named = _named(function)
    if named is not None:
        return named
    if not isinstance(function, FunctionType):
        raise _Untold
    if id(function) in above:
        return ("again", above.index(id(function)))
    above = (*above, id(function))
    code = function.__code__
    if of_model and _uses_first_argument(code):
        raise _Untold  # the class, whose attributes may be anything
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    names = sorted(_names(code) & function.__globals__.keys())
    return (
        _code(code, function.__doc__),
        _value(function.__defaults__, above),
        _value(function.__kwdefaults__, above),
        [_value(cell, above) for cell in cells],
        [(name, _value(function.__globals__[name], above)) for name in names],
    )


def _authors(function: Any) -> tuple[Any, bool]:
    """The author's own function, out of what Pandera wraps it in, and whether it is a method of a model."""
    if getattr(function, "__qualname__", "") in _OF_MODELS:
        cells = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))
        wrapper = cells["self"].cell_contents
        return getattr(wrapper, "check_fn", None) or wrapper.parser_fn, True
    return function, False


def _named(thing: Any) -> tuple[str, str, str] | None:
    """What a library calls by name is the same wherever it is called by it."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module.startswith(_CONTRACTS):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return ("named", module, name) if found is thing else None


def _uses_first_argument(code: CodeType) -> bool:
    if not code.co_argcount:
        return False
    first = code.co_varnames[0]
    return first in code.co_cellvars or any(
        instruction.argval == first for instruction in dis.get_instructions(code) if "FAST" in instruction.opname
    )


def _names(code: CodeType) -> set[str]:
    """The names of globals, and of attributes, that the code and what is within it refer to."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _code(code: CodeType, doc: str | None = None) -> Any:
    used = {id(told.argval) for told in dis.get_instructions(code) if told.opname == "LOAD_CONST"}
    constants = [
        _code(constant) if isinstance(constant, CodeType) else _value(constant, ())
        for constant in code.co_consts
        if constant is not doc or id(constant) in used
    ]
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, arguments)
    return (code.co_code, code.co_exceptiontable, code.co_names, code.co_freevars, code.co_cellvars, shape, constants)


def _value(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, _PLAIN):
        return (type(value).__name__, repr(value))
    if isinstance(value, tuple | list):
        return (type(value).__name__, [_value(one, above) for one in value])
    if isinstance(value, set | frozenset):
        return ("set", sorted(repr(_value(one, above)) for one in value))
    if isinstance(value, dict):
        return ("dict", [(_value(key, above), _value(one, above)) for key, one in value.items()])
    if isinstance(value, re.Pattern):
        return ("pattern", value.pattern, value.flags)
    if isinstance(value, ModuleType):
        return ("module", value.__name__)
    if isinstance(value, type):
        if named := _named(value):
            return named
        raise _Untold
    if callable(value):
        return _function(value, above)
    if type(value).__module__.partition(".")[0] in _LIBRARIES and not hasattr(value, "__len__"):
        return (type(value).__name__, repr(value))  # a type of theirs, or a single value
    raise _Untold
