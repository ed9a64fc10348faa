"""The engine for what outgrows one machine: Spark, on a session that is there already or on this machine's cores.

`engine.py` is what the rest of Tidegate sees. Submissions are read on the workers by the very reader that reads them on
one machine, so a record is malformed on both or on neither; everything later is an Ibis expression. What Spark would
judge otherwise than DuckDB, `dialect.py` says in other words. Workers and driver share the work folder.
"""

import warnings

# PySpark 4.3 says again and again that it does not know all of pandas 3, on import too. Rows go by Arrow here.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
