"""What is: containers, images, networks and volumes of an engine, read once and asked as questions."""

from __future__ import annotations

from grader.state.container import Binding, Container, Endpoint, Mount, Pulse, unsettled
from grader.state.files import FileThere, read_digest, read_file, read_image_file
from grader.state.image import Image, ImageConfig, read_history, read_image
from grader.state.log import Log, moment_of, read_first_moment, read_last, read_log
from grader.state.network import Network, Volume
from grader.state.reference import Reference, familiar, repository
from grader.state.snapshot import Snapshot, read_container

__all__ = [
    "Binding",
    "Container",
    "Endpoint",
    "FileThere",
    "Image",
    "ImageConfig",
    "Log",
    "Mount",
    "Network",
    "Pulse",
    "Reference",
    "Snapshot",
    "Volume",
    "familiar",
    "moment_of",
    "read_container",
    "read_digest",
    "read_file",
    "read_first_moment",
    "read_history",
    "read_image",
    "read_image_file",
    "read_last",
    "read_log",
    "repository",
    "unsettled",
]
