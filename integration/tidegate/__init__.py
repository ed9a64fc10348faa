"""Tidegate: the gate that contributed data passes through before it reaches a training set.

The public surface, imported only when it is used, so that `import tidegate` costs nothing::

    from tidegate import integrate_contributed_data, validate_contributed_data
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "IntegrationResult",
    "Receipt",
    "Report",
    "SubmissionRejected",
    "TidegateError",
    "__version__",
    "integrate_contributed_data",
    "validate_contributed_data",
]

_HOMES = {
    "Dataset": "tidegate.pool",
    "IntegrationResult": "tidegate.data_integration",
    "Receipt": "tidegate.receipt",
    "Report": "tidegate.receipt",
    "SubmissionRejected": "tidegate.errors",
    "TidegateError": "tidegate.errors",
    "integrate_contributed_data": "tidegate.data_integration",
    "validate_contributed_data": "tidegate.data_integration",
}

if TYPE_CHECKING:
    from tidegate.data_integration import (
        IntegrationResult,
        integrate_contributed_data,
        validate_contributed_data,
    )
    from tidegate.errors import SubmissionRejected, TidegateError
    from tidegate.pool import Dataset
    from tidegate.receipt import Receipt, Report


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
