"""Delivery of events to webhook endpoints, with retries, in any order, repeated or forged."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import aiohttp
from attrs import define, evolve, field

from payments_kit.doubles.replies import Json

REPLY_SECONDS = 10.0  # roughly what Stripe allows an endpoint; PayPal does not say


@define
class Endpoint:
    """A URL that receives events."""

    id: str
    url: str
    enabled_events: list[str] = field(factory=lambda: ["*"])

    def accepts(self, type_: str) -> bool:
        """Whether it receives this type of event."""
        return "*" in self.enabled_events or type_ in self.enabled_events


@define
class DeliveryOptions:
    """How events are delivered: paused, repeated, delayed or reordered (in seconds), forged."""

    paused: bool = False
    duplicate: int = 1
    delay: float = 0.0
    reorder: bool = False
    reorder_window: float = 0.2
    forged: str | None = None
    max_attempts: int = 4
    retry_after: float = 0.25


@define
class Delivery:
    """One event for one endpoint, with the status of every attempt (0: no reply)."""

    event: Json
    type: str
    endpoint: Endpoint
    state: Literal["held", "sending", "delivered", "failed"] = "held"
    statuses: list[int] = field(factory=list)

    def summary(self) -> Json:
        """Describe it for the control API."""
        return {
            "event": self.event["id"],
            "type": self.type,
            "endpoint": self.endpoint.id,
            "state": self.state,
            "statuses": self.statuses,
        }


@define
class Deliveries(ABC):
    """The endpoints, the deliveries, and the tasks that send them."""

    type_field: ClassVar[str]
    """The name of the field that has an event's type."""
    forgeries: ClassVar[tuple[str, ...]]
    """The ways in which `sealed` can forge."""

    endpoints: dict[str, Endpoint] = field(factory=dict)
    options: DeliveryOptions = field(factory=DeliveryOptions)
    deliveries: list[Delivery] = field(factory=list)
    _queue: asyncio.Queue[Delivery] = field(factory=asyncio.Queue)
    _task: asyncio.Task[None] | None = None
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _session: aiohttp.ClientSession | None = None

    @abstractmethod
    def sealed(
        self, event: Json, endpoint: Endpoint, forged: str | None
    ) -> tuple[bytes, dict[str, str]]:
        """Return the bytes to send and their signed headers; a forgery is wrong in one way."""

    def enqueue(self, event: Json) -> None:
        """Deliver a new event to the endpoints; the ledger calls this."""
        for endpoint in self.endpoints.values():
            if endpoint.accepts(event[self.type_field]):
                delivery = Delivery(event, event[self.type_field], endpoint)
                self.deliveries.append(delivery)
                if not self.options.paused:
                    delivery.state = "sending"
                    self._queue.put_nowait(delivery)

    def set_options(self, **changes: Any) -> DeliveryOptions:
        """Change how events are delivered from now on; raise ValueError for a bad option."""
        try:
            options = evolve(self.options, **changes)
        except TypeError as error:
            raise ValueError(f"Not a delivery option: {error}") from error
        if options.forged not in (None, *self.forgeries):
            raise ValueError(f"forged must be one of {', '.join(self.forgeries)}")
        self.options = options
        return options

    async def start(self) -> None:
        """Start the deliveries."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop the deliveries."""
        tasks = [task for task in (self._task, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def deliver(
        self,
        *,
        events: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
        order: Literal["first", "last", "shuffled"] = "first",
        duplicate: int = 1,
        forged: str | None = None,
    ) -> list[Json]:
        """Deliver the held events now, or these events again; return the deliveries."""
        chosen = [it for it in self.deliveries if events is not None or it.state == "held"]
        if events is not None:
            ids = set(events)
            chosen = [it for it in chosen if it.event["id"] in ids]
        if types is not None:
            names = set(types)
            chosen = [it for it in chosen if it.type in names]
        if order == "last":
            chosen.reverse()
        elif order == "shuffled":
            random.shuffle(chosen)
        for delivery in chosen:
            delivery.state = "sending"
            for _ in range(duplicate):
                await self._send(delivery, forged)
        return [delivery.summary() for delivery in chosen]

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            options = self.options
            if options.reorder:
                await asyncio.sleep(options.reorder_window)
                while not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                batch.reverse()
            for delivery in batch:
                if options.delay:
                    self._later(delivery, options.delay)
                else:
                    await self._first_attempt(delivery)

    def _later(self, delivery: Delivery, seconds: float, attempt: int = 1) -> None:
        async def run() -> None:
            await asyncio.sleep(seconds)
            if attempt == 1:
                await self._first_attempt(delivery)
            else:
                await self._attempt(delivery, attempt)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _first_attempt(self, delivery: Delivery) -> None:
        for _ in range(max(1, self.options.duplicate)):
            await self._attempt(delivery, 1)

    async def _attempt(self, delivery: Delivery, attempt: int) -> None:
        """Send, and retry after anything but 2xx, with growing delays."""
        if await self._send(delivery, self.options.forged):
            return
        if attempt < self.options.max_attempts:
            delivery.state = "sending"
            self._later(delivery, self.options.retry_after * 2 ** (attempt - 1), attempt + 1)

    async def _send(self, delivery: Delivery, forged: str | None) -> bool:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=REPLY_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout)
        payload, headers = self.sealed(delivery.event, delivery.endpoint, forged)
        try:
            async with self._session.post(
                delivery.endpoint.url, data=payload, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        delivery.statuses.append(status)
        accepted = 200 <= status < 300
        if accepted or delivery.state != "delivered":
            delivery.state = "delivered" if accepted else "failed"
        return accepted
