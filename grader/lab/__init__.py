"""The student's side: the notebook extension, the workspace, JupyterLab, checks from a terminal."""
