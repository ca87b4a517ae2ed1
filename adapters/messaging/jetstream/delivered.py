"""A message that a consumer has delivered."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Self

from attrs import frozen

from adapters.messaging.jetstream.api import parse_headers
from adapters.messaging.jetstream.client import Arrival, SecureClient

_NUMBERS: Final = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})\.[0-9]{1,19}\.([0-9]{1,19})")
"""As many digits as 64 bits have: times are nanoseconds since 1970."""


@frozen
class Delivered:
    """A message with what its reply subject says about it.

    `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<consumer sequence>.<time>.<pending>`, or
    with the domain and the account after `ACK` and perhaps one more token at the end
    (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md).
    """

    client: SecureClient
    subject: str
    reply: str
    data: bytes
    header_block: bytes
    stream: str
    consumer: str
    deliveries: int
    sequence: int
    nanoseconds: int
    """When the stream stored it, since the epoch."""

    @classmethod
    def parse(cls, client: SecureClient, arrival: Arrival) -> Self | None:
        """Return a delivery; None if it is another message."""
        tokens = arrival.reply.split(".")
        at = 2 if len(tokens) == 9 else 4
        if len(tokens) not in (9, 11, 12) or not arrival.reply.startswith("$JS.ACK."):
            return None
        numbers = _NUMBERS.fullmatch(".".join(tokens[at + 2 : at + 6]))
        if numbers is None:
            return None
        deliveries, sequence, nanoseconds = numbers.groups()
        return cls(
            client,
            arrival.subject,
            arrival.reply,
            arrival.data,
            arrival.header_block,
            tokens[at],
            tokens[at + 1],
            int(deliveries),
            int(sequence),
            int(nanoseconds),
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, unchanged."""
        return parse_headers(self.header_block)

    @property
    def stored_at(self) -> datetime:
        """When the stream stored it."""
        return datetime.fromtimestamp(self.nanoseconds / 1e9, UTC)

    async def end(self, how: bytes) -> None:
        """Write the end of the delivery to the buffer of the connection, which is sent at once.

        Raises:
            nats.errors.OutboundBufferLimitError: it is not connected.
        """
        head = f"PUB {self.reply} {len(how)}\r\n".encode()
        await self.client.write(b"%b%b\r\n" % (head, how))
