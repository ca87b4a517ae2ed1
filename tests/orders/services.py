"""Orders services in memory: an honest one, with the guard, and the reference service's."""

import asyncio
import json
from collections import Counter, defaultdict
from decimal import Decimal
from uuid import uuid4

from attrs import define, field

from payments_kit.orders.events import PaymentEvent, UnreadableEvent, read_event
from payments_kit.orders.guard import Action, Decision, NoticeKind, OrderPayments


@define
class HonestOrders:
    """An orders service and its own harness; each dishonest one overrides a method."""

    payments: dict[str, OrderPayments] = field(factory=dict)
    versions: Counter[str] = field(factory=Counter)
    delivered: Counter[str] = field(factory=Counter)
    told: list[str] = field(factory=list)
    events: defaultdict[str, list[tuple[str, bytes]]] = field(factory=lambda: defaultdict(list))
    lock: asyncio.Lock = field(factory=asyncio.Lock)

    # --- the service ---

    async def create_order(self, price: Decimal) -> str:
        order_id = uuid4().hex
        self.payments[order_id] = OrderPayments()
        self.publish(order_id, "order:created")
        return order_id

    async def cancel_order(self, order_id: str) -> None:
        async with self.lock:
            await self.cancel(order_id)

    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        try:
            event = read_event(subject, data)
        except UnreadableEvent as error:
            self.told.append(str(error))
            return True
        if event is None:
            return True
        async with self.lock:
            await self.receive(event, event_id)
        return True

    async def receive(self, event: PaymentEvent, event_id: str) -> None:
        if event.order_id not in self.payments:
            self.told.append("unknown order")
            return
        before = await self.load(event.order_id)
        decision = self.decide(before, event)
        self.payments[event.order_id] = decision.payments
        if decision.action is Action.COMPLETE:
            self.delivered[event.order_id] += 1
        if decision.notice is not None:
            self.tell(decision.notice.kind)

    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        return payments.apply(event)

    def tell(self, kind: NoticeKind) -> None:
        self.told.append(kind.value)

    async def load(self, order_id: str) -> OrderPayments:
        payments = self.payments[order_id]
        await asyncio.sleep(0)  # as a database takes a moment
        return payments

    async def cancel(self, order_id: str) -> None:
        payments = await self.load(order_id)
        if not payments.is_cancelled:
            self.payments[order_id] = payments.cancel()
            self.versions[order_id] += 1
            self.publish(order_id, "order:cancelled")

    def publish(self, order_id: str, subject: str) -> None:
        body = {"id": order_id, "version": self.versions[order_id]}
        self.events[order_id].append((subject, json.dumps(body).encode()))

    def may_expire(self, payments: OrderPayments) -> bool:
        return payments.may_expire

    # --- what only the harness does ---

    async def status(self, order_id: str) -> str:
        return self.payments[order_id].status.value

    async def completions(self, order_id: str) -> int:
        return self.delivered[order_id]

    async def crash_before_ack(self, subject: str, data: bytes, event_id: str) -> None:
        await self.deliver(subject, data, event_id)

    async def expire_order(self, order_id: str) -> None:
        if self.may_expire(self.payments[order_id]):
            await self.cancel_order(order_id)

    async def reports(self) -> list[str]:
        return self.told

    async def published(self, order_id: str) -> list[tuple[str, bytes]]:
        return self.events[order_id]


@define
class Order:
    """The model of the reference service's orders service."""

    id: str
    status: str = "created"
    version: int = 0

    def save(self) -> None:
        """Save it; its plugin for optimistic concurrency gives every save the next version."""
        self.version += 1


@define
class ReferenceOrders:
    """The reference service's orders service, line by line: it consumes `payment:created` only."""

    orders: dict[str, Order] = field(factory=dict)
    events: defaultdict[str, list[tuple[str, bytes]]] = field(factory=lambda: defaultdict(list))

    async def create_order(self, price: Decimal) -> str:
        order = Order(uuid4().hex)
        self.orders[order.id] = order
        self.publish("order:created", order)
        return order.id

    async def cancel_order(self, order_id: str) -> None:
        order = self.orders[order_id]
        order.status = "cancelled"
        order.save()
        self.publish("order:cancelled", order)

    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        if subject != "payment:created":
            return True  # nothing subscribes to it
        body = json.loads(data)
        order = self.orders.get(body["orderId"])
        if order is None:
            raise RuntimeError("Order not found")
        order.status = "complete"
        order.save()
        return True

    async def expire_order(self, order_id: str) -> None:
        if self.orders[order_id].status != "complete":
            await self.cancel_order(order_id)

    async def status(self, order_id: str) -> str:
        return self.orders[order_id].status

    async def published(self, order_id: str) -> list[tuple[str, bytes]]:
        return self.events[order_id]

    def publish(self, subject: str, order: Order) -> None:
        body = {"id": order.id, "version": order.version}
        self.events[order.id].append((subject, json.dumps(body).encode()))
