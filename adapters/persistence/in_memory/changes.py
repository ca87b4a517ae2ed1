"""The changes of one unit of work in memory."""

from datetime import datetime

from attrs import define, field

from adapters.persistence.in_memory.requests import InMemoryRequests
from application.ports.gateway_notifications import ChargeNotification
from application.ports.stream_positions import EventPosition
from domain.events import Event
from domain.identifiers import OrderId
from domain.order import Order


@define
class Changes:
    """What a unit of work writes at its commit."""

    requests: InMemoryRequests
    orders: dict[OrderId, Order] = field(factory=dict)
    events: list[Event] = field(factory=list)
    notifications: list[str] = field(factory=list)
    deferred: dict[str, tuple[datetime, ChargeNotification]] = field(factory=dict)
    removed: list[str] = field(factory=list)
    positions: list[EventPosition] = field(factory=list)

    def __bool__(self) -> bool:
        return any(
            (
                *(self.orders, self.events, self.notifications, self.deferred),
                *(self.removed, self.positions, self.requests),
            )
        )
