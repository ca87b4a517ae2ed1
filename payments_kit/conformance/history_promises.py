"""What a payment gateway promises that lists what happened to a payment, as tests."""
# ruff: noqa: D102, S101 - these are tests

from collections.abc import Sequence

import pytest

from application.ports.gateway_history import GatewayHistory
from domain.money import Money
from domain.payment import Payment
from domain.refund import Refunded, ReportedRefund
from payments_kit.conformance.harness import RefundListingHarness
from payments_kit.conformance.samples import a_refund, as_captured, paid


@pytest.mark.asyncio
class RefundListContract:
    """What a gateway promises that lists all refunds of a payment."""

    async def test_a_payment_without_refunds_has_an_empty_list(
        self, harness: RefundListingHarness
    ) -> None:
        payment, charged = await paid(harness)
        assert await self._list(harness, as_captured(payment, charged)) == []

    async def test_a_refund_of_ours_is_listed_with_its_key(
        self, harness: RefundListingHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        refunded = await harness.gateway.refund(payment, refund)
        assert isinstance(refunded, Refunded)
        [listed] = await self._list(harness, as_captured(payment, charged))
        assert (listed.reference, listed.outcome) == (refunded.reference, refunded)
        assert refund.is_reported_by(listed)

    async def test_a_refund_by_others_is_listed_with_its_amount_and_is_none_of_ours(
        self, harness: RefundListingHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        ours = a_refund(payment, charged, 400)
        await harness.gateway.refund(payment, ours)
        reference = await harness.refund_externally(payment, 500)
        listed = await self._list(harness, as_captured(payment, charged))
        [external] = [each for each in listed if each.reference == reference]
        assert external.amount == Money(500, payment.amount.currency)
        assert external.outcome == Refunded(reference, external.amount)
        assert not ours.is_reported_by(external)
        assert len(listed) == 2

    async def test_the_refunds_of_another_payment_are_not_listed(
        self, harness: RefundListingHarness
    ) -> None:
        other, _ = await paid(harness, 1000)
        await harness.refund_externally(other, 500)
        payment, charged = await paid(harness, 1000)
        assert await self._list(harness, as_captured(payment, charged)) == []

    async def _list(
        self, harness: RefundListingHarness, payment: Payment
    ) -> Sequence[ReportedRefund]:
        list_refunds = GatewayHistory.of(harness.gateway).list_refunds
        assert list_refunds is not None, "the adapter has no list_refunds"
        return list(await list_refunds(payment))
