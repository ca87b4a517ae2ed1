"""What the steps of the tour have in common."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Final, TypeVar

from attrs import define, field

from payments_kit.demo.bank import Bank
from payments_kit.demo.deployment import Deployment
from payments_kit.demo.order_events import PAYMENT_REFUNDED, Capture, ReceivedEvent
from payments_kit.demo.order_projection import Order, OrderProjection
from payments_kit.demo.orders_service import OrdersService
from payments_kit.demo.payments_client import CUSTOMER, HttpReply, PaymentsClient

Found = TypeVar("Found")

# The slowest event is recovery's first check of a payment, after five seconds; a busy machine takes
# much longer.
WAIT_SECONDS: Final = 60.0
# Small compared with the tens of milliseconds until an event is replicated.
POLL_SECONDS: Final = 0.02
# Enough for the whole tour on a busy machine.
LIFETIME: Final = timedelta(minutes=10)
# An order that expires during the tour.
SHORT_LIFETIME: Final = timedelta(seconds=1)
PRICE: Final = Decimal("19.99")
PRICE_MINOR_UNITS: Final = 1999
PARTIAL_REFUND: Final = 500
# No order costs this, so a request with this amount is never charged.
WRONG_AMOUNT: Final = 1


@define
class TourHelpers:
    """The running processes, and what earlier steps stored for later ones."""

    deployment: Deployment
    orders: OrdersService
    payments: PaymentsClient
    bank: Bank
    _orders: dict[str, Order] = field(factory=dict, init=False)
    _replies: dict[str, HttpReply] = field(factory=dict, init=False)

    async def _new_order(self, capture: Capture = "automatic") -> Order:
        order = await self.orders.create(CUSTOMER.id, PRICE, LIFETIME, capture)
        await self._wait_for_reply(order.id, is_replicated)
        return order

    async def _paid_order(self) -> tuple[Order, str]:
        order = await self._new_order()
        reply = await self.payments.pay(order.id, "tok_visa")
        await self._wait_for_status(order.id, "complete")
        return order, str(reply.body["id"])

    async def _wait_for_refund(self, order_id: str) -> str:
        body = (await self._wait_for_event(order_id, PAYMENT_REFUNDED)).body
        return f"refunded {body['amount']} {body['currency']}"

    async def _wait_for_event(self, order_id: str, subject: str) -> ReceivedEvent:
        events = await self._wait_for(lambda projection: projection.events_of(order_id, subject))
        return events[0]

    def _status_of(self, order_id: str) -> str:
        order = self.orders.projection.find(order_id)
        return order.status if order else "unknown"

    async def _wait_for(self, condition: Callable[[OrderProjection], Found | None]) -> Found:
        return await self.orders.wait_for(condition, WAIT_SECONDS)

    async def _wait_for_status(self, order_id: str, status: str) -> Order:
        def condition(projection: OrderProjection) -> Order | None:
            order = projection.find(order_id)
            return order if order and order.status == status else None

        return await self._wait_for(condition)

    async def _wait_for_reply(self, order_id: str, accept: Callable[[HttpReply], bool]) -> None:
        """Send payments with a wrong amount, which never succeed, until the reply is accepted."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                reply = await self.payments.pay(order_id, "tok_visa", amount=WRONG_AMOUNT)
                if accept(reply):
                    return
                await asyncio.sleep(POLL_SECONDS)


def is_replicated(reply: HttpReply) -> bool:
    """Whether the service knows the order."""
    return reply.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)


def status_of(reply: HttpReply) -> str:
    """Return the status of the reply, and of the payment in it."""
    status = reply.body.get("status")
    # In an RFC 9457 problem this field repeats the number; in a payment it is a text.
    return f"{reply.status} {status}" if isinstance(status, str) else str(reply.status)
