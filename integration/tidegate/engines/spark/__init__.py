"""The engine for those who outgrow one machine: Spark, classic or over Spark Connect.

What an expectation means is DuckDB's to say on either engine: `expectations.py` has DuckDB check each query, and Spark
runs its translation.
"""
