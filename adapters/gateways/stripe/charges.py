"""The Charges API, as the reference service used it; https://docs.stripe.com/api/charges."""

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from adapters.gateways.calls import time_left
from adapters.gateways.stripe.amounts import to_stripe
from adapters.gateways.stripe.captures import StripeCaptures
from adapters.gateways.stripe.client import querying
from adapters.gateways.stripe.errors import RequestRefused
from adapters.gateways.stripe.history import list_charges
from adapters.gateways.stripe.labels import GATEWAY, labels
from adapters.gateways.stripe.lookup import find_charge
from adapters.gateways.stripe.movements import StripeMovements
from adapters.gateways.stripe.objects import outcome_of_charge
from adapters.gateways.stripe.records import StripeRecords
from adapters.gateways.stripe.refunds import StripeRefunds
from adapters.gateways.stripe.refusals import outcome_of_refusal, unsupported_amount
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_records import (
    ChargeRecord,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
)
from application.ports.payment_gateway import CardToken
from domain.capture import CaptureFailed, CaptureMode
from domain.outcome import Outcome
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome, ReportedRefund


@frozen
class StripeCharges(StripeMovements):
    """Sends one request per charge; a card that requires 3-D Secure is declined."""

    name: str = GATEWAY

    @property
    def livemode(self) -> bool:
        return self.api.livemode

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        amount = to_stripe(payment.amount)
        if amount is None:
            return unsupported_amount(payment.amount)
        try:
            charge = await self.api.post(
                "/v1/charges",
                within=time_left()(),
                key=payment.id,
                amount=amount,
                currency=payment.amount.currency.code,
                source=token.value,
                capture=False if payment.capture_mode is CaptureMode.MANUAL else None,
                metadata=labels(payment),
            )
        except RequestRefused as refused:
            return outcome_of_refusal(refused.error)
        return outcome_of_charge(charge)

    async def find(self, payment: Payment) -> Outcome | None:
        return await self._find(payment, cancel=False)

    async def cancel(self, payment: Payment) -> Outcome | None:
        # A charge never waits for its customer, but it may be authorized only.
        return await self._find(payment, cancel=True)

    async def _find(self, payment: Payment, *, cancel: bool) -> Outcome | None:
        async with querying():
            outcome = await find_charge(self.api, payment)
            return await StripeCaptures(self.api).resolved(payment, outcome, cancel=cancel)

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
        return await list_charges(self.api, since, until)

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        return await StripeRecords(self.api).charges(period, cursor)

    async def refund_records(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        return await StripeRecords(self.api).refunds(period, cursor)

    async def dispute_records(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
        return await StripeRecords(self.api).disputes(period, cursor)

    async def check(self) -> None:
        """Check that Stripe accepts our API key, and that the key may read what recovery needs.

        Raises:
            OutcomeUnknown: it does not, or cannot be reached; in one line.
        """
        await self.api.check("/v1/charges", "/v1/refunds", "/v1/disputes")

    async def close(self) -> None:
        """Close the connections."""
        await self.api.close()
