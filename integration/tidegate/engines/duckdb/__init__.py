"""The embedded engine: DuckDB, out of core, with memory, threads and a spill folder always bounded.

`engine.py` is what the rest of Tidegate sees; `worker.py` is the staging process, which starts with every run and so
imports as little as it can: no Ibis, no pandas.
"""
