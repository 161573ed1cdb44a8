"""What `%load_ext grader` brings into the student's kernel. Only docker and IPython."""
