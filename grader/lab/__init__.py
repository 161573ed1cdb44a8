"""JupyterLab on the student's machine: started, set up, watched over; its server's side is ``server``."""
