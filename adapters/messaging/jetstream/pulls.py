"""Pull requests to durable consumers, and their responses.

The library's own `fetch` pulls from one consumer, and cannot distinguish an empty consumer from a
deleted one.
"""

import asyncio
import json
import logging
from collections import deque
from typing import Final, Self

from attrs import define, field
from nats.aio.subscription import Subscription

from adapters.messaging.jetstream.api import parse_headers
from adapters.messaging.jetstream.client import Arrival, SecureClient
from adapters.messaging.jetstream.delivered import Delivered
from application.ports.event_publisher import BrokerUnavailable

logger = logging.getLogger(__name__)

GRACE_SECONDS: Final = 2.0
"""How long after its expiry the response to a pull may arrive, before the server counts as lost."""

IDLE_SECONDS: Final = 0.1
"""A pause after which no more messages are expected: those that a server has stored follow each
other within microseconds."""


@define
class Source:
    """A consumer in one stream, with our pending pull request."""

    api: str
    """What the subject of every request to JetStream begins with."""
    stream: str
    consumer: str
    pull: str = ""
    left: int = 0
    """How many messages it may still deliver."""
    ends_at: float = 0.0

    @property
    def subject(self) -> str:
        """The subject of a pull request."""
        return f"{self.api}.CONSUMER.MSG.NEXT.{self.stream}.{self.consumer}"

    def is_pulling(self, now: float) -> bool:
        """Whether more messages may arrive for the pending pull."""
        return self.left > 0 and now < self.ends_at


@define
class Pulls:
    """One inbox of one client, at which all sources respond."""

    _client: SecureClient
    _reconnects: int
    _inbox: str
    _sources: list[Source]
    _subscription: Subscription | None = None
    _messages: deque[Delivered] = field(factory=deque)
    _arrived: asyncio.Event = field(factory=asyncio.Event)
    _pulls: int = 0
    _lost: bool = False
    """Whether a consumer was deleted or does not respond."""

    @classmethod
    async def open(cls, client: SecureClient, sources: list[Source]) -> Self:
        """Subscribe to the inbox."""
        pulls = cls(client, client.stats["reconnects"], client.new_inbox(), sources)
        pulls._subscription = await client.receive_directly(f"{pulls._inbox}.*", pulls._receive)
        return pulls

    async def close(self) -> None:
        """Unsubscribe; messages received but not collected are delivered again."""
        if self._subscription is not None and self._client.is_connected:
            await self._client.stop_receiving(self._subscription)

    def is_usable(self, client: SecureClient) -> bool:
        """Whether responses can still arrive, and at this client."""
        return (
            not self._lost
            and client is self._client
            and client.stats["reconnects"] == self._reconnects
        )

    async def collect(self, limit: int, wait: float) -> list[Delivered]:
        """Return up to `limit` messages: at once if there are any, else the first within `wait` s.

        Raises:
            BrokerUnavailable: the server does not respond.
        """
        now = asyncio.get_running_loop().time
        end = now() + wait + GRACE_SECONDS
        if not self._messages:
            await self._pull(limit, wait, now())
        collected: list[Delivered] = []
        while True:
            self._arrived.clear()
            while self._messages and len(collected) < limit:
                collected.append(self._messages.popleft())
            more_expected = any(source.is_pulling(now()) for source in self._sources)
            if len(collected) == limit or self._lost or not more_expected:
                return collected
            try:
                async with asyncio.timeout_at(now() + IDLE_SECONDS if collected else end):
                    await self._arrived.wait()
            except TimeoutError:
                if collected:
                    return collected
                self._lost = True
                raise BrokerUnavailable("no response to a pull") from None

    @property
    def subjects(self) -> list[str]:
        """The subjects of the pull requests."""
        return [source.subject for source in self._sources]

    async def _pull(self, limit: int, wait: float, now: float) -> None:
        """Send a pull to every source without a pending one."""
        # Together, `no_wait` and `expires` mean: at once if there is anything, else wait this long.
        request = {"batch": limit, "no_wait": True, "expires": int(wait * 1e9)}
        for source in self._sources:
            if source.is_pulling(now):
                continue
            self._pulls += 1
            source.pull = f"{self._inbox}.{self._pulls}"
            source.left = limit
            source.ends_at = now + wait + GRACE_SECONDS
            await self._client.publish(
                source.subject,
                json.dumps(request).encode(),
                reply=source.pull,
            )

    def _receive(self, arrival: Arrival) -> None:
        delivered = Delivered.parse(self._client, arrival) if arrival.reply else None
        if delivered is not None:
            self._messages.append(delivered)
            for source in self._sources:
                source.left -= source.stream == delivered.stream
        elif not arrival.reply:
            self._receive_status(arrival.subject, arrival.header_block)
        self._arrived.set()

    def _receive_status(self, pull: str, header_block: bytes) -> None:
        """Process the status that ends a pull: `NATS/1.0 <status> <description>`.

        404 and 408: no more messages; 409: ended early, for one of many reasons; 503: no responder
        (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-37.md).
        """
        line = header_block.partition(b"\r\n")[0].decode("utf-8", "replace")
        _, status, description = f"{line}  ".split(" ", 2)
        for source in self._sources:
            if source.pull == pull:
                source.left = 0
        if status in ("404", "408"):
            return
        others = " ".join(parse_headers(header_block).values())
        logger.info("a pull ended: %s %s %s", status, description.strip(), others)
        self._lost = self._lost or status == "503" or "Consumer Deleted" in description
