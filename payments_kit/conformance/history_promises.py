"""The promises of a gateway that lists charges or refunds, as tests."""
# ruff: noqa: D102, S101 - these are tests

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import pytest
from attrs import evolve

from application.ports.gateway_history import GatewayHistory, ListedCharge
from domain.money import Money
from domain.payment import Payment
from domain.refund import Refunded, RefundPending, ReportedRefund
from payments_kit.conformance.harness import ChargeListingHarness, RefundListingHarness
from payments_kit.conformance.samples import (
    a_refund,
    as_captured,
    is_accepted,
    paid,
    payment_for,
    refunded,
)

# Much longer than a test takes, and than the clocks differ.
_HOUR: Final = timedelta(hours=1)


@pytest.mark.asyncio
class RefundListContract:
    """The promises of a gateway that lists the refunds of a payment."""

    async def test_a_payment_without_refunds_has_an_empty_list(
        self, harness: RefundListingHarness
    ) -> None:
        payment, charged = await paid(harness)
        assert await self._list(harness, as_captured(payment, charged)) == []

    async def test_a_refund_of_ours_is_listed_with_its_id_and_its_key(
        self, harness: RefundListingHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        outcome = await harness.gateway.refund(payment, refund)
        assert is_accepted(outcome)
        [listed] = await self._list(harness, as_captured(payment, charged))
        assert (listed.reference, listed.outcome) == (outcome.reference, outcome)
        assert refund.is_reported_by(listed)
        # From these labels, a refund that our database has lost becomes ours again.
        assert (listed.refund_id, listed.key) == (refund.id, refund.key)
        assert listed.attempt == refund.attempt

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
        assert external.outcome in (
            Refunded(reference, external.amount),
            RefundPending(reference),
        )
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


@pytest.mark.asyncio
class ChargeListContract:
    """The promises of a gateway that lists the charges of a time."""

    async def test_a_charge_is_listed_right_after_its_reply_with_its_payment(
        self, harness: ChargeListingHarness
    ) -> None:
        since = harness.gateway_time()
        payment = evolve(payment_for(harness), gateway=harness.gateway.name)
        charged = await harness.gateway.charge(payment, harness.succeeding_token)
        listed = await self._of(harness, payment, since)
        assert listed is not None
        assert listed.payment.is_at(harness.gateway.name, harness.gateway.livemode)
        assert listed.outcome == charged
        assert listed.refunded.is_zero
        for name in ("id", "order_id", "user_id", "amount", "livemode", "created_at"):
            assert getattr(listed.payment, name) == getattr(payment, name), name

    async def test_a_listed_charge_says_how_much_of_it_was_refunded(
        self, harness: ChargeListingHarness
    ) -> None:
        since = harness.gateway_time()
        payment, charged = await paid(harness, 1000)
        outcome = await refunded(harness, payment, a_refund(payment, charged, 400))
        listed = await self._of(harness, payment, since)
        assert listed is not None
        assert listed.outcome == charged
        if isinstance(outcome, Refunded):
            assert listed.refunded == Money(400, payment.amount.currency)

    async def test_a_declined_payment_is_not_listed(self, harness: ChargeListingHarness) -> None:
        since, payment = harness.gateway_time(), payment_for(harness)
        await harness.gateway.charge(payment, harness.declined_token)
        assert await self._of(harness, payment, since) is None

    async def test_a_charge_of_another_time_is_not_listed(
        self, harness: ChargeListingHarness
    ) -> None:
        payment, _ = await paid(harness)
        now = harness.gateway_time()
        assert await self._of(harness, payment, now + _HOUR) is None
        assert await self._of(harness, payment, now - 2 * _HOUR, now - _HOUR) is None

    async def test_all_charges_of_a_time_are_listed(self, harness: ChargeListingHarness) -> None:
        since = harness.gateway_time()
        made = await asyncio.gather(*(paid(harness) for _ in range(12)))
        for payment, charged in made:
            listed = await self._of(harness, payment, since)
            assert listed is not None
            assert listed.outcome == charged

    async def _of(
        self,
        harness: ChargeListingHarness,
        payment: Payment,
        since: datetime,
        until: datetime | None = None,
    ) -> ListedCharge | None:
        list_charges = GatewayHistory.of(harness.gateway).list_charges
        assert list_charges is not None, "the adapter has no list_charges"
        listed = await list_charges(since, until or harness.gateway_time() + _HOUR)
        readable = [each for each in listed if isinstance(each, ListedCharge)]
        return next((each for each in readable if each.payment.id == payment.id), None)
