"""Processes that hold an engine and outlive its owner just long enough. Standard library only."""
