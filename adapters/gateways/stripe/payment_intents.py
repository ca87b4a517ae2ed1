"""The PaymentIntents API; https://docs.stripe.com/api/payment_intents."""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from attrs import frozen

from adapters.gateways.stripe.amounts import to_stripe
from adapters.gateways.stripe.client import StripeApi, TimeLeft, querying, time_left, together
from adapters.gateways.stripe.errors import IdempotencyKeyInUse, RequestRefused, StoredError
from adapters.gateways.stripe.history import list_charges
from adapters.gateways.stripe.labels import GATEWAY, labels
from adapters.gateways.stripe.lookup import charge_outcome, list_objects, search_objects
from adapters.gateways.stripe.objects import (
    Json,
    is_pending,
    nested,
    outcome_of_intent,
    text,
)
from adapters.gateways.stripe.refunds import StripeRefunds
from adapters.gateways.stripe.refusals import outcome_of_refusal, unsupported_amount
from adapters.gateways.stripe.statuses import Progress, intent_progress
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged, Declined, Outcome, Pending, Refused, RequiresAction
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome, ReportedRefund

# What the conversion of a token leaves of its call: enough to open a connection (3 s) and to send
# the intent. If Stripe's reply to the intent then takes too long, recovery finds the outcome.
_SEND_SECONDS: Final = 3.5

# How long cancelling the intent of a declined card may take: its outcome is known already.
_CANCEL_SECONDS: Final = 2.5

# Stripe's test tokens, which may be used any number of times: words in camelCase, such as
# `tok_visa` and `tok_threeDSecure2Required` (https://docs.stripe.com/testing#cards). The names of
# real tokens are random and contain more than one digit.
_TEST_TOKEN: Final = re.compile(r"tok_(?=\D*\d?\D*$)[a-z][A-Za-z_0-9]*")

