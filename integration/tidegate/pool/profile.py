"""A pool's profile: what may be known of a pool by those who may not have it.

A filter over its keys, and the statistics that drift gates ask for; no row, and nothing of personal columns but their
parts of nulls.

The file is one line of JSON (`Header`), a newline, and then the bytes of the filter, if there is one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.errors import Misuse, SourceUnreadable
from tidegate.pool.key_filter import KeyFilter
from tidegate.registry import PoolStatistics

_HEADER_BYTES = 64 << 20


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FilterHeader(_Told):
    """What tells how to read the filter; `sha256` is of its bytes."""

    kind: Literal["bloom"] = "bloom"
    bits: int = Field(ge=64)
    hashes: int = Field(ge=1, le=64)
    false_positive_rate: float = Field(ge=0, le=1)
    sha256: str


class Header(_Told):
    """The first line of a profile.

    Attributes:
        contract: whose rows the pool has, `name@version`.
        key: the columns that make the key, each with its type.
        filter: null where the key has personal columns: who knows a person could ask whether he is there.
        statistics: of the pool's version, and how many rows it has.
    """

    format: Literal["tidegate-profile"] = "tidegate-profile"
    version: Literal[2] = 2
    contract: str
    key: dict[str, str]
    filter: FilterHeader | None
    statistics: PoolStatistics


@dataclass(frozen=True)
class Profile:
    """A profile, and where it was read."""

    header: Header
    keys: KeyFilter | None


def write(profile: Profile, path: Path) -> None:
    """Write a profile. Raises `Misuse` where that cannot be."""
    data = b"" if profile.keys is None else profile.keys.data.tobytes()
    try:
        with path.open("wb") as file:
            file.write(profile.header.model_dump_json().encode() + b"\n" + data)
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}.") from None


def header_of(keys: KeyFilter) -> FilterHeader:
    """What a profile says of its filter."""
    return FilterHeader(
        bits=keys.bits,
        hashes=keys.hashes,
        false_positive_rate=keys.false_positive_rate,
        sha256=hashlib.sha256(keys.data.tobytes()).hexdigest(),
    )


def read(path: Path) -> Profile:
    """Read a profile. Raises `SourceUnreadable` where the file is none, or was damaged."""
    try:
        with path.open("rb") as file:
            line = file.readline(_HEADER_BYTES)
            header = Header.model_validate_json(line)
            data = file.read()
    except OSError as error:
        raise SourceUnreadable(f"The profile {path} cannot be read: {error.strerror}.") from None
    except (ValidationError, ValueError):
        raise SourceUnreadable(
            f"{path} is no profile of a pool, or one of another version of Tidegate.", "tidegate profile writes one."
        ) from None
    told = header.filter
    if told is None:
        return Profile(header, None)
    if len(data) != -(-told.bits // 8) or hashlib.sha256(data).hexdigest() != told.sha256:
        raise SourceUnreadable(f"The profile {path} is damaged: its filter is not what it says.", "Fetch it anew.")
    return Profile(header, KeyFilter(np.frombuffer(data, np.uint8), told.bits, told.hashes))
