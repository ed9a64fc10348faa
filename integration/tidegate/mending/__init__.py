"""Mended copies of submissions: what `tidegate validate --fix` writes, where mending is certain.

Only cells that failed are touched, each as the slips of `tidegate.audit.slips` have it; whether the copy is right is
judged as any submission is.
"""

from tidegate.mending.copy import Mending, mended_copy, refuse_to_mend

__all__ = ["Mending", "mended_copy", "refuse_to_mend"]
