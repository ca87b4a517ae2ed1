"""The worker: loops that run the use cases, and the handling of inbound events."""

from typing import Final, Literal

Role = Literal["replicate", "relay", "recover", "complete", "reconcile"]
"""A part of the worker's work, described by `payments worker --help`."""

DEFAULT_ROLES: Final[tuple[Role, ...]] = ("replicate", "relay", "recover", "reconcile")
