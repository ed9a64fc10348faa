"""Drafts: contracts and suites that were written from data or from another standard, for their owner to confirm."""

from tidegate.drafts.draft import Draft, DraftColumn
from tidegate.drafts.write import write_draft

__all__ = ["Draft", "DraftColumn", "write_draft"]
