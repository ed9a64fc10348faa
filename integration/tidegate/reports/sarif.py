"""The report as SARIF 2.1.0, which code scanning shows at the lines of the file."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from tidegate import __version__
from tidegate.receipt import Check, Report, digest_of
from tidegate.reports.remarks import VERDICT, Remark, every_remark, level_of, path_of
from tidegate.reports.safe import shown
from tidegate.reports.wording import failures

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def to_sarif(report: Report) -> str:
    """One run: a rule for each check that did not pass, a result for each record that is shown."""
    failed = failures(report)
    rules = [_rule(VERDICT, "The submission is accepted."), *(_rule_of(report, check) for check in failed)]
    places = {rule["id"]: number for number, rule in enumerate(rules)}
    driver = {"name": "tidegate", "version": __version__, "semanticVersion": __version__, "rules": rules}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "artifacts": [
            {"location": {"uri": _uri(file.uri)}, "length": file.bytes, "hashes": {"sha-256": file.sha256}}
            for file in report.submission.files
        ],
        "invocations": [{"executionSuccessful": True, "exitCode": 0 if report.verdict == "accepted" else 1}],
        "results": [_result(report, remark, places) for remark in every_remark(report)],
        "columnKind": "unicodeCodePoints",
        "properties": {"verdict": report.verdict, "digest": report.digest, "validation": report.validation},
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _rule_of(report: Report, check: Check) -> dict[str, Any]:
    return _rule(check.id, f"Expected: {shown(check.expected, 300)}", level_of(report, check))


def _rule(identity: str, text: str, level: str = "error") -> dict[str, Any]:
    return {
        "id": shown(identity, 300),
        "shortDescription": {"text": _inert(text)},
        "defaultConfiguration": {"level": level},
    }


def _result(report: Report, remark: Remark, places: dict[str, int]) -> dict[str, Any]:
    rule = shown(remark.id, 300)
    uri = remark.path if remark.path is not None else report.submission.files[0].uri
    location = {"artifactLocation": {"uri": _uri(uri)}, "region": {"startLine": remark.line or 1}}
    what = digest_of([report.submission.id, remark.id, remark.record])
    return {
        "ruleId": rule,
        "ruleIndex": places[rule],
        "level": remark.level,
        "message": {"text": _inert(remark.message)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"tidegate/v1": what},
    }


def _uri(uri: str) -> str:
    """A URI reference: what is no part of one is written as its bytes."""
    path = path_of(uri)
    return quote(path, safe="/") if path is not None else quote(uri, safe=":/?&=%@+,;~")


def _inert(text: str) -> str:
    """No text of a cell is a link, as ``[words](address)`` is within a message; nor is ``\\[words\\](address)``."""
    return re.sub(r"(\\*)([\[\]])", r"\1\1\\\2", text)
