"""JSON text without loss: numbers stay as they are spelled, and what is ambiguous is an error.

Errors carry a code and a reason that never quotes a value.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any

_STRING = r'"(?:[^"\\]++|\\.)*+"?+'
_NOT_BRACKETS = re.compile(rf'(?s:(?:[^"\[\]{{}}]++|{_STRING})++)')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """A JSON text that cannot be taken. `code` is the code of the record's problem."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class Number(str):
    """A JSON number as it is spelled."""

    __slots__ = ()


class NotANumber(str):
    """`NaN`, `Infinity` or `-Infinity`, which Python takes for JSON."""

    __slots__ = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise JsonError("duplicate-key", "an object has a key twice")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=NotANumber)


def parse(text: str, max_depth: int) -> Any:
    """The value of a JSON text: numbers are `Number`.

    Raises:
        JsonError: it is not JSON (`json-syntax`), nests too deep (`nested-too-deep`), has a key twice in an object
            (`duplicate-key`) or half a surrogate pair (`not-utf-8`).
    """
    if depth_exceeds(text, max_depth):
        raise JsonError("nested-too-deep", f"nested deeper than {max_depth}")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonError("json-syntax", f"not JSON: {error.msg} at character {error.pos + 1}") from None
    if _SURROGATE.search(text) and not _encodable(value):
        raise JsonError("not-utf-8", "half of a surrogate pair")
    return value


def depth_exceeds(text: str, max_depth: int) -> bool:
    """Whether JSON nests deeper than that, found without parsing: on hostile depth parsers crash."""
    if text.count("[") + text.count("{") <= max_depth:
        return False
    depth = 0
    for bracket in _NOT_BRACKETS.sub("", text):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            return True
    return False


def compact(value: Any) -> str:
    """The one spelling of a parsed value: no white space, keys in their order, numbers as they were.

    Raises:
        JsonError: it holds NaN or an infinity.
    """
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is Number:
        return str(value)
    # Plain loops: one frame per level keeps the deepest value that is allowed within Python's limit.
    parts = []
    if kind is list:
        for item in value:
            parts.append(compact(item))
        return "[" + ",".join(parts) + "]"
    if kind is dict:
        for key, item in value.items():
            parts.append(f"{encode_basestring(key)}:{compact(item)}")
        return "{" + ",".join(parts) + "}"
    if kind is NotANumber:
        raise JsonError("cell-type", f"{value} is not JSON")
    return _CONSTANTS[value]


_CONSTANTS = {True: "true", False: "false", None: "null"}


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
