"""Stripe's PaymentIntents; https://docs.stripe.com/api/payment_intents."""

from contextlib import suppress
from typing import Final

from attrs import frozen

from adapters.gateways.stripe.amounts import to_stripe
from adapters.gateways.stripe.client import StripeApi, bounded, looking
from adapters.gateways.stripe.errors import IdempotencyKeyReused, Refused
from adapters.gateways.stripe.lookup import find_charge, made_for
from adapters.gateways.stripe.objects import (
    Json,
    action_for,
    charged_by,
    declined_by,
    labels,
    part,
    text,
)
from adapters.gateways.stripe.refunds import StripeRefunds
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged, Declined, Outcome, RequiresAction
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome

# Together below the 15 s of a call: nobody is asked for a payment method, a bank is for a charge.
_METHOD_SECONDS: Final = 3.0
_CONFIRM_SECONDS: Final = 9.0
_CANCEL_SECONDS: Final = 2.5

_PATH: Final = "/v1/payment_intents"
_GONE: Final = "resource_missing"  # https://docs.stripe.com/error-codes#resource-missing
_EXPANDED: Final = ["latest_charge"]


@frozen
class StripePaymentIntents:
    """One payment intent a payment, created and confirmed in one request."""

    api: StripeApi
    name: str = "stripe"

    @property
    def livemode(self) -> bool:
        return self.api.livemode

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        amount = to_stripe(payment.amount)
        if amount is None:
            return Declined("amount_not_supported")
        async with bounded():
            try:
                method = await self._method(payment, token)
                intent = await self.api.post(
                    _PATH,
                    within=_CONFIRM_SECONDS,
                    key=payment.id,
                    amount=amount,
                    currency=payment.amount.currency.code,
                    payment_method=method,
                    confirm=True,
                    # A page that the bank redirects to would need a return_url; 3-D Secure by
                    # Stripe's own script does not.
                    automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
                    metadata=labels(payment),
                    expand=_EXPANDED,
                )
            except Refused as refused:
                return await self._declined(refused)
            return _outcome_of(intent)

    async def find(self, payment: Payment) -> Outcome | None:
        return await self._look(payment, call_off=False)

    async def cancel(self, payment: Payment) -> Outcome | None:
        return await self._look(payment, call_off=True)

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        return await StripeRefunds(self.api).refund(payment, refund)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        return await StripeRefunds(self.api).find(refund)

    async def check(self) -> None:
        """Show that Stripe is there and takes our key.

        Raises:
            OutcomeUnknown: it is not, or does not; in one line.
        """
        await self.api.check(_PATH)

    async def close(self) -> None:
        """Close the connections."""
        await self.api.close()

    # --- charging ------------------------------------------------------------------------------

    async def _method(self, payment: Payment, token: CardToken) -> str:
        """The payment method to charge; a `tok_…` is made into one first.

        While that goes wrong no charge has been sent, so whatever happens nothing is taken by this
        call. Only where another request went out under our key do we not know.
        """
        if token.value.startswith("pm_"):
            return token.value
        try:
            method = await self.api.post(
                "/v1/payment_methods",
                within=_METHOD_SECONDS,
                key=f"{payment.id}:method",
                type="card",
                card={"token": token.value},
                metadata=labels(payment),
            )
            return text(method, "id")
        except IdempotencyKeyReused:
            raise
        except OutcomeUnknown as unknown:
            raise GatewayUnavailable(f"before any charge: {unknown}") from None

    async def _declined(self, refused: Refused) -> Declined:
        """A refusal, and its intent closed so that no other card can be put on it.

        If it cannot be closed now, declined is still safe to say: only who knows the client secret
        could go on with the intent, and that of a declined one is given to nobody.
        """
        intent = part(refused.about, "payment_intent").get("id")
        if not isinstance(intent, str):
            return Declined(refused.code)
        with suppress(Refused, GatewayUnavailable, OutcomeUnknown):
            await self.api.post(f"{_PATH}/{intent}/cancel", within=_CANCEL_SECONDS)
        return Declined(refused.code, intent)

    # --- looking -------------------------------------------------------------------------------

    async def _look(self, payment: Payment, *, call_off: bool) -> Outcome | None:
        async with looking():
            if payment.reference is not None:
                try:
                    intent = await self._read(payment.reference)
                except Refused as refused:
                    if refused.code != _GONE:
                        raise
                else:
                    return await self._settled(intent, call_off=call_off)
            intents = await made_for(self.api, payment, _PATH, expand=["data.latest_charge"])
            outcomes = [await self._settled(each, call_off=call_off) for each in intents]
            for kind in (Charged, RequiresAction, Declined):
                for outcome in outcomes:
                    if isinstance(outcome, kind):
                        return outcome
            # Before the shop went over to payment intents, it may have been sent as a charge.
            return await find_charge(self.api, payment)

    async def _settled(self, intent: Json, *, call_off: bool) -> Outcome:
        """What an intent says came of it; one that only waits for another card is closed."""
        status = text(intent, "status")
        waits = status in ("requires_payment_method", "requires_confirmation")
        if waits or (call_off and status == "requires_action"):
            return await self._closed(text(intent, "id"))
        return _outcome_of(intent)

    async def _closed(self, reference: str) -> Outcome:
        """Cancel an intent; one that was charged, or canceled, meanwhile says so itself."""
        try:
            intent = await self.api.post(
                f"{_PATH}/{reference}/cancel", within=_CANCEL_SECONDS, expand=_EXPANDED
            )
        except Refused:
            intent = await self._read(reference)
        outcome = _outcome_of(intent)
        if isinstance(outcome, RequiresAction):
            raise OutcomeUnknown("Stripe did not let the payment intent be canceled")
        return outcome

    async def _read(self, reference: str) -> Json:
        return await self.api.get(f"{_PATH}/{reference}", expand=_EXPANDED)


def _outcome_of(intent: Json) -> Outcome:
    """What an intent says, if it says anything final or asks for the customer.

    Raises:
        OutcomeUnknown: it is still being worked on.
    """
    match text(intent, "status"):
        case "succeeded":
            return charged_by(intent)
        case "requires_action":
            return action_for(intent)
        case "canceled":
            return declined_by(intent)
        case _:
            raise OutcomeUnknown("Stripe is still working on the payment intent")
