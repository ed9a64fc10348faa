"""Fuzzing: inputs made from good ones by many small changes, and a function that fails on the first bad answer.

Coverage of C code cannot be seen from here, so an input is kept for further changes where its *answer* is a new one: a
refusal from another line, or another set of problems. That steers almost as well, and is the same everywhere.

`FUZZ_SECONDS` says how long each target is tried, `FUZZ_SEED` with which random numbers: `make fuzz` sets both.
"""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

SECONDS = float(os.environ.get("FUZZ_SECONDS", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
_HANGS = 60
"""How many seconds of the processor one input may take: of its own time, so that a busy machine hangs nothing."""
_LONGEST = 1 << 12
_KEPT = 2000
_TRIES = 400
_FOUND = Path("build/fuzz")

Target = Callable[[bytes], Hashable]
"""Tries an input, raises where the answer is a bad one, and returns what tells the answer from others."""


class Hang(BaseException):
    """One input took too long. No `Exception`: nothing that is tried may catch it."""


def fuzz(name: str, target: Target, seeds: Sequence[bytes], tokens: Sequence[bytes] = ()) -> None:
    """Try a target for `SECONDS`, first with all the seeds as they are.

    Args:
        tokens: what the language of the inputs is made of; it is put in as a whole.

    Raises:
        AssertionError: an input had a bad answer. The input, made as small as it may be, stands in the message, and
            is kept in build/fuzz/.
    """
    chance = random.Random(f"{name} {SEED}")
    answers: set[Hashable] = set()
    kept: list[bytes] = []
    runs, end = 0, time.monotonic() + SECONDS
    for data in _inputs(chance, seeds, kept, tokens):
        if runs >= len(seeds) and time.monotonic() > end:
            break
        runs += 1
        try:
            with deadline():
                answer = target(data)
        except (Exception, Hang) as error:  # whatever it is, it is what is looked for
            small = _smaller(target, data, type(error))
            raise AssertionError(
                f"{name}: FUZZ_SEED={SEED}, run {runs}: {type(error).__name__}: {error}\n\n"
                f"The input is kept as {_keep(name, small)}:\n{small!r}"
            ) from error
        if answer not in answers:
            answers.add(answer)
            kept.append(data)
            del kept[: max(0, len(kept) - _KEPT)]
    print(f"{name}: FUZZ_SEED={SEED}, {runs} runs, {len(answers)} different answers")


def told(error: Exception) -> Hashable:
    """What tells an error from others: the lines of the program that it came through."""
    return tuple((frame.f_code.co_name, line) for frame, line in traceback.walk_tb(error.__traceback__))


@contextmanager
def deadline() -> Iterator[None]:
    """Raise `Hang` in a block that uses the processor for too long."""
    before = signal.signal(signal.SIGVTALRM, _hang)
    signal.setitimer(signal.ITIMER_VIRTUAL, _HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _hang(number: int, frame: FrameType | None) -> NoReturn:
    raise Hang(f"more than {_HANGS} s of the processor")


def _inputs(
    chance: random.Random, seeds: Sequence[bytes], kept: list[bytes], tokens: Sequence[bytes]
) -> Iterator[bytes]:
    yield from seeds
    while True:
        source = chance.choice(seeds) if not kept or chance.random() < 0.3 else chance.choice(kept)
        data = bytearray(source)
        for _ in range(1 + min(int(chance.expovariate(0.5)), 12)):
            _change(chance, data, tokens, chance.choice(seeds))
        yield bytes(data[:_LONGEST])


def _change(chance: random.Random, data: bytearray, tokens: Sequence[bytes], other: bytes) -> None:
    """One small change."""
    place = chance.randint(0, len(data))
    length = min(1 + int(chance.expovariate(0.2)), 200)
    match chance.randrange(9 if tokens else 7):
        case 0 if place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        case 1 if place < len(data):
            data[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        case 2:
            del data[place : place + length]
        case 3:  # again, elsewhere
            start = chance.randint(0, len(data))
            data[place:place] = data[start : start + length]
        case 4:  # the other's end behind this one's beginning
            data[place:] = other[chance.randint(0, len(other)) :]
        case 5:
            start = chance.randint(0, len(other))
            data[place:place] = other[start : start + length]
        case 6:
            data[place:place] = bytes([chance.randrange(256)]) * chance.choice((1, 1, 2, length))
        case 7:
            data[place:place] = chance.choice(tokens) * chance.choice((1, 1, 1, 2, length))
        case 8:
            token = chance.choice(tokens)
            data[place : place + len(token)] = token
        case _:  # there is no byte to change
            data += bytes([chance.randrange(256)])


def _smaller(target: Target, data: bytes, kind: type[BaseException]) -> bytes:
    """The input without what does not matter to its error."""
    if kind is Hang:
        return data
    tries, step = 0, max(1, len(data) // 2)
    while step and tries < _TRIES:
        start = 0
        while start < len(data) and tries < _TRIES:
            tries += 1
            less = data[:start] + data[start + step :]
            if _raises(target, less, kind):
                data = less
            else:
                start += step
        step //= 2
    return data


def _raises(target: Target, data: bytes, kind: type[BaseException]) -> bool:
    try:
        with deadline():
            target(data)
    except (Exception, Hang) as error:  # noqa: BLE001 - whatever it is, it is compared
        return type(error) is kind
    return False


def _keep(name: str, data: bytes) -> Path:
    _FOUND.mkdir(parents=True, exist_ok=True)
    path = _FOUND / name.replace(" ", "-")
    path.write_bytes(data)
    return path
