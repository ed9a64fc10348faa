"""The audit: the contract's rules and the suite's expectations over a staged submission, and the verdict on them."""

from tidegate.audit.expectations import ExpectationOutcome, prepare_suite, run_suite
from tidegate.audit.parameters import Resolved, measures_asked, resolve
from tidegate.audit.quarantine import CODES
from tidegate.audit.rules import RuleOutcome, judge_rules
from tidegate.audit.shape import Shape, judge_shape
from tidegate.audit.verdict import Disposition, decide

__all__ = [
    "CODES",
    "Disposition",
    "ExpectationOutcome",
    "Resolved",
    "RuleOutcome",
    "Shape",
    "decide",
    "judge_rules",
    "judge_shape",
    "measures_asked",
    "prepare_suite",
    "resolve",
    "run_suite",
]
