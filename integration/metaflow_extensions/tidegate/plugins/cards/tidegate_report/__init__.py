"""Metaflow's door to our card: its extension mechanism looks for cards in folders of these names."""

from tidegate.flows.card import ReportCard

CARDS = [ReportCard]
