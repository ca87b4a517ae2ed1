"""Tillpay for accounts that may authorize now and capture later."""

import uuid
from datetime import datetime

from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.capture import CaptureFailed, CaptureMode
from domain.identifiers import ChargeId
from domain.money import Currency, Money
from domain.outcome import Authorized, Declined, Outcome
from domain.payment import Payment
from tillpay.client import Json, RequestRefused
from tillpay.gateway import TillpayGateway


class CapturingTillpay(TillpayGateway):
    """Holds the money of a payment until it is captured, released, or the hold ends."""

    async def capture(self, payment: Payment) -> Outcome | CaptureFailed:
        """Capture the requested amount; Tillpay releases the rest."""
        amount = payment.requested_capture or payment.amount
        body = {"charge": payment.charge_id, "amount": amount.minor_units}
        try:
            return self._outcome(await self._client.post("/captures", payment.capture_key, body))
        except RequestRefused as refused:
            # It may have been captured or released before: what the gateway has is the outcome.
            found = await self.find(payment)
            if found is None:
                raise OutcomeUnknown("Tillpay has no record of the charge") from None
            is_held = isinstance(found, Authorized)
            return CaptureFailed(refused.code, refused.code) if is_held else found

    async def cancel(self, payment: Payment) -> Outcome | None:
        """Release what is held; what is not held stays as it is."""
        try:
            # A new key each time: a release is harmless, and Tillpay repeats a refused one.
            await self._client.post("/releases", uuid.uuid4().hex, {"label": payment.id})
        except RequestRefused:
            pass
        except GatewayUnavailable as error:
            raise OutcomeUnknown(f"the release failed: {error}") from None
        return await self.find(payment)

    def _request(self, payment: Payment, token: CardToken) -> Json:
        is_manual = payment.capture_mode is CaptureMode.MANUAL
        return {**super()._request(payment, token), "hold": is_manual}

    def _outcome(self, charge: Json) -> Outcome:
        match charge["state"]:
            case "held":
                amount = Money(charge["amount"], Currency.of(charge["currency"]))
                until = datetime.fromisoformat(charge["held_until"])
                return Authorized(ChargeId(charge["id"]), amount, self.livemode, until)
            case "released":
                return Declined("released")
            case _:
                return super()._outcome(charge)
