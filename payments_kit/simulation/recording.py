"""Containers for the in-memory adapters that record every change in the trace."""

from collections.abc import Callable, Sequence

from attrs import frozen

from adapters.gateways.simulated.record import GatewayRecord
from adapters.messaging.in_memory import StoredMessage
from application.ports.alerts import Alert, AlertKind, AlertStore
from application.ports.gateway_notifications import Notification
from domain.identifiers import OrderId, PaymentId
from domain.order import Order
from payments_kit.simulation.process import current_name
from payments_kit.simulation.trace import Trace, changes
from payments_kit.simulation.watch import Watch


class RecordedOrders(dict[OrderId, tuple[int, Order]]):
    """The orders of the database; every change of one is recorded and checked."""

    def __init__(self, trace: Trace, watch: Watch) -> None:
        super().__init__()
        self._trace = trace
        self._watch = watch

    def __setitem__(self, order_id: OrderId, row: tuple[int, Order]) -> None:
        before = self.get(order_id)
        for change in changes(order_id, before[1] if before else None, row[1]):
            self._trace.record(current_name(), change)
        self._watch.commit(before[1] if before else None, row[1])
        super().__setitem__(order_id, row)


class RecordedCharges(dict[PaymentId, GatewayRecord]):
    """The records of the gateway; every change of one is checked."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def __setitem__(self, payment_id: PaymentId, record: GatewayRecord) -> None:
        used_by = payment_id if record.session is None else record.session.payment_id
        if used_by is not None:
            self._watch.gateway_record(payment_id, used_by, self.get(payment_id), record)
        super().__setitem__(payment_id, record)


class RecordedMessages(list[StoredMessage]):
    """The messages of the broker; every new one of ours is recorded."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def append(self, stored: StoredMessage) -> None:
        """Add a message."""
        event_id = stored.message.headers.get("ce-id")
        if event_id is not None:
            self._trace.record("broker", f"stores {event_id}")
        super().append(stored)


class SentNotifications(list[Notification]):
    """The notifications of the gateway; every new one is sent at once."""

    def __init__(self, send: Callable[[Notification], None]) -> None:
        super().__init__()
        self._send = send

    def append(self, notification: Notification) -> None:
        """Add a notification, and send it."""
        super().append(notification)
        self._send(notification)


@frozen
class LoggedAlerts:
    """The stored alerts; each was logged before it is stored, and is noted here as such."""

    _store: AlertStore
    _logged: set[tuple[AlertKind, str]]

    async def add(self, kind: AlertKind, subject: str, text: str, count: int) -> None:
        """Note and store an alert."""
        self._logged.add((kind, subject))
        await self._store.add(kind, subject, text, count)

    async def list_current(self) -> Sequence[Alert]:
        """Return the stored ones."""
        return await self._store.list_current()
