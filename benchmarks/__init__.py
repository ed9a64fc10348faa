"""How long Tidegate takes and what it needs, against DuckDB alone and against what a user would write without it.

`python -m benchmarks` from the root of a checkout; see `benchmarks.__main__`.
"""
