"""Release a version: check it, and put its digests into the lock."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.evolution.check import check_registry
from tidegate.evolution.compare import load_release
from tidegate.evolution.findings import Finding
from tidegate.evolution.lock import Lock
from tidegate.registry import Registry


@dataclass(frozen=True)
class Released:
    """What came of a release.

    Attributes:
        name: the version, as in ``flights@1.1``.
        released: whether it is in the lock now.
        already: whether it was before.
        findings: why it is not, or what was looked past.
    """

    name: str
    released: bool
    already: bool
    findings: tuple[Finding, ...] = ()


def release(registry: Registry, reference: str, *, reviewed: bool = False) -> Released:
    """Put a version and its suite into the lock, if the check finds nothing wrong with them.

    Args:
        reference: `name`, `name@MAJOR` or `name@MAJOR.MINOR`; the newest match is taken.
        reviewed: whether a person has looked at what only a person can tell.

    Raises:
        Misuse: there is no such version, or the lock cannot be read or written.
        BrokenContract: the contract or suite is wrong in itself.
    """
    version = load_release(registry, registry.contract_file(reference))
    name, contract = version.name, version.contract
    found = tuple(
        finding for finding in check_registry(registry, only=contract.name).findings if finding.contract == name
    )
    stopping = [finding for finding in found if finding.severity == "error"]
    if not reviewed:
        stopping += [finding for finding in found if finding.code == "needs-review"]
    already = name in Lock.read(registry.root).contracts
    if stopping:
        return Released(name, released=False, already=already, findings=found)
    if not already:
        lock = Lock.read(registry.root)  # anew: another release may have been made meanwhile
        suite = version.suite.digest if version.suite is not None else None
        lock.with_released(name, contract.digest, suite).write(registry.root)
    return Released(name, released=True, already=already, findings=found)
