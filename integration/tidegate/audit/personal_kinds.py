"""The kinds of personal data that are looked for: the pattern of each, and what a pattern cannot decide.

A pattern is read by engines (RE2) and by Python alike, so it has neither look-around nor `\\d`. Group 1 is the
candidate, the rest are its surroundings: a number within a longer word or number is none.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from stdnum import bitcoin, iban, luhn
from stdnum.us import ssn

_WORD = "0-9A-Za-z"
_LEFT = f"(?:^|[^{_WORD}._-])"
_RIGHT = f"(?:$|[^{_WORD}._-]|[._-](?:$|[^{_WORD}]))"  # a sentence may end behind it
# The country codes that are given out (ITU-T E.164), so that not every number with a plus is a telephone's.
_COUNTRY = (
    "(?:1|7|2(?:[07]|[1-69][0-9])|3(?:[0-469]|[578][0-9])|4(?:[013-9]|2[0-9])|5(?:[1-8]|[09][0-9])"
    "|6(?:[0-6]|[789][0-9])|8(?:[1246]|[058][0-9])|9(?:[0-58]|[679][0-9]))"
)
_NETWORK = "(?:[1-9]|[1-9][0-9]|1[01][0-9]|12[0-689]|1[3-9][0-9]|2[01][0-9]|22[0-3])"  # neither this host nor many
_OCTET = "(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"


def _iban(text: str) -> bool:
    words = text.split(" ")  # the pattern takes a short word behind it for its end
    return any(iban.is_valid("".join(words[:n]), check_country=False) for n in range(len(words), 0, -1))


def _ip(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_unspecified
    except ValueError:
        return False


def _wallet(text: str) -> bool:
    # Ethereum's checksum is optional and of another hash than Python has; Taproot's is not known to the library.
    return text.startswith("0x") or (text.startswith("bc1p") and len(text) == 62) or bitcoin.is_valid(text)


@dataclass(frozen=True)
class Kind:
    """One kind of personal data.

    Attributes:
        name: as reports say it.
        means: what is found, for people.
        shortest: how many characters it has at least.
        pattern: its candidates.
        confirmed: whether a candidate is one; None where the pattern decides.
    """

    name: str
    means: str
    shortest: int
    pattern: str
    confirmed: Callable[[str], bool] | None = None

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def within(self, text: str) -> bool:
        """Whether a text holds one."""
        start = 0
        while found := self._compiled.search(text, start):
            if self.confirmed is None or self.confirmed(found[1]):
                return True
            start = found.end(1)  # what ends one candidate may begin the next
        return False


HINTS = "@0123456789"
"""Every text that holds a candidate has one of these characters, which an engine finds faster than a pattern."""

KINDS = (
    Kind(
        "email", "An e-mail address.", 6,
        f"([{_WORD}_%+-]@(?:[A-Za-z]|[0-9]{{2}}|[0-9][A-Za-wyz])[{_WORD}-]*(?:\\.[{_WORD}-]+)*\\.[A-Za-z]{{2}})",
    ),
    Kind(
        "phone", "A telephone number with `+` and a country code, or in the layout of the United States.", 9,
        f"(?:^|[^{_WORD}._+-])(\\+{_COUNTRY}(?:(?:[ ()/-]{{0,3}}[0-9]){{7,12}}|(?:\\.[0-9]{{2,4}}){{2,4}})"
        "|(?:1[ .-])?(?:\\([2-9][0-9]{2}\\) ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[.-][0-9]{4})" + _RIGHT,
    ),
    Kind(
        "credit_card", "A card number of 15 or 16 digits, by its first digits and its check digit (Luhn).", 15,
        f"{_LEFT}((?:4[0-9]{{3}}|5[1-5][0-9]{{2}}|2[2-7][0-9]{{2}}|35[2-8][0-9]|6(?:011|5[0-9]{{2}}|4[4-9][0-9]))"
        f"[ -]?[0-9]{{4}}[ -]?[0-9]{{4}}[ -]?[0-9]{{4}}|3[47][0-9]{{2}}[ -]?[0-9]{{6}}[ -]?[0-9]{{5}}){_RIGHT}",
        lambda text: luhn.is_valid(text.replace(" ", "").replace("-", "")),
    ),
    Kind(
        "iban", "An IBAN, by its country's layout and its check digits.", 15,
        f"{_LEFT}([A-Z]{{2}}[0-9]{{2}}(?: ?[A-Z0-9]{{4}}){{2,7}}(?: ?[A-Z0-9]{{1,3}})?){_RIGHT}", _iban,
    ),
    Kind(
        "us_ssn", "A US social security number with its dashes, in an area that is given out.", 11,
        f"{_LEFT}([0-8][0-9]{{2}}-[0-9]{{2}}-[0-9]{{4}}){_RIGHT}", ssn.is_valid,
    ),
    Kind(
        "ip", "An IPv4 or IPv6 address, but for those of no single host on a network.", 7,
        f"(?:^|[^{_WORD}.:_-])({_NETWORK}(?:\\.{_OCTET}){{3}}"
        f"|(?:[23][0-9A-Fa-f]{{3}}|[Ff][c-eC-E][0-9A-Fa-f]{{2}})(?::[0-9A-Fa-f]{{0,4}}){{2,7}}){_RIGHT}", _ip,
    ),
    Kind(
        "crypto_wallet", "An address of Bitcoin, by its checksum, or of Ethereum.", 14,
        f"{_LEFT}([13][1-9A-HJ-NP-Za-km-z]{{25,34}}|bc1[02-9ac-hj-np-z]{{11,71}}|0x[0-9A-Fa-f]{{40}}){_RIGHT}", _wallet,
    ),
)  # fmt: skip


@lru_cache(maxsize=65_536)
def kinds_in(text: str) -> tuple[str, ...]:
    """The kinds that a text holds, by Python alone."""
    return tuple(kind.name for kind in KINDS if kind.within(text))
