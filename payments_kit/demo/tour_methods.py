"""The steps of the tour about the ways to pay that are no plain card."""

from typing import Final

from payments_kit.demo.gateway_choice import FAKE
from payments_kit.demo.order_events import (
    PAYMENT_CREATED,
    PAYMENT_FAILED,
    PAYMENT_PENDING,
    PAYMENT_VOIDED,
)
from payments_kit.demo.order_projection import Order
from payments_kit.demo.payments_client import CUSTOMER, HttpReply
from payments_kit.demo.tour_helpers import TourHelpers, status_of

# Where the tour's customers would come back to; nobody visits it.
SHOP: Final = "https://shop.example"


class MethodSteps(TourHelpers):
    """Steps with wallets, a bank's page, debits, vouchers and authorizations."""

    async def pay_with_wallet(self) -> str:
        """Pay with a wallet."""
        order = await self._new_order()
        return status_of(await self.payments.pay(order.id, "pm_applePay"))

    async def approve_first(self) -> str:
        """Approve at a wallet, then pay with what was approved."""
        order = await self._new_order()
        session = await self.payments.open_session(order.id, FAKE, f"{SHOP}/back", f"{SHOP}/left")
        token = str(session.body["token"])
        await self.bank.approve(token)
        return f"{status_of(session)}, then {status_of(await self.payments.pay(order.id, token))}"

    # --- a bank's page -------------------------------------------------------------------------

    async def pay_at_bank(self) -> str:
        """Choose a method that leads to the bank's page."""
        order, reply = await self._start("bank", "pm_ideal", returnUrl=f"{SHOP}/orders")
        self._orders["bank"] = order
        return f"{status_of(reply)}: {_action(reply)}"

    async def approve_at_bank(self) -> str:
        """Approve on the bank's page, and never come back to the shop."""
        await self.bank.decide(self._payment_id("bank"), approved=True)
        order = await self._wait_for_status(self._orders["bank"].id, "complete")
        return f"order {order.status}"

    async def decline_at_bank(self) -> str:
        """Decline on the bank's page, and pay with a card."""
        order, _ = await self._start("declined there", "pm_ideal", returnUrl=f"{SHOP}/orders")
        await self.bank.decide(self._payment_id("declined there"), approved=False)
        failed = await self._wait_for_event(order.id, PAYMENT_FAILED)
        return f"{failed.subject}, then {status_of(await self.payments.pay(order.id, 'tok_visa'))}"

    async def return_elsewhere(self) -> str:
        """Try to have the customer sent back to another shop."""
        order = await self._new_order()
        elsewhere = "https://elsewhere.example/"
        return status_of(await self.payments.pay(order.id, "pm_ideal", returnUrl=elsewhere))

    # --- money that comes later ----------------------------------------------------------------

    async def pay_by_debit(self) -> str:
        """Pay from a bank account."""
        order, reply = await self._start("debit", "pm_usBankAccount_processing")
        self._orders["debit"] = order
        pending = await self._wait_for_event(order.id, PAYMENT_PENDING)
        return f"{status_of(reply)}, {pending.subject}"

    async def settle_debit(self) -> str:
        """Have the bank pay the debit."""
        await self.bank.decide(self._payment_id("debit"), approved=True)
        order = await self._wait_for_status(self._orders["debit"].id, "complete")
        return f"order {order.status}"

    async def fail_debit(self) -> str:
        """Have the bank reject a debit, and pay with a card."""
        order, _ = await self._start("rejected debit", "pm_usBankAccount_processing")
        await self.bank.decide(self._payment_id("rejected debit"), approved=False)
        failed = await self._wait_for_event(order.id, PAYMENT_FAILED)
        return f"{failed.subject}, then {status_of(await self.payments.pay(order.id, 'tok_visa'))}"

    async def pay_with_voucher(self) -> str:
        """Get a voucher, and pay it."""
        order, reply = await self._start("voucher", "pm_voucher")
        await self.bank.decide(self._payment_id("voucher"), approved=True)
        complete = await self._wait_for_status(order.id, "complete")
        return f"{status_of(reply)}: {_action(reply)}, order {complete.status}"

    async def cancel_open(self) -> str:
        """Cancel a payment that waits for its customer, and use another card."""
        order, _ = await self._start("given up", "tok_threeDSecure2Required")
        cancelled = await self.payments.cancel(self._payment_id("given up"))
        paid = await self.payments.pay(order.id, "tok_mastercard")
        return f"{status_of(cancelled)}, then {status_of(paid)}"

    # --- authorize now, capture later ----------------------------------------------------------

    async def authorize(self) -> str:
        """Pay for an order whose money is captured when it ships."""
        self._orders["shipped"] = order = await self._new_order("manual")
        reply = await self.payments.pay(order.id, "tok_visa")
        authorized = await self._wait_for_status(order.id, "authorized")
        return f"{status_of(reply)}, order {authorized.status}"

    async def ship(self) -> str:
        """Ship that order, which captures the money."""
        order = await self.orders.ship(self._orders["shipped"].id)
        captured = (await self._wait_for_event(order.id, PAYMENT_CREATED)).body
        complete = await self._wait_for_status(order.id, "complete")
        return f"captured {captured['amount']} {captured['currency']}, order {complete.status}"

    async def cancel_authorized(self) -> str:
        """Cancel an order whose money is held, which releases it."""
        order, _ = await self._authorized_order("cancelled")
        await self.orders.cancel(order.id)
        return f"{await self._wait_for_void(order.id)}, order {self._status_of(order.id)}"

    async def void(self) -> str:
        """Release the held money as the operator, after which the order can be paid again."""
        order, _ = await self._authorized_order("void")
        await self.payments.void(self._payment_id("void"))
        voided = await self._wait_for_void(order.id)
        return f"{voided}, then {status_of(await self.payments.pay(order.id, 'tok_visa'))}"

    # --- helpers -------------------------------------------------------------------------------

    async def _start(self, name: str, token: str, **fields: str) -> tuple[Order, HttpReply]:
        order = await self._new_order()
        reply = self._replies[name] = await self.payments.pay(order.id, token, CUSTOMER, **fields)
        return order, reply

    async def _authorized_order(self, name: str) -> tuple[Order, HttpReply]:
        order = await self._new_order("manual")
        reply = self._replies[name] = await self.payments.pay(order.id, "tok_visa")
        await self._wait_for_status(order.id, "authorized")
        return order, reply

    def _payment_id(self, name: str) -> str:
        return str(self._replies[name].body["id"])

    async def _wait_for_void(self, order_id: str) -> str:
        body = (await self._wait_for_event(order_id, PAYMENT_VOIDED)).body
        return f"released {body['amount']} {body['currency']}"


def _action(reply: HttpReply) -> str:
    action = reply.body.get("nextAction")
    return str(action.get("type")) if isinstance(action, dict) else "no action"
