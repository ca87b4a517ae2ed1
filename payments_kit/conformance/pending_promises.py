"""What a payment gateway promises about payments whose money comes later, as tests."""
# ruff: noqa: D102, S101 - these are tests

from datetime import timedelta
from typing import Final

import pytest
from attrs import evolve

from application.ports.gateway_history import GatewayHistory, ListedCharge
from domain.outcome import Charged, Declined, Pending
from domain.payment import Payment
from payments_kit.conformance.harness import PendingHarness, PendingListHarness
from payments_kit.conformance.samples import payment_for

_HOUR: Final = timedelta(hours=1)


@pytest.mark.asyncio
class PendingContract:
    """What a gateway promises about bank debits and other payments whose money comes later."""

    async def test_a_payment_whose_money_comes_later_is_pending_and_captures_nothing(
        self, harness: PendingHarness
    ) -> None:
        payment, pending = await _pending(harness)
        assert await harness.gateway.find(payment) == pending
        assert await harness.charge_count(payment) == 0

    async def test_a_pending_payment_is_found_without_its_reference(
        self, harness: PendingHarness
    ) -> None:
        payment, pending = await _pending(harness)
        assert await harness.gateway.find(evolve(payment, reference=None)) == pending

    async def test_a_pending_payment_is_charged_when_its_money_comes(
        self, harness: PendingHarness
    ) -> None:
        payment, _ = await _pending(harness)
        await harness.finish_pending(payment, succeeded=True)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged)
        assert found.amount == payment.amount
        assert await harness.charge_count(payment) == 1

    async def test_a_pending_payment_is_declined_when_its_money_does_not_come(
        self, harness: PendingHarness
    ) -> None:
        payment, _ = await _pending(harness)
        await harness.finish_pending(payment, succeeded=False)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Declined)
        assert found.code
        assert await harness.charge_count(payment) == 0

    async def test_cancelling_a_pending_payment_ends_it_or_leaves_it_pending(
        self, harness: PendingHarness
    ) -> None:
        payment, pending = await _pending(harness)
        outcome = await harness.gateway.cancel(payment)
        assert isinstance(outcome, Declined) or outcome == pending
        assert await harness.gateway.find(payment) == outcome
        assert await harness.charge_count(payment) == 0

    async def test_cancelling_after_the_money_came_reports_the_charge(
        self, harness: PendingHarness
    ) -> None:
        payment, _ = await _pending(harness)
        await harness.finish_pending(payment, succeeded=True)
        assert isinstance(await harness.gateway.cancel(payment), Charged)

    async def test_a_repeated_pending_charge_creates_no_second_attempt(
        self, harness: PendingHarness
    ) -> None:
        payment, pending = await _pending(harness)
        assert await harness.gateway.charge(payment, harness.pending_token) == pending
        await harness.finish_pending(payment, succeeded=True)
        assert await harness.charge_count(payment) == 1


@pytest.mark.asyncio
class PendingListContract:
    """What a gateway with `list_charges` promises about payments whose money comes later."""

    async def test_a_pending_charge_is_listed_right_after_its_reply(
        self, harness: PendingListHarness
    ) -> None:
        since = harness.gateway_time()
        payment, pending = await _pending(harness)
        list_charges = GatewayHistory.of(harness.gateway).list_charges
        assert list_charges is not None, "the adapter has no list_charges"
        listed = await list_charges(since, harness.gateway_time() + _HOUR)
        readable = [each for each in listed if isinstance(each, ListedCharge)]
        [found] = [each for each in readable if each.payment.id == payment.id]
        assert found.outcome == pending
        assert found.refunded.is_zero


async def _pending(harness: PendingHarness) -> tuple[Payment, Pending]:
    payment = payment_for(harness)
    outcome = await harness.gateway.charge(payment, harness.pending_token)
    assert isinstance(outcome, Pending)
    return evolve(payment, reference=outcome.reference), outcome
