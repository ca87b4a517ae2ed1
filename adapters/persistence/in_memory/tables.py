"""The tables of the in-memory database: plain dictionaries."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import define, field, frozen

from application.ports.alerts import Alert, AlertKind
from application.ports.clock import Clock
from application.ports.event_publisher import OutboxEntry
from application.ports.gateway_notifications import ChargeNotification
from application.ports.idempotency_store import RequestKey, StoredReply
from domain.events import EventId
from domain.identifiers import OrderId, PaymentId
from domain.order import Order

Checkpoint = Callable[[str], Awaitable[None]]
"""Awaited with the step's name before and after everything that would be a round trip. It may
let time pass, or raise what the real database would raise."""


async def no_delay(_step: str) -> None:
    """Continue at once."""


@frozen
class OutboxRecord:
    """An outbox entry and its state."""

    entry: OutboxEntry
    sent: bool = False
    parked: str | None = None
    """Why it can never be published."""


@frozen
class KeyRecord:
    """A request with an idempotency key, and its reply once there is one."""

    fingerprint: str
    begun_at: datetime
    lease_ends: datetime
    reply: StoredReply | None = None


@define
class InMemoryTables:
    """The stored data, which outlives the processes that use it; entities read are snapshots."""

    now: Clock
    checkpoint: Checkpoint = no_delay
    orders: dict[OrderId, tuple[int, Order]] = field(factory=dict)
    """Each order with its revision: how often it has been written."""
    order_of: dict[PaymentId, OrderId] = field(factory=dict)
    outbox: dict[EventId, OutboxRecord] = field(factory=dict)
    inbox: set[str] = field(factory=set)
    deferred_notifications: dict[str, tuple[datetime, ChargeNotification]] = field(factory=dict)
    """By id: each notification whose charge was unknown, and when it was deferred."""
    relay_lease: tuple[str, datetime] | None = None
    """The relay that processes the outbox, and the end of its lease."""
    idempotency_keys: dict[RequestKey, KeyRecord] = field(factory=dict)
    declines: dict[str, list[datetime]] = field(factory=lambda: defaultdict(list))
    alerts: dict[tuple[AlertKind, str], Alert] = field(factory=dict)
    """By kind and subject."""
