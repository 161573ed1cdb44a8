"""One submission to one verdict: read, put together, run in an engine, tested from outside."""
