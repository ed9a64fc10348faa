"""Templates: files with a contract's columns and a few made-up rows that are valid, for a contributor to fill."""

from tidegate.templates.files import write_template
from tidegate.templates.rows import made_up_rows

__all__ = ["made_up_rows", "write_template"]
