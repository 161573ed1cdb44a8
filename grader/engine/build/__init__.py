"""Makes engine images, virtual machines' disks and archives of the course's images."""
