"""The PaymentIntents API; https://docs.stripe.com/api/payment_intents."""

from contextlib import suppress
from typing import Final

from attrs import frozen

from adapters.gateways.stripe.amounts import to_stripe
from adapters.gateways.stripe.client import StripeApi, bounded, querying
from adapters.gateways.stripe.errors import IdempotencyKeyInUse, RequestRefused
from adapters.gateways.stripe.labels import GATEWAY, labels, names
from adapters.gateways.stripe.lookup import find_charge, find_objects
from adapters.gateways.stripe.objects import (
    Json,
    action_for,
    charged_by,
    declined_by,
    nested,
    text,
)
from adapters.gateways.stripe.refunds import StripeRefunds
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged, Declined, Outcome, RequiresAction
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome

# Together less than the 15 s of a call; only the confirmation waits for a bank.
_METHOD_SECONDS: Final = 3.0
_CONFIRM_SECONDS: Final = 9.0
_CANCEL_SECONDS: Final = 2.5

_PATH: Final = "/v1/payment_intents"
_MISSING: Final = "resource_missing"  # https://docs.stripe.com/error-codes#resource-missing
_EXPANDED: Final = ["latest_charge"]


@frozen
class StripePaymentIntents:
    """Creates and confirms one payment intent per payment, in one request."""

    api: StripeApi
    name: str = GATEWAY

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
                    # Redirects would need a return_url; 3-D Secure in Stripe's script does not.
                    automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
                    metadata=labels(payment),
                    expand=_EXPANDED,
                )
            except RequestRefused as refused:
                return await self._declined(refused)
            return _outcome_of(intent)

    async def find(self, payment: Payment) -> Outcome | None:
        return await self._find(payment, cancel=False)

    async def cancel(self, payment: Payment) -> Outcome | None:
        return await self._find(payment, cancel=True)

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        return await StripeRefunds(self.api).refund(payment, refund)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        return await StripeRefunds(self.api).find(refund)

    async def check(self) -> None:
        """Check that Stripe accepts our API key.

        Raises:
            OutcomeUnknown: it does not, or cannot be reached; in one line.
        """
        await self.api.check(_PATH)

    async def close(self) -> None:
        """Close the connections."""
        await self.api.close()

    # --- charging ------------------------------------------------------------------------------

    async def _method(self, payment: Payment, token: CardToken) -> str:
        """Return the payment method to charge; a `tok_…` is converted to one first.

        If the conversion fails, no charge was sent and nothing was captured. The outcome is unknown
        only if another request has used our key.
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
                metadata=names(payment),
            )
            return text(method, "id")
        except IdempotencyKeyInUse:
            raise
        except OutcomeUnknown as unknown:
            raise GatewayUnavailable(f"before any charge: {unknown}") from None

    async def _declined(self, refused: RequestRefused) -> Declined:
        """Return the decline, after cancelling its intent so that no other card is used for it.

        If the intent cannot be cancelled, the payment is still declined: continuing it needs the
        client secret, which is never given out for a declined intent.
        """
        intent = nested(refused.error, "payment_intent").get("id")
        if not isinstance(intent, str):
            return Declined(refused.code)
        with suppress(RequestRefused, GatewayUnavailable, OutcomeUnknown):
            await self.api.post(f"{_PATH}/{intent}/cancel", within=_CANCEL_SECONDS)
        return Declined(refused.code, intent)

    # --- finding -------------------------------------------------------------------------------

    async def _find(self, payment: Payment, *, cancel: bool) -> Outcome | None:
        async with querying():
            if payment.reference is not None:
                try:
                    intent = await self._read(payment.reference)
                except RequestRefused as refused:
                    if refused.code != _MISSING:
                        raise
                else:
                    return await self._resolve(intent, cancel=cancel)
            intents = await find_objects(self.api, payment, _PATH, expand=["data.latest_charge"])
            outcomes = [await self._resolve(each, cancel=cancel) for each in intents]
            for preferred in (Charged, RequiresAction, Declined):
                for outcome in outcomes:
                    if isinstance(outcome, preferred):
                        return outcome
            # The payment may have been sent as a charge, before the shop changed to intents.
            return await find_charge(self.api, payment)

    async def _resolve(self, intent: Json, *, cancel: bool) -> Outcome:
        """Return an intent's outcome; cancel the intent first if it only waits for another card."""
        status = text(intent, "status")
        waits = status in ("requires_payment_method", "requires_confirmation")
        if waits or (cancel and status == "requires_action"):
            return await self._cancel(text(intent, "id"))
        return _outcome_of(intent)

    async def _cancel(self, reference: str) -> Outcome:
        """Cancel an intent; if it was charged or cancelled meanwhile, return that outcome."""
        try:
            intent = await self.api.post(
                f"{_PATH}/{reference}/cancel", within=_CANCEL_SECONDS, expand=_EXPANDED
            )
        except RequestRefused:
            intent = await self._read(reference)
        outcome = _outcome_of(intent)
        if isinstance(outcome, RequiresAction):
            raise OutcomeUnknown("Stripe did not cancel the payment intent")
        return outcome

    async def _read(self, reference: str) -> Json:
        return await self.api.get(f"{_PATH}/{reference}", expand=_EXPANDED)


def _outcome_of(intent: Json) -> Outcome:
    """Return the outcome of an intent.

    Raises:
        OutcomeUnknown: it is still in progress.
    """
    match text(intent, "status"):
        case "succeeded":
            return charged_by(intent)
        case "requires_action":
            return action_for(intent)
        case "canceled":
            return declined_by(intent)
        case _:
            raise OutcomeUnknown("the payment intent is still in progress at Stripe")
