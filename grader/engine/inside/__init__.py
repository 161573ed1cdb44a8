"""Runs inside an engine, as process 1 or started by it. Standard library only."""
