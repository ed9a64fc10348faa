"""The report as JUnit XML: a test case for each check, and one for the verdict."""

from __future__ import annotations

from xml.etree import ElementTree as xml

from tidegate.receipt import Check, Report
from tidegate.reports.remarks import VERDICT, level_of
from tidegate.reports.safe import shown
from tidegate.reports.wording import message, standard, title, verdict


def to_junit(report: Report) -> str:
    """One test suite. A check that was not evaluated is an error; one that only warns has passed and says so."""
    by = standard(report)
    suite = xml.Element("testsuite", name=title(report))
    properties = xml.SubElement(suite, "properties")
    for name in ("verdict", "digest", "validation"):
        xml.SubElement(properties, "property", name=name, value=getattr(report, name))
    case = xml.SubElement(suite, "testcase", name=VERDICT, classname=by)
    if report.verdict == "rejected":
        xml.SubElement(case, "failure", type="rejected", message=verdict(report))
    for check in report.checks:
        case = xml.SubElement(suite, "testcase", name=shown(check.id, 300), classname=by)
        if check.status != "passed":
            _told(case, report, check)
    counted = {"failures": "failure", "errors": "error"}
    suite.set("tests", str(len(report.checks) + 1))
    for name, kind in counted.items():
        suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))
    suites = xml.Element("testsuites", name="tidegate")
    suites.append(suite)
    xml.indent(suites)
    return xml.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _told(case: xml.Element, report: Report, check: Check) -> None:
    said = message(report, check)
    if level_of(report, check) != "error":
        xml.SubElement(case, "system-out").text = said
    elif check.status == "not_evaluated":
        xml.SubElement(case, "error", type="not-evaluated", message=said)
    else:
        xml.SubElement(case, "failure", type=check.kind, message=said)
