"""Metaflow: the training flow in which the gate stands, and the model that it trains on the demo's data."""
