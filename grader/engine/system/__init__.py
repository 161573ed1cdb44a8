"""What Linux offers, and this package as files, for every process. Standard library only."""
