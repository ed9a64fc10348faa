"""Release a version: check it, and put its digests into the lock."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.evolution.check import check_registry
from tidegate.evolution.compare import load_release
from tidegate.evolution.findings import Finding
from tidegate.evolution.lock import Lock
from tidegate.evolution.released import not_as_released
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
    name, lock = version.name, Lock.read(registry.root)
    if name in lock.contracts:
        changed = not_as_released(registry, lock, [version.contract.name])
        found = tuple(finding for finding in changed if finding.contract == name)
        return Released(name, released=not found, already=True, findings=found)
    found = check_registry(registry, only=name).findings
    if any(finding.severity == "error" or (finding.code == "needs-review" and not reviewed) for finding in found):
        return Released(name, released=False, already=False, findings=found)
    suite = version.suite.digest if version.suite is not None else None
    # Read anew: another release may have been made meanwhile.
    Lock.read(registry.root).with_released(name, version.contract.digest, suite).write(registry.root)
    return Released(name, released=True, already=False, findings=found)
