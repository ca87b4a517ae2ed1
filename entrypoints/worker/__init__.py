"""The worker: loops that run the use cases, and the decoding of order events."""

from typing import Final, Literal

Role = Literal["replicate", "relay", "recover", "complete"]
"""What a worker does; README.md describes each role."""

DEFAULT_ROLES: Final[tuple[Role, ...]] = ("replicate", "relay", "recover")
