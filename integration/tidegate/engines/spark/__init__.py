"""Spark, for what outgrows one machine: a session that is there already, and never a cluster of our own."""
