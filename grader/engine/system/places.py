"""Paths and addresses in an engine that its inside and its owner's side both know."""

CONTROL_SOCKET = "/run/dockbook/kernel/control.sock"
"""Where a sandbox takes a ``daemon.json``; on the host ``share/control.sock`` in the engine's folder."""
HUB_ADDRESS = "10.213.0.2"
GATEWAY_ADDRESS = "10.213.0.1"
"""The course hub's address on the network, and the engine's on the way to it."""
