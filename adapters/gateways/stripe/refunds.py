"""Refunds through Stripe; https://docs.stripe.com/refunds."""

from typing import Final

from attrs import frozen

from adapters.gateways.stripe.amounts import to_stripe
from adapters.gateways.stripe.client import StripeApi, bounded, querying
from adapters.gateways.stripe.errors import RequestRefused, StoredError
from adapters.gateways.stripe.labels import label, names, refund_labels
from adapters.gateways.stripe.objects import Json, amount, is_release, outcome_of_refund, text
from domain.identifiers import ChargeId, RefundId
from domain.payment import Payment
from domain.refund import Refund, RefundFailed, RefundOutcome, ReportedRefund

# What a refund leaves of its call for listing the charge's refunds, if that is needed. If it is
# too short for that, recovery finds the outcome.
_LIST_SECONDS: Final = 3.0


@frozen
class StripeRefunds:
    """Refunds charges that were made with either API."""

    api: StripeApi

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Refund a charge, at most once for each key; see the port's `refund`."""
        minor_units = to_stripe(refund.amount)
        if minor_units is None:
            return RefundFailed("amount_not_supported")
        async with bounded() as left:
            try:
                created = await self.api.post(
                    "/v1/refunds",
                    within=left() - _LIST_SECONDS,
                    key=refund.key,
                    charge=refund.charge_id,
                    amount=minor_units,
                    metadata=names(payment) | refund_labels(refund),
                )
            except RequestRefused as refused:
                if refused.code != "charge_already_refunded":
                    return RefundFailed(refused.code)
                found = _existing(await self._list(refund.charge_id), refund)
                return found or RefundFailed(refused.code)
            except StoredError:
                # This key never gets another reply. If the list has no refund with it, the attempt
                # has failed, and the next one uses a new key.
                found = _by_key(await self._list(refund.charge_id), refund)
                return found or RefundFailed("gateway_error")
            return outcome_of_refund(created)

    async def find(self, refund: Refund) -> RefundOutcome | None:
        """Return the outcome of a refund; see the port's `find_refund`."""
        async with querying():
            refunds = await self._list(refund.charge_id)
            if refund.reference is None:
                return _by_key(refunds, refund)
            matching = (each for each in refunds if each.get("id") == refund.reference)
            return next(map(outcome_of_refund, matching), None)

    async def all_of(self, payment: Payment) -> list[ReportedRefund]:
        """Return all refunds of a payment's charge; see the port's ListRefunds."""
        if payment.charge_id is None:
            return []
        async with querying():
            refunds = [each for each in await self._list(payment.charge_id) if not is_release(each)]
            if any(label(each, "releases") for each in refunds):
                # What we have released was captured at the same time if it is refunded at all.
                charge = await self.api.get(f"/v1/charges/{payment.charge_id}")
                refunds = refunds if charge.get("captured") is True else []
            return [reported_refund(each) for each in refunds]

    async def _list(self, charge_id: ChargeId) -> list[Json]:
        """Return all refunds of a charge; unlike search, the list API sees every write at once."""
        async with querying():
            return [each async for each in self.api.list("/v1/refunds", charge=charge_id)]


def reported_refund(refund: Json) -> ReportedRefund:
    """Return what Stripe reports about a refund, no matter who has created it.

    Raises:
        Unreadable: it cannot be read.
    """
    refund_id = label(refund, "refund_id")
    return ReportedRefund(
        reference=text(refund, "id"),
        amount=amount(refund, "amount"),
        outcome=outcome_of_refund(refund),
        refund_id=None if refund_id is None else RefundId(refund_id),
        key=label(refund, "refund_key"),
        reason=label(refund, "refund_reason"),
    )


def _by_key(refunds: list[Json], ours: Refund) -> RefundOutcome | None:
    matching = (each for each in refunds if label(each, "refund_key") == ours.key)
    return next(map(outcome_of_refund, matching), None)


def _existing(refunds: list[Json], ours: Refund) -> RefundOutcome | None:
    """Return the outcome of the refund that used the rest of the charge; None if it is not found.

    It is an earlier attempt of this refund, or else an external refund: one without our labels, and
    of the same amount.
    """
    effective = [each for each in refunds if each.get("status") not in ("failed", "canceled")]
    for each in effective:
        if label(each, "refund_id") == ours.id:
            return outcome_of_refund(each)
    for each in effective:
        if label(each, "refund_id") is None and amount(each, "amount") == ours.amount:
            return outcome_of_refund(each)
    return None
