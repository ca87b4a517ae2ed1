"""The PaymentIntents API; https://docs.stripe.com/api/payment_intents."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from adapters.gateways.calls import TimeLeft, time_left, together
from adapters.gateways.stripe.amounts import to_stripe
from adapters.gateways.stripe.captures import StripeCaptures
from adapters.gateways.stripe.client import querying
from adapters.gateways.stripe.errors import RequestRefused
from adapters.gateways.stripe.history import list_charges
from adapters.gateways.stripe.intents import outcome_of_intent
from adapters.gateways.stripe.labels import GATEWAY, labels
from adapters.gateways.stripe.lookup import charge_outcome, list_objects, search_objects
from adapters.gateways.stripe.movements import StripeMovements
from adapters.gateways.stripe.objects import nested
from adapters.gateways.stripe.open_intents import (
    CANCEL_SECONDS,
    EXPANDED,
    EXPANDED_IN_LIST,
    PATH,
    OpenIntents,
)
from adapters.gateways.stripe.records import StripeRecords
from adapters.gateways.stripe.refunds import StripeRefunds
from adapters.gateways.stripe.refusals import outcome_of_refusal, unsupported_amount
from adapters.gateways.stripe.tokens import PaymentMethods
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_records import (
    ChargeRecord,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
)
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.capture import CaptureFailed, CaptureMode
from domain.outcome import (
    Authorized,
    Charged,
    Declined,
    Outcome,
    Pending,
    Refused,
    RequiresAction,
)
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome, ReportedRefund

_CHARGES: Final = "/v1/charges"
_MISSING: Final = "resource_missing"  # https://docs.stripe.com/error-codes#resource-missing

# In this order: what is found of a payment that has several intents.
_PREFERRED: Final = (Charged, Authorized, Pending, RequiresAction)

# Without an address to come back to, a method must not redirect; 3-D Secure in Stripe's script
# does not (https://docs.stripe.com/api/payment_intents/create).
_NO_REDIRECTS: Final = {"enabled": True, "allow_redirects": "never"}
_REDIRECTS: Final = {"enabled": True, "allow_redirects": "always"}


@frozen
class StripePaymentIntents(StripeMovements):
    """Creates and confirms one payment intent per payment, in one request."""

    name: str = GATEWAY

    @property
    def livemode(self) -> bool:
        return self.api.livemode

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        amount = to_stripe(payment.amount)
        if amount is None:
            return unsupported_amount(payment.amount)
        left, back = time_left(), token.return_url
        is_manual = payment.capture_mode is CaptureMode.MANUAL
        try:
            method = await self._method(payment, token, left)
            intent = await self.api.post(
                PATH,
                within=left(),
                key=payment.id,
                amount=amount,
                currency=payment.amount.currency.code,
                **method,
                confirm=True,
                capture_method="manual" if is_manual else None,
                automatic_payment_methods=_NO_REDIRECTS if back is None else _REDIRECTS,
                return_url=back,
                metadata=labels(payment),
                expand=EXPANDED,
            )
        except RequestRefused as refused:
            return await self._failed(refused, left)
        return outcome_of_intent(intent)

    async def find(self, payment: Payment) -> Outcome | None:
        return await self._find(payment, cancel=False)

    async def cancel(self, payment: Payment) -> Outcome | None:
        return await self._find(payment, cancel=True)

    async def capture(self, payment: Payment) -> Outcome | CaptureFailed:
        """Capture what is authorized; see application/ports/gateway_captures.py."""
        return await StripeCaptures(self.api).capture(payment, self.find)

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        return await StripeRefunds(self.api).refund(payment, refund)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        return await StripeRefunds(self.api).find(refund)

    async def list_refunds(self, payment: Payment) -> Sequence[ReportedRefund]:
        return await StripeRefunds(self.api).all_of(payment)

    async def list_charges(
        self, since: datetime, until: datetime
    ) -> Sequence[ListedCharge | UnreadableCharge]:
        return await list_charges(self.api, since, until, expand=["data.payment_intent"])

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        return await StripeRecords(self.api, expand=["data.payment_intent"]).charges(period, cursor)

    async def refund_records(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        return await StripeRecords(self.api).refunds(period, cursor)

    async def dispute_records(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
        return await StripeRecords(self.api).disputes(period, cursor)

    async def check(self) -> None:
        """Check that Stripe accepts our API key, and that the key may read what recovery needs.

        Raises:
            OutcomeUnknown: it does not, or cannot be reached; in one line.
        """
        await self.api.check(PATH, _CHARGES, "/v1/refunds", "/v1/disputes")

    async def close(self) -> None:
        """Close the connections."""
        await self.api.close()

    # --- charging ------------------------------------------------------------------------------

    async def _method(
        self, payment: Payment, token: CardToken, left: TimeLeft
    ) -> Mapping[str, Any]:
        """Return the parameter with what to charge; a `tok_…` is converted first."""
        if token.value.startswith("ctoken_"):
            return {"confirmation_token": token.value}
        if token.value.startswith("pm_"):
            return {"payment_method": token.value}
        return {"payment_method": await PaymentMethods(self.api).of_token(payment, token, left)}

    async def _failed(self, refused: RequestRefused, left: TimeLeft) -> Declined | Refused:
        """Return the outcome, after cancelling the intent so that no other card is used for it.

        If the intent cannot be cancelled, the payment has still failed: continuing it needs the
        client secret, which is never given out for such an intent.
        """
        intent = nested(refused.error.body, "payment_intent").get("id")
        if not isinstance(intent, str):
            return outcome_of_refusal(refused.error)
        with suppress(RequestRefused, GatewayUnavailable, OutcomeUnknown):
            within = min(CANCEL_SECONDS, left())
            await self.api.post(f"{PATH}/{intent}/cancel", within=within)
        return outcome_of_refusal(refused.error, intent)

    # --- finding -------------------------------------------------------------------------------

    async def _find(self, payment: Payment, *, cancel: bool) -> Outcome | None:
        opened = OpenIntents(self.api)
        async with querying():
            if payment.reference is not None:
                try:
                    intent = await opened.read(payment.reference)
                except RequestRefused as refused:
                    if refused.code != _MISSING:
                        raise
                else:
                    return await opened.resolve(intent, cancel=cancel)
            intents = await list_objects(self.api, payment, PATH, expand=EXPANDED_IN_LIST)
            if not intents:
                # The payment may have been sent as a charge, before the shop changed to intents.
                intents, listed, found = await together(
                    search_objects(self.api, payment, PATH, expand=EXPANDED_IN_LIST),
                    list_objects(self.api, payment, _CHARGES),
                    search_objects(self.api, payment, _CHARGES),
                )
                if not intents:
                    outcome = charge_outcome(listed or found)
                    return await StripeCaptures(self.api).resolved(payment, outcome, cancel=cancel)
            outcomes = [await opened.resolve(each, cancel=cancel) for each in intents]
            for preferred in _PREFERRED:
                for each in outcomes:
                    if isinstance(each, preferred):
                        return each
            return outcomes[0]
