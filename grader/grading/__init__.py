"""A class: collecting, grading in a batch, the gradebook, feedback, releases."""
