"""Replies of a double, ready to be sent, and the operations that make them."""

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import field, frozen

Json = dict[str, Any]


@frozen
class Reply:
    """A status and a body; `stored` replies are kept under the idempotency key."""

    status: int
    body: bytes
    headers: dict[str, str] = field(factory=dict)
    stored: bool = True
    content_type: str = "application/json"


Operation = Callable[[], Awaitable[Reply]]
"""Executes a request."""
