"""The audit: the contract's rules and the suite's expectations over a staged submission, and the verdict on them."""

from tidegate.audit.expectations import ExpectationOutcome, prepare_suite, run_suite
from tidegate.audit.hints import hints_of
from tidegate.audit.parameters import Resolved, measures_asked, resolve
from tidegate.audit.personal_hash import Hashed, key_from
from tidegate.audit.personal_kinds import KINDS, kinds_in
from tidegate.audit.personal_policy import discreet, discreet_repairs, screen
from tidegate.audit.places import Places, all_placed, placed
from tidegate.audit.quarantine import CODES
from tidegate.audit.rules import RuleOutcome, judge_rules
from tidegate.audit.shape import Shape, judge_shape
from tidegate.audit.verdict import Disposition, decide

__all__ = [
    "CODES",
    "KINDS",
    "Disposition",
    "ExpectationOutcome",
    "Hashed",
    "Places",
    "Resolved",
    "RuleOutcome",
    "Shape",
    "all_placed",
    "decide",
    "discreet",
    "discreet_repairs",
    "hints_of",
    "judge_rules",
    "judge_shape",
    "key_from",
    "kinds_in",
    "measures_asked",
    "placed",
    "prepare_suite",
    "resolve",
    "run_suite",
    "screen",
]
