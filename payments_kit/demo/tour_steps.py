"""The steps of the tour: each does one thing on the real processes and reports the result."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Final, TypeVar

from attrs import define, field

from payments_kit.demo.deployment import Deployment
from payments_kit.demo.order_events import PAYMENT_CREATED, PAYMENT_FAILED, PAYMENT_REFUNDED
from payments_kit.demo.order_projection import Order, OrderProjection
from payments_kit.demo.orders_service import OrdersService
from payments_kit.demo.payments_client import (
    CUSTOMER,
    OTHER_CUSTOMER,
    HttpReply,
    PaymentsClient,
)
from payments_kit.demo.web import Authenticate

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
class Tour:
    """The steps as methods that return a short result; later steps use what earlier ones stored."""

    deployment: Deployment
    orders: OrdersService
    payments: PaymentsClient
    authenticate: Authenticate
    _orders: dict[str, Order] = field(factory=dict, init=False)
    _replies: dict[str, HttpReply] = field(factory=dict, init=False)

    # --- payments ------------------------------------------------------------------------------

    async def create(self) -> str:
        """Create orders, which reach the service over NATS."""
        self._orders["first"] = await self._new_order()
        # Two orders that later steps need at a certain age.
        self._orders["short"] = await self.orders.create(CUSTOMER.id, PRICE, SHORT_LIFETIME)
        self._orders["3-D Secure"] = await self._new_order()
        return "replicated"

    async def pay_with_authentication(self) -> str:
        """Pay with a card that needs authentication, and authenticate."""
        order = self._orders["3-D Secure"]
        reply = await self.payments.pay(order.id, "tok_threeDSecure2Required")
        self._replies["3-D Secure"] = reply
        await self.authenticate(str(reply.body["id"]), True)
        return _status(reply)

    async def pay(self) -> str:
        """Pay with a good card."""
        reply = await self.payments.pay(self._orders["first"].id, "tok_visa")
        self._replies["first"] = reply
        return _status(reply)

    async def complete(self) -> str:
        """Wait until the orders service has received the payment."""
        order = await self._wait_for_status(self._orders["first"].id, "complete")
        return f"order {order.status}"

    async def compare_event(self) -> str:
        """Compare the fields of `payment:created` with the payment, and count its events."""
        order, reply = self._orders["first"], self._replies["first"]
        events = self.orders.projection.events_of(order.id, PAYMENT_CREATED)
        expected = {
            "id": reply.body["id"],
            "orderId": order.id,
            "stripeId": reply.body["stripeId"],
        }
        equal = [name for name, value in expected.items() if value == events[0].body.get(name)]
        return f"{len(events)} event: {', '.join(equal)}"

    async def pay_again(self) -> str:
        """Try to pay a paid order."""
        reply = await self.payments.pay(self._orders["first"].id, "tok_visa")
        payment_id = reply.body.get("payment", {}).get("id")
        same = "the same" if payment_id == self._replies["first"].body["id"] else "another"
        return f"{reply.status} with {same} payment"

    async def decline(self) -> str:
        """Pay with a card that is declined, and wait for `payment:failed`."""
        order = self._orders["declined"] = await self._new_order()
        reply = await self.payments.pay(order.id, "tok_chargeDeclinedInsufficientFunds")
        await self._wait_for(lambda projection: projection.events_of(order.id, PAYMENT_FAILED))
        return f"{reply.status} {reply.error.get('code')}"

    async def pay_after_decline(self) -> str:
        """Pay the same order with another card."""
        return _status(await self.payments.pay(self._orders["declined"].id, "tok_mastercard"))

    # --- cancellation, expiry, refunds ---------------------------------------------------------

    async def pay_cancelled(self) -> str:
        """Try to pay a cancelled order."""
        order = await self._new_order()
        await self.orders.cancel(order.id)
        await self._wait_for_reply(order.id, lambda reply: "cancel" in str(reply.error).lower())
        return _status(await self.payments.pay(order.id, "tok_visa"))

    async def cancel_paid(self) -> str:
        """Cancel a paid order, and wait for its refund."""
        order, _ = await self._paid_order()
        await self.orders.cancel(order.id)
        return f"{await self._wait_for_refund(order.id)}, order {self._status_of(order.id)}"

    async def pay_expired(self) -> str:
        """Try to pay an expired order."""
        order = await self._wait_for_status(self._orders["short"].id, "cancelled")
        return _status(await self.payments.pay(order.id, "tok_visa"))

    async def refund_partly(self) -> str:
        """Refund a part of a payment as the operator."""
        order, payment_id = await self._paid_order()
        reply = await self.payments.refund(payment_id, PARTIAL_REFUND)
        if reply.status >= HTTPStatus.BAD_REQUEST:
            return _status(reply)
        return f"{await self._wait_for_refund(order.id)}, order {self._status_of(order.id)}"

    # --- errors --------------------------------------------------------------------------------

    async def pay_for_another(self) -> str:
        """Try to pay another customer's order."""
        order = await self.orders.create(OTHER_CUSTOMER.id, PRICE, LIFETIME)
        await self._wait_for_reply(order.id, _is_replicated)
        return _status(await self.payments.pay(order.id, "tok_visa"))

    async def pay_unknown(self) -> str:
        """Try to pay an order that does not exist."""
        return _status(await self.payments.pay("no-such-order", "tok_visa"))

    async def send_malformed(self) -> str:
        """Send a body that is not JSON."""
        return _status(await self.payments.send("POST", "/api/payments", b'{"token": tok_visa'))

    # --- outages -------------------------------------------------------------------------------

    async def pay_without_nats(self) -> str:
        """Pay while NATS is stopped."""
        order = self._orders["without NATS"] = await self._new_order()
        await asyncio.to_thread(self.deployment.stop_nats)
        return _status(await self.payments.pay(order.id, "tok_visa"))

    async def restart_nats(self) -> str:
        """Start NATS again, and wait for the event of that payment."""
        await asyncio.to_thread(self.deployment.start_nats)
        order = await self._wait_for_status(self._orders["without NATS"].id, "complete")
        return f"{PAYMENT_CREATED}, order {order.status}"

    async def finish_authentication(self) -> str:
        """Wait until recovery has found the customer's authentication."""
        order = await self._wait_for_status(self._orders["3-D Secure"].id, "complete")
        reply = await self.payments.get_payment(str(self._replies["3-D Secure"].body["id"]))
        return f"{reply.body['status']}, order {order.status}"

    # --- helpers -------------------------------------------------------------------------------

    async def _new_order(self) -> Order:
        order = await self.orders.create(CUSTOMER.id, PRICE, LIFETIME)
        await self._wait_for_reply(order.id, _is_replicated)
        return order

    async def _paid_order(self) -> tuple[Order, str]:
        order = await self._new_order()
        reply = await self.payments.pay(order.id, "tok_visa")
        await self._wait_for_status(order.id, "complete")
        return order, str(reply.body["id"])

    async def _wait_for_refund(self, order_id: str) -> str:
        events = await self._wait_for(
            lambda projection: projection.events_of(order_id, PAYMENT_REFUNDED)
        )
        body = events[0].body
        return f"refunded {body['amount']} {body['currency']}"

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


def _is_replicated(reply: HttpReply) -> bool:
    return reply.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)


def _status(reply: HttpReply) -> str:
    status = reply.body.get("status")
    # In an RFC 9457 problem this field repeats the number; in a payment it is a text.
    return f"{reply.status} {status}" if isinstance(status, str) else str(reply.status)
