"""Capture and release of what is authorized.

https://developer.paypal.com/docs/api/payments/v2/#authorizations
"""

from datetime import UTC, datetime
from typing import Final

from attrs import frozen

from adapters.gateways.calls import TimeLeft, time_left
from adapters.gateways.paypal.amounts import to_paypal
from adapters.gateways.paypal.charging import Charging
from adapters.gateways.paypal.errors import RequestRefused
from adapters.gateways.paypal.objects import Json, text
from adapters.gateways.paypal.orders import charged_by
from adapters.gateways.paypal.queries import querying
from adapters.gateways.paypal.refusals import Error, Fault, fault_of
from adapters.gateways.paypal.statuses import Progress, capture_progress
from application.ports.payment_gateway import OutcomeUnknown
from domain.capture import CaptureFailed
from domain.outcome import Authorized, Declined, Outcome, Pending
from domain.payment import Payment

PATH: Final = "/v2/payments/authorizations"

# What a capture leaves of its call for reading why it was refused.
_READ_SECONDS: Final = 4.0

EXPIRED: Final = "authorization_expired"
"""PayPal's issue of an authorization that has run out, as a code of ours."""


@frozen
class Authorizations:
    """Captures and releases what the orders of one account hold."""

    charging: Charging

    async def capture(self, payment: Payment) -> Outcome | CaptureFailed:
        """Capture what is requested, and release the rest; see the port's `capture`."""
        requested, held = payment.requested_capture, payment.amount
        amount = None if requested is None else to_paypal(requested)
        if requested is None or amount is None:
            return CaptureFailed("amount_not_supported", f"PayPal cannot capture {requested}")
        if requested.currency != held.currency or requested.exceeds(held):
            # PayPal itself would capture up to 115 %, or 75 USD more
            # (https://developer.paypal.com/docs/api/payments/v2/#authorizations_capture).
            return CaptureFailed("amount_not_authorized", f"only {held} is authorized")
        left = time_left()
        target = payment.charge_id
        if target is None:
            found = await self._read(payment, left)
            if not isinstance(found, Authorized):
                return found
            target = found.charge_id
        body = {"amount": amount, "final_capture": True}
        within = left() - _READ_SECONDS
        try:
            captured = await self.charging.api.post(
                f"{PATH}/{target}/capture", within, payment.capture_key, body
            )
        except RequestRefused as refused:
            return self._refused(refused.error, await self._read(payment, left))
        return self._captured(captured, payment) or await self._read(payment, left)

    async def release(self, payment: Payment, held: Authorized, left: TimeLeft) -> Outcome:
        """Release an authorization; return what has become of the payment. Call it in `querying`.

        PayPal keeps one that has run out as it was.
        """
        refusal = None
        try:
            await self.charging.api.post(f"{PATH}/{held.charge_id}/void", left() - _READ_SECONDS)
        except RequestRefused as refused:
            refusal = refused
        outcome = await self._found(payment, left)
        if not isinstance(outcome, Authorized):
            return outcome
        is_over = refusal is not None and refusal.error.code == EXPIRED
        if is_over or outcome.until <= datetime.now(UTC):
            return Declined(EXPIRED, outcome.reference)
        raise OutcomeUnknown(f"PayPal did not release the authorization: {refusal}")

    def _captured(self, capture: Json, payment: Payment) -> Outcome | None:
        """Return the outcome of the reply to a capture; None if the order must say it."""
        match capture_progress(text(capture, "status")):
            case Progress.SUCCEEDED if payment.reference is not None:
                return charged_by(capture, payment.reference, livemode=self.charging.api.livemode)
            case Progress.WAITING_FOR_MONEY:
                return Pending(payment.reference)
            case _:
                return None

    def _refused(self, error: Error, found: Outcome) -> Outcome | CaptureFailed:
        """Return what a refused capture means, given what PayPal says of the order since."""
        if not isinstance(found, Authorized):
            return found
        if error.code == EXPIRED:
            return Declined(EXPIRED, found.reference)
        if fault_of(error) is Fault.STATE:
            # As if it were captured already, which it is not.
            raise OutcomeUnknown(f"PayPal refused: {error.code}: {error.words}")
        return CaptureFailed(error.code, error.words)

    async def _read(self, payment: Payment, left: TimeLeft) -> Outcome:
        async with querying(left()):
            return await self._found(payment, left)

    async def _found(self, payment: Payment, left: TimeLeft) -> Outcome:
        order = await self.charging.read(payment, left())
        if order is None:
            raise OutcomeUnknown("PayPal has no record of what is authorized")
        return order.outcome(payment)
