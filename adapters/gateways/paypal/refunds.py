"""Refunds through PayPal; https://developer.paypal.com/docs/api/payments/v2/#captures_refund."""

from typing import Final

from attrs import frozen

from adapters.gateways.calls import time_left
from adapters.gateways.paypal.amounts import to_paypal
from adapters.gateways.paypal.charging import Charging
from adapters.gateways.paypal.errors import RequestRefused
from adapters.gateways.paypal.labels import labelled_refund, refund_label
from adapters.gateways.paypal.objects import ID, Json, amount, identifier, text
from adapters.gateways.paypal.orders import declined_code
from adapters.gateways.paypal.queries import querying
from adapters.gateways.paypal.statuses import Progress, refund_progress
from application.ports.payment_gateway import OutcomeUnknown
from domain.payment import Payment
from domain.refund import (
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    ReportedRefund,
)

# What a refund leaves of its call for reading the order's refunds, if that is needed. If it is too
# short for that, recovery finds the outcome.
_READ_SECONDS: Final = 3.0


@frozen
class PayPalRefunds:
    """Refunds captures of one account."""

    charging: Charging

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Refund a capture, at most once for each key; see the port's `refund`.

        PayPal knows the key for 45 days (https://developer.paypal.com/api/rest/reference/idempotency/).
        """
        value = to_paypal(refund.amount)
        if value is None:
            return RefundFailed("amount_not_supported")
        left = time_left()
        body = {"amount": value, "custom_id": refund_label(refund)}
        path = f"/v2/payments/captures/{refund.charge_id}/refund"
        try:
            created = await self.charging.api.post(path, left() - _READ_SECONDS, refund.key, body)
        except RequestRefused as refused:
            async with querying(left()):
                found = _by_key(await self._list(payment, left()), refund)
            return found or RefundFailed(refused.error.code)
        return outcome_of_refund(created)

    async def find(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        """Return the outcome of a refund; see the port's `find_refund`."""
        async with querying() as left:
            if refund.reference is None:
                return _by_key(await self._list(payment, left()), refund)
            if not ID.fullmatch(refund.reference):
                return None
            try:
                found = await self.charging.api.get(f"/v2/payments/refunds/{refund.reference}")
            except RequestRefused as refused:
                if refused.error.status == 404:
                    return None
                raise
            return outcome_of_refund(found)

    async def all_of(self, payment: Payment) -> list[ReportedRefund]:
        """Return all refunds of a payment's captures; see the port's ListRefunds."""
        async with querying() as left:
            return [reported_refund(each) for each in await self._list(payment, left())]

    async def _list(self, payment: Payment, within: float) -> list[Json]:
        """Return all refunds of an order, which sees every write at once."""
        if payment.reference is None:
            return []
        order = await self.charging.read_any(payment, within)
        if order is None:
            raise OutcomeUnknown("PayPal has no record of the order that is refunded")
        return order.refunds


def outcome_of_refund(refund: Json) -> RefundOutcome:
    """Return the outcome of a refund.

    Raises:
        Unreadable: it cannot be read.
    """
    reference = identifier(refund)
    match refund_progress(text(refund, "status")):
        case Progress.SUCCEEDED:
            return Refunded(reference, amount(refund))
        case Progress.FAILED:
            return RefundFailed(declined_code(refund), reference)
        case _:
            return RefundPending(reference)


def reported_refund(refund: Json) -> ReportedRefund:
    """Return what PayPal reports about a refund, no matter who has created it.

    Raises:
        Unreadable: it cannot be read.
    """
    labelled = labelled_refund(refund.get("custom_id"))
    refund_id, key = (None, None) if labelled is None else labelled[:2]
    return ReportedRefund(
        reference=identifier(refund),
        amount=amount(refund),
        outcome=outcome_of_refund(refund),
        refund_id=refund_id,
        key=key,
    )


def _by_key(refunds: list[Json], ours: Refund) -> RefundOutcome | None:
    matching = (
        each
        for each in refunds
        if (labelled_refund(each.get("custom_id")) or ("", ""))[1] == ours.key
    )
    return next(map(outcome_of_refund, matching), None)
