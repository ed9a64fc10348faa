"""Texts that match a regular expression, made up from the expression itself as Python has parsed it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]  # the parse tree has no public name
from typing import Any

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def matches_of(pattern: str, most: int) -> Iterator[str]:
    """At most so many different texts that match; none for an expression with more than plain parts."""
    compiled, seen = re.compile(pattern), set[str]()
    try:
        tree = _parser.parse(pattern)
        for number in range(1, most + 1):
            text = _made(tree, _Choices(number))
            if text not in seen and compiled.search(text):
                seen.add(text)
                yield text
    except NotImplementedError:
        return


class _Choices:
    """The digits of a number, one for each choice that a text leaves: what is asked last varies least."""

    def __init__(self, number: int) -> None:
        self._left = number

    def among(self, count: int) -> int:
        """Which of so many."""
        self._left, chosen = divmod(self._left, count)
        return chosen


def _made(tree: Any, choices: _Choices) -> str:
    """A text, from its end, so that the end varies first: T-0001, T-0002."""
    text = ""
    for name, what in reversed(list(tree)):
        if name is _constants.LITERAL:
            text = chr(what) + text
        elif name is _constants.IN:
            members = list(_members(what))
            text = members[choices.among(len(members))] + text
        elif name is _constants.ANY:
            text = _LETTERS[choices.among(len(_LETTERS))] + text
        elif name in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
            least, greatest, inner = what
            for _ in range(max(least, min(int(greatest), 1))):
                text = _made(inner, choices) + text
        elif name is _constants.SUBPATTERN:
            text = _made(what[-1], choices) + text
        elif name is _constants.BRANCH:
            text = _made(what[1][choices.among(len(what[1]))], choices) + text
        elif name is not _constants.AT:
            raise NotImplementedError
    return text


def _members(members: Any) -> Iterator[str]:
    """The characters of a class."""
    for name, what in members:
        if name is _constants.LITERAL:
            yield chr(what)
        elif name is _constants.RANGE:
            yield from (chr(code) for code in range(what[0], min(what[1], what[0] + 60) + 1))
        elif name is _constants.CATEGORY and what is _constants.CATEGORY_DIGIT:
            yield from "0123456789"
        elif name is _constants.CATEGORY and what is _constants.CATEGORY_WORD:
            yield from _LETTERS
        else:
            raise NotImplementedError
