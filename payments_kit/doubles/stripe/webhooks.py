"""Events sent to endpoints, signed as Stripe signs them; https://docs.stripe.com/webhooks#verify-manually."""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterable
from typing import Any, Literal, get_args

import aiohttp
from attrs import define, evolve, field

from .errors import Json, invalid

Forgery = Literal["wrong_secret", "tampered", "stale", "future", "unsigned", "malformed"]
ANSWER_WITHIN = 10.0  # Stripe gives an endpoint about this long before it counts as failed
BEYOND_TOLERANCE = 3600  # the SDK's default tolerance is 300 s


@define
class Endpoint:
    """Where events go; two secrets while one is being rolled, as at Stripe."""

    id: str
    url: str
    secrets: list[str]
    enabled_events: list[str] = field(factory=lambda: ["*"])

    def wants(self, type_: str) -> bool:
        return "*" in self.enabled_events or type_ in self.enabled_events


@define
class Manner:
    """How events are sent from now on."""

    paused: bool = False
    duplicate: int = 1
    delay: float = 0.0
    reorder: bool = False
    reorder_window: float = 0.2
    forged: Forgery | None = None
    max_attempts: int = 4
    retry_after: float = 0.25


@define
class Delivery:
    """One event for one endpoint."""

    event: Json
    endpoint: Endpoint
    state: Literal["held", "sending", "delivered", "failed"] = "held"
    statuses: list[int] = field(factory=list)

    def row(self) -> Json:
        return {
            "event": self.event["id"],
            "type": self.event["type"],
            "endpoint": self.endpoint.id,
            "state": self.state,
            "statuses": self.statuses,
        }


@define
class Webhooks:
    """Endpoints, deliveries, and the tasks that send them."""

    endpoints: dict[str, Endpoint] = field(factory=dict)
    manner: Manner = field(factory=Manner)
    deliveries: list[Delivery] = field(factory=list)
    _queue: asyncio.Queue[Delivery] = field(factory=asyncio.Queue)
    _task: asyncio.Task[None] | None = None
    _loose: set[asyncio.Task[None]] = field(factory=set)
    _session: aiohttp.ClientSession | None = None

    def register(
        self, url: str, secrets: Iterable[str], enabled_events: Iterable[str] = ("*",)
    ) -> Endpoint:
        endpoint = Endpoint(
            f"we_{len(self.endpoints) + 1}", url, list(secrets), list(enabled_events)
        )
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def hear(self, event: Json) -> None:
        """An event happened; called by the ledger."""
        for endpoint in self.endpoints.values():
            if endpoint.wants(event["type"]):
                delivery = Delivery(event, endpoint)
                self.deliveries.append(delivery)
                if not self.manner.paused:
                    delivery.state = "sending"
                    self._queue.put_nowait(delivery)

    def set_manner(self, **changes: Any) -> Manner:
        try:
            self.manner = evolve(self.manner, **changes)
        except TypeError as error:
            raise invalid(f"Not a manner of delivery: {error}") from error
        if self.manner.forged not in (None, *get_args(Forgery)):
            raise invalid(f"forged must be one of {', '.join(get_args(Forgery))}")
        return self.manner

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        tasks = [task for task in (self._task, *self._loose) if task is not None]
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
        forged: Forgery | None = None,
    ) -> list[Json]:
        """Send now and say how it went: what is held, or (named by event) what was sent already."""
        chosen = [it for it in self.deliveries if events is not None or it.state == "held"]
        if events is not None:
            wanted = set(events)
            chosen = [it for it in chosen if it.event["id"] in wanted]
        if types is not None:
            kinds = set(types)
            chosen = [it for it in chosen if it.event["type"] in kinds]
        if order == "last":
            chosen.reverse()
        elif order == "shuffled":
            random.shuffle(chosen)
        for delivery in chosen:
            delivery.state = "sending"
            for _ in range(duplicate):
                await self._send(delivery, forged)
        return [delivery.row() for delivery in chosen]

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            manner = self.manner
            if manner.reorder:
                await asyncio.sleep(manner.reorder_window)
                while not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                batch.reverse()
            for delivery in batch:
                if manner.delay:
                    self._later(delivery, manner.delay)
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
        self._loose.add(task)
        task.add_done_callback(self._loose.discard)

    async def _first_attempt(self, delivery: Delivery) -> None:
        for _ in range(max(1, self.manner.duplicate)):
            await self._attempt(delivery, 1)

    async def _attempt(self, delivery: Delivery, attempt: int) -> None:
        """Anything but 2xx is tried again, later and later; https://docs.stripe.com/webhooks#retries."""
        if await self._send(delivery, self.manner.forged):
            return
        if attempt < self.manner.max_attempts:
            delivery.state = "sending"
            self._later(delivery, self.manner.retry_after * 2 ** (attempt - 1), attempt + 1)

    async def _send(self, delivery: Delivery, forged: Forgery | None) -> bool:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
            self._session = aiohttp.ClientSession(timeout=timeout)
        payload = json.dumps(delivery.event, indent=2).encode()
        payload, headers = signed(payload, delivery.endpoint.secrets, forged)
        try:
            async with self._session.post(
                delivery.endpoint.url, data=payload, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        delivery.statuses.append(status)
        good = 200 <= status < 300
        if good or delivery.state != "delivered":
            delivery.state = "delivered" if good else "failed"
        return good


def signed(
    payload: bytes, secrets: list[str], forged: Forgery | None = None
) -> tuple[bytes, dict[str, str]]:
    """The bytes to send and their headers; a forgery is wrong in exactly one respect."""
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0"}
    if forged == "unsigned":
        return payload, headers
    at = int(time.time())
    if forged == "stale":
        at -= BEYOND_TOLERANCE
    elif forged == "future":
        at += BEYOND_TOLERANCE
    if forged == "wrong_secret":
        secrets = ["whsec_forged"]
    header = signature_header(payload, secrets, at)
    if forged == "tampered":
        payload = payload.replace(b'"livemode": false', b'"livemode": true ')
    elif forged == "malformed":
        header = "t=now,v1"
    return payload, headers | {"Stripe-Signature": header}


def signature_header(payload: bytes, secrets: Iterable[str], at: int) -> str:
    digests = [
        hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    return ",".join([f"t={at}", *(f"v1={digest}" for digest in digests)])
