"""Where pulls from durable consumers are answered.

The library's own `fetch` pulls from one consumer and cannot tell an empty one from a lost one.
"""

import asyncio
import json
import logging
from collections import deque
from typing import Final, Self

from attrs import define, field
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from application.ports.event_publisher import BrokerUnavailable

logger = logging.getLogger(__name__)

GRACE_SECONDS: Final = 2.0
"""How long after its end the reply to a pull may still come; a server that is later does not answer."""

QUIET_SECONDS: Final = 0.1
"""What a server has at hand follows one another within microseconds; after such a pause that was all."""


@define
class Source:
    """A consumer in one stream, and our pull that it has not answered in full yet."""

    stream: str
    consumer: str
    pull: str = ""
    left: int = 0
    """How many events it may still bring."""
    ends_at: float = 0.0

    def is_pulling(self, now: float) -> bool:
        """Whether more may come without asking."""
        return self.left > 0 and now < self.ends_at


@define
class Pulls:
    """One address of one client at which all sources answer."""

    _client: Client
    _reconnects: int
    _address: str
    _sources: list[Source]
    _subscription: Subscription | None = None
    _messages: deque[Msg] = field(factory=deque)
    _arrived: asyncio.Event = field(factory=asyncio.Event)
    _pulls: int = 0
    _lost: bool = False
    """Whether a consumer is not there any more, or does not answer."""

    @classmethod
    async def open(cls, client: Client, sources: list[Source]) -> Self:
        """Begin to listen."""
        pulls = cls(client, client.stats["reconnects"], client.new_inbox(), sources)
        pulls._subscription = await client.subscribe(f"{pulls._address}.*", cb=pulls._receive)
        return pulls

    async def close(self) -> None:
        """Stop listening; what was received and not taken comes again."""
        if self._subscription is not None and self._client.is_connected:
            await self._subscription.unsubscribe()

    def answers(self, client: Client) -> bool:
        """Whether pulls through this client can still be answered."""
        return (
            not self._lost
            and client is self._client
            and client.stats["reconnects"] == self._reconnects
        )

    async def collect(self, limit: int, wait: float) -> list[Msg]:
        """At most so many events: at once if there are any, else the first that come within `wait`.

        Raises:
            BrokerUnavailable: the server does not answer.
        """
        now = asyncio.get_running_loop().time
        end = now() + wait + GRACE_SECONDS
        if not self._messages:
            await self._pull(limit, wait, now())
        captured_amount: list[Msg] = []
        while True:
            self._arrived.clear()
            while self._messages and len(captured_amount) < limit:
                captured_amount.append(self._messages.popleft())
            may_come = any(source.is_pulling(now()) for source in self._sources)
            if len(captured_amount) == limit or self._lost or not may_come:
                return captured_amount
            try:
                async with asyncio.timeout_at(now() + QUIET_SECONDS if captured_amount else end):
                    await self._arrived.wait()
            except TimeoutError:
                if captured_amount:
                    return captured_amount
                self._lost = True
                raise BrokerUnavailable("a pull was not answered") from None

    async def _pull(self, limit: int, wait: float, now: float) -> None:
        """Ask every source that has answered for more."""
        # Together the two mean: at once if there is anything, else wait for the first so long.
        request = {"batch": limit, "no_wait": True, "expires": int(wait * 1e9)}
        for source in self._sources:
            if source.is_pulling(now):
                continue
            self._pulls += 1
            source.pull = f"{self._address}.{self._pulls}"
            source.left = limit
            source.ends_at = now + wait + GRACE_SECONDS
            await self._client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{source.stream}.{source.consumer}",
                json.dumps(request).encode(),
                reply=source.pull,
            )

    async def _receive(self, message: Msg) -> None:
        if message.reply:
            self._messages.append(message)
            for source in self._sources:
                source.left -= source.stream == message.metadata.stream
        else:
            self._hear(message.subject, message.headers or {})
        self._arrived.set()

    def _hear(self, pull: str, headers: dict[str, str]) -> None:
        """What the server says about a pull.

        404 and 408: there is no more; 409: it ended early, for many reasons; 503: nobody is there
        (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-37.md).
        """
        status = headers.get("Status")
        for source in self._sources:
            if source.pull == pull:
                source.left = 0
        if status in ("404", "408"):
            return
        said = " ".join(text for name, text in headers.items() if name != "Status")
        logger.info("a pull ended: %s %s", status, said.strip())
        self._lost = self._lost or status == "503" or "Consumer Deleted" in said
