"""Great Expectations' own page on a suite's result, for who is used to it.

It is made on request alone: the page loads scripts from several servers, and Great Expectations writes what was
observed into it as markup, so whoever sends data may write what runs in the reader's browser.
"""

from __future__ import annotations

import warnings
from typing import Any

WARNING = (
    "<p style='padding: 1em; background: #fff3cd; color: #000'>For trusted data only: this page loads scripts from the"
    " network, and shows what was observed in the data as markup. The report beside it does neither.</p>"
)


def data_docs(result: dict[str, Any], suite: str) -> str:
    """The page, with a warning on top.

    Args:
        result: what `tidegate.audit` kept of Great Expectations' result: no failing cells, nothing of personal columns.
        suite: the suite's name and version.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
        from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
        from great_expectations.render.view.view import DefaultJinjaPageView

        told = [
            ExpectationValidationResult(
                success=one["status"] == "passed",
                expectation_config=ExpectationConfiguration(
                    type=one["type"], kwargs=one["kwargs"], severity=one["severity"]
                ),
                result=_rendered(one["result"]),
            )
            for one in result["expectations"]
        ]
        passed = sum(bool(one.success) for one in told)
        whole = ExpectationSuiteValidationResult(
            success=passed == len(told),
            results=told,
            suite_name=suite,
            statistics={
                "evaluated_expectations": len(told),
                "successful_expectations": passed,
                "unsuccessful_expectations": len(told) - passed,
                "success_percent": 100 * passed / len(told) if told else None,
            },
            meta={"active_batch_definition": {}, "run_id": {}},
        )
        document = ValidationResultsPageRenderer().render(whole)
        page: str = DefaultJinjaPageView().render(document)  # type: ignore[no-untyped-call]
    return page.replace("<body>", f"<body>{WARNING}", 1)


def _rendered(kept: dict[str, Any]) -> dict[str, Any]:
    """What of a result the page takes: a count of what was unexpected only with its share, or it breaks off there."""
    whole = {"element_count", "unexpected_percent"} <= kept.keys()
    return {name: value for name, value in kept.items() if whole or name != "unexpected_count"} | {
        "observed_value": kept["observed"]
    }
