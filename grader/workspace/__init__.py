"""The student's folder: laid out, looked at, reset, packed for submission."""
