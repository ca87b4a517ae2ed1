"""HttpRequest: a Litestar request whose headers are found in a fraction of the time."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from litestar import Request
from litestar.types import Receive, Scope

from entrypoints.http.replies import Reply

HAS_ARRIVED: Final = "payments.has_arrived"
"""A key of the scope of a request that had arrived with its whole body when it was handled."""

SEND_REPLY: Final = "payments.send_reply"
"""A key of the scope: a SendReply, if the server has one."""

SendReply = Callable[[Reply, Sequence[tuple[bytes, bytes]]], Awaitable[None]]
"""Sends a reply with these header fields, too, as one message instead of the two of ASGI.

The reply is no problem, so it does not end the connection, and its request has ended.
"""


class HeaderValues:
    """The header fields of a request by their names, which are in lower case."""

    __slots__ = ("_values",)

    def __init__(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[bytes, list[bytes]] = {}
        for name, value in fields:
            if name in self._values:
                self._values[name].append(value)
            else:
                self._values[name] = [value]

    def __contains__(self, name: bytes) -> bool:
        return name in self._values

    def raw(self, name: bytes) -> list[bytes]:
        """Return the values of a header as they were sent."""
        return self._values.get(name) or []

    def getall(self, name: str) -> list[str]:
        """Return the values of a header."""
        values = self._values.get(name.encode())
        return [each.decode("latin-1") for each in values] if values else []

    def get(self, name: str, default: str) -> str:
        """Return the first value of a header."""
        values = self._values.get(name.encode())
        return values[0].decode("latin-1") if values else default

    def first_values(self) -> dict[str, str]:
        """Return the first value of each header."""
        return {
            name.decode("latin-1"): values[0].decode("latin-1")
            for name, values in self._values.items()
        }


class HttpRequest(Request[Any, Any, Any]):
    """A request; `fields` are its headers."""

    __slots__ = ("fields",)

    def __init__(
        self, scope: Scope, receive: Receive, send: Any = None, fields: HeaderValues | None = None
    ) -> None:
        if fields is None:
            super().__init__(scope, receive, send)
            self.fields = HeaderValues(scope["headers"])
        else:  # a direct route, which hardly ever needs more than these
            self.scope, self.receive, self.send = scope, receive, send  # type: ignore[assignment]
            self.fields = fields

    def __getattr__(self, name: str) -> Any:
        """Set Litestar's attributes when the first of them is needed."""
        super().__init__(self.scope, self.receive, self.send)
        return super().__getattribute__(name)
