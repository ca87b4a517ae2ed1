"""The steps of the tour: each does one thing on the real processes and reports the result."""

import asyncio
from http import HTTPStatus

from payments_kit.demo.order_events import PAYMENT_CREATED, PAYMENT_FAILED
from payments_kit.demo.payments_client import CUSTOMER, OTHER_CUSTOMER
from payments_kit.demo.tour_helpers import (
    LIFETIME,
    PARTIAL_REFUND,
    PRICE,
    SHORT_LIFETIME,
    is_replicated,
    status_of,
)
from payments_kit.demo.tour_methods import MethodSteps


class Tour(MethodSteps):
    """The steps as methods that return a short result; later steps use what earlier ones stored."""

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
        # The service is not notified: recovery finds it.
        await self.bank.decide(str(reply.body["id"]), approved=True, notifies=False)
        return status_of(reply)

    async def pay(self) -> str:
        """Pay with a good card."""
        reply = await self.payments.pay(self._orders["first"].id, "tok_visa")
        self._replies["first"] = reply
        return status_of(reply)

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
        await self._wait_for_event(order.id, PAYMENT_FAILED)
        return f"{reply.status} {reply.error.get('code')}"

    async def pay_after_decline(self) -> str:
        """Pay the same order with another card."""
        return status_of(await self.payments.pay(self._orders["declined"].id, "tok_mastercard"))

    # --- cancellation, expiry, refunds ---------------------------------------------------------

    async def pay_cancelled(self) -> str:
        """Try to pay a cancelled order."""
        order = await self._new_order()
        await self.orders.cancel(order.id)
        await self._wait_for_reply(order.id, lambda reply: "cancel" in str(reply.error).lower())
        return status_of(await self.payments.pay(order.id, "tok_visa"))

    async def cancel_paid(self) -> str:
        """Cancel a paid order, and wait for its refund."""
        order, _ = await self._paid_order()
        await self.orders.cancel(order.id)
        return f"{await self._wait_for_refund(order.id)}, order {self._status_of(order.id)}"

    async def pay_expired(self) -> str:
        """Try to pay an expired order."""
        order = await self._wait_for_status(self._orders["short"].id, "cancelled")
        return status_of(await self.payments.pay(order.id, "tok_visa"))

    async def refund_partly(self) -> str:
        """Refund a part of a payment as the operator."""
        order, payment_id = await self._paid_order()
        reply = await self.payments.refund(payment_id, PARTIAL_REFUND)
        if reply.status >= HTTPStatus.BAD_REQUEST:
            return status_of(reply)
        return f"{await self._wait_for_refund(order.id)}, order {self._status_of(order.id)}"

    # --- errors --------------------------------------------------------------------------------

    async def pay_for_another(self) -> str:
        """Try to pay another customer's order."""
        order = await self.orders.create(OTHER_CUSTOMER.id, PRICE, LIFETIME)
        await self._wait_for_reply(order.id, is_replicated)
        return status_of(await self.payments.pay(order.id, "tok_visa"))

    async def pay_unknown(self) -> str:
        """Try to pay an order that does not exist."""
        return status_of(await self.payments.pay("no-such-order", "tok_visa"))

    async def send_malformed(self) -> str:
        """Send a body that is not JSON."""
        return status_of(await self.payments.send("POST", "/api/payments", b'{"token": tok_visa'))

    # --- outages -------------------------------------------------------------------------------

    async def pay_without_nats(self) -> str:
        """Pay while NATS is stopped."""
        order = self._orders["without NATS"] = await self._new_order()
        await asyncio.to_thread(self.deployment.stop_nats)
        return status_of(await self.payments.pay(order.id, "tok_visa"))

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
