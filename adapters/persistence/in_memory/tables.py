"""The tables of the in-memory database: plain dictionaries."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from attrs import define, field, fields, frozen

from application.ports.alerts import Alert, AlertKind
from application.ports.clock import Clock
from application.ports.differences import Difference, DifferenceKind
from application.ports.event_publisher import OutboxEntry
from application.ports.gateway_notifications import ChargeNotification
from application.ports.idempotency_store import RequestKey, StoredReply
from application.ports.operator_sessions import OperatorSession
from application.ports.stream_positions import StreamPosition
from application.ports.unusable_notifications import KeptNotification
from domain.events import EventId
from domain.history import HistoryEntry, HistoryHead
from domain.history_tree import HistoryRoot
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
    holder: str = ""
    reply: StoredReply | None = None


DifferenceKey = tuple[str, bool, DifferenceKind, str]
"""Gateway, mode, kind and subject."""


@frozen
class StoredDifference:
    """A difference, and when it was found first and last, and resolved."""

    difference: Difference
    found_at: datetime
    seen_at: datetime
    resolved_at: datetime | None = None


@frozen
class StoredSession:
    """A session, and when it began and was used last."""

    session: OperatorSession
    began_at: datetime
    used_at: datetime


@define
class InMemoryTables:
    """The stored data, which outlives the processes that use it; entities read are snapshots."""

    now: Clock
    checkpoint: Checkpoint = no_delay
    orders: dict[OrderId, tuple[int, Order]] = field(factory=dict)
    """Each order with its revision: how often it has been written."""
    histories: dict[OrderId, tuple[HistoryEntry, ...]] = field(factory=dict)
    history_heads: dict[OrderId, HistoryHead] = field(factory=dict)
    """Where the history of each order ends."""
    history_leaves: dict[OrderId, tuple[int, str]] = field(factory=dict)
    """The newest entry of each history that is below the newest root: its number and its hash."""
    history_roots: list[HistoryRoot] = field(factory=list)
    order_of: dict[PaymentId, OrderId] = field(factory=dict)
    outbox: dict[EventId, OutboxRecord] = field(factory=dict)
    inbox: set[str] = field(factory=set)
    deferred_notifications: dict[str, tuple[datetime, ChargeNotification]] = field(factory=dict)
    """By id: each notification whose charge was unknown, and when it was deferred."""
    relay_lease: tuple[str, datetime] | None = None
    """The relay that processes the outbox, and the end of its lease."""
    idempotency_keys: dict[RequestKey, KeyRecord] = field(factory=dict)
    declines: dict[str, list[datetime]] = field(factory=lambda: defaultdict(list))
    unusable_notifications: dict[int, KeptNotification] = field(factory=dict)
    differences: dict[DifferenceKey, StoredDifference] = field(factory=dict)
    operator_sessions: dict[bytes, StoredSession] = field(factory=dict)
    alerts: dict[tuple[AlertKind, str], Alert] = field(factory=dict)
    """By kind and subject."""
    positions: dict[tuple[str, str], tuple[int, StreamPosition]] = field(factory=dict)
    """By stream and consumer: the copy in which each position was bound, and the position."""
    gateway_marks: dict[tuple[str, bool], tuple[str, datetime | None]] = field(factory=dict)
    """By gateway and mode: the id of the newest comparison, and the mark."""
    comparisons: int = 0
    """How many comparisons have begun; it makes their ids unique also after a failover."""
    identity: str = ""
    copy: int = 1
    """Which copy of the database this is: another one after a failover or a restored backup."""
    restored: int = 0
    """How often it was restored."""
    signals: list[asyncio.Event] = field(factory=list)
    """One for each relay that waits for events."""
    loses_signal: Callable[[], bool] = lambda: False
    """Whether the next signal of new events is lost."""

    def signal_events(self) -> None:
        """Tell the relays that events were added."""
        if not self.loses_signal():
            for signal in self.signals:
                signal.set()

    def back_up(self) -> "Backup":
        """Return a copy of everything that is stored now."""
        return {name: _copy(getattr(self, name)) for name in _STORED}

    def restore(self, backup: "Backup") -> None:
        """Continue on a backup, as after a failover that lost the transactions since then."""
        for name, value in backup.items():
            stored = getattr(self, name)
            if isinstance(stored, dict | set):
                stored.clear()
                stored.update(_copy(value))
            else:
                setattr(self, name, value)
        self.copy += 1
        self.restored += 1


Backup = Mapping[str, Any]
"""The tables by name."""

_NOT_STORED: Final = (
    *("now", "checkpoint", "copy", "restored", "comparisons", "signals", "loses_signal"),
)

_STORED: Final = tuple(each.name for each in fields(InMemoryTables) if each.name not in _NOT_STORED)


def _copy(value: Any) -> Any:
    match value:
        case dict():
            return {key: _copy(each) for key, each in value.items()}
        case set():
            return set(value)
        case list():
            return list(value)
        case _:
            return value