_PATH: Final = "/v1/payment_intents"
_CHARGES: Final = "/v1/charges"
_MISSING: Final = "resource_missing"  # https://docs.stripe.com/error-codes#resource-missing
_EXPANDED: Final = ["latest_charge"]
_EXPANDED_IN_LIST: Final = ["data.latest_charge"]


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
            return unsupported_amount(payment.amount)
        left = time_left()
        try:
            method = await self._method(payment, token, left)
            intent = await self.api.post(
                _PATH,
                within=left(),
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
            return await self._failed(refused, left)
        return outcome_of_intent(intent)

    async def find(self, payment: Payment) -> Outcome | None:
        return await self._find(payment, cancel=False)

    async def cancel(self, payment: Payment) -> Outcome | None:
        return await self._find(payment, cancel=True)

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        return await StripeRefunds(self.api).refund(payment, refund)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        return await StripeRefunds(self.api).find(refund)

    async def list_refunds(self, payment: Payment) -> Sequence[ReportedRefund]:
        return await StripeRefunds(self.api).all_of(payment)

    async def list_charges(
        self, since: datetime, until: datetime
    ) -> Sequence[ListedCharge | UnreadableCharge]:
        return await list_charges(self.api, since, until)

    async def check(self) -> None:
        """Check that Stripe accepts our API key, and that the key may read what recovery needs.

        Raises:
            OutcomeUnknown: it does not, or cannot be reached; in one line.
        """
        await self.api.check(_PATH, _CHARGES, "/v1/refunds")

    async def close(self) -> None:
        """Close the connections."""
        await self.api.close()

    # --- charging ------------------------------------------------------------------------------

    async def _method(self, payment: Payment, token: CardToken, left: TimeLeft) -> str:
        """Return the payment method to charge; a `tok_…` is converted to one first.

        A token can be converted once. The key depends on the token alone, so that the customer may
        send the same request again after any failure, and gets the same method. No charge was sent,
        so that nothing was captured, whatever fails.
        """
        if token.value.startswith("pm_"):
            return token.value
        key = self._token_key(payment, token)
        try:
            try:
                return await self._convert(token, key, left)
            except StoredError:
                # Stripe repeats this error for a day: if the token is still unused, another key
                # helps, and otherwise Stripe says so.
                return await self._convert(token, f"{payment.id}:method", left)
        except OutcomeUnknown as unknown:
            if isinstance(unknown, IdempotencyKeyInUse) and key.startswith(payment.id):
                raise  # another request charges this very payment
            raise GatewayUnavailable(f"before any charge: {unknown}") from None

    async def _convert(self, token: CardToken, key: str, left: TimeLeft) -> str:
        method = await self.api.post(
            "/v1/payment_methods",
            within=left() - _SEND_SECONDS,
            key=key,
            type="card",
            card={"token": token.value},
        )
        return text(method, "id")

    def _token_key(self, payment: Payment, token: CardToken) -> str:
        """Return the key of a conversion; a test token is converted again for every payment."""
        if not self.livemode and _TEST_TOKEN.fullmatch(token.value):
            return f"{payment.id}:method"
        return f"method:{hashlib.sha256(token.value.encode(errors='replace')).hexdigest()}"

    async def _failed(self, refused: RequestRefused, left: TimeLeft) -> Declined | Refused:
        """Return the outcome, after cancelling the intent so that no other card is used for it.

        If the intent cannot be cancelled, the payment has still failed: continuing it needs the
        client secret, which is never given out for such an intent.
        """
        intent = nested(refused.error.body, "payment_intent").get("id")
        if not isinstance(intent, str):
            return outcome_of_refusal(refused.error)
        with suppress(RequestRefused, GatewayUnavailable, OutcomeUnknown):
            within = min(_CANCEL_SECONDS, left())
            await self.api.post(f"{_PATH}/{intent}/cancel", within=within)
        return outcome_of_refusal(refused.error, intent)

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
            intents = await list_objects(self.api, payment, _PATH, expand=_EXPANDED_IN_LIST)
            if not intents:
                # The payment may have been sent as a charge, before the shop changed to intents.
                intents, listed, found = await together(
                    search_objects(self.api, payment, _PATH, expand=_EXPANDED_IN_LIST),
                    list_objects(self.api, payment, _CHARGES),
                    search_objects(self.api, payment, _CHARGES),
                )
                if not intents:
                    return charge_outcome(listed or found)
            outcomes = [await self._resolve(each, cancel=cancel) for each in intents]
            for preferred in (Charged, Pending, RequiresAction):
                for outcome in outcomes:
                    if isinstance(outcome, preferred):
                        return outcome
            return outcomes[0]

    async def _resolve(self, intent: Json, *, cancel: bool) -> Outcome:
        """Return an intent's outcome; cancel the intent first if it only waits for another card."""
        progress = intent_progress(text(intent, "status"))
        is_waiting = progress is Progress.WAITING_FOR_CUSTOMER or is_pending(intent)
        if progress is Progress.WAITING_FOR_CARD or (cancel and is_waiting):
            return await self._cancel(text(intent, "id"))
        return outcome_of_intent(intent)

    async def _cancel(self, reference: str) -> Outcome:
        """Cancel an intent; if it was charged or cancelled meanwhile, return that outcome.

        In the status `processing` it can be cancelled in rare cases only
        (https://docs.stripe.com/api/payment_intents/cancel); then it stays pending.
        """
        try:
            intent = await self.api.post(
                f"{_PATH}/{reference}/cancel", within=_CANCEL_SECONDS, expand=_EXPANDED
            )
        except RequestRefused:
            intent = await self._read(reference)
        outcome = outcome_of_intent(intent)
        if isinstance(outcome, RequiresAction):
            raise OutcomeUnknown("Stripe did not cancel the payment intent")
        return outcome

    async def _read(self, reference: str) -> Json:
        return await self.api.get(f"{_PATH}/{reference}", expand=_EXPANDED)
