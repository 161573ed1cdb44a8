"""Engines, as their owner sees them: one class for each backend, and what all have in common.

The owner is the process of a command: `dockbook lab`, `grade`, `engine run`. Others have folders:
``keeper`` holds an engine, ``inside`` runs in it; ``system`` is for all of them. Other folders: what an
engine image is (``image``), how one is made (``build``), what works on this machine (``doctor``).
"""
