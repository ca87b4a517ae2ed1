"""Stopping: whether and how the HTTP service stops."""

from typing import Final

from attrs import define

# A charge takes at most 20 s: it starts within 5 s of its claim, and the gateway has 15 s.
FINISH_SECONDS: Final = 22.0


@define
class Stopping:
    """What the server tells the application about its stop."""

    has_begun: bool = False
    """The service is not ready any more, and keeps no connection alive."""
    finish_seconds: float = FINISH_SECONDS
    """How long requests in progress may take when the application ends."""
