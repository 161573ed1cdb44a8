"""What an engine image is made of, what a machine's disk is, and where they are. Makes nothing."""
