"""What a payment gateway promises about refunds that are settled later, as tests."""
# ruff: noqa: D102, S101 - these are tests

import pytest

from domain.outcome import Charged
from domain.payment import Payment
from domain.refund import Refund, Refunded, RefundFailed, RefundPending
from payments_kit.conformance.harness import SettlingRefundHarness
from payments_kit.conformance.samples import a_refund, payment_for


@pytest.mark.asyncio
class SettlingRefundContract:
    """What a gateway promises that accepts refunds at once and settles them later."""

    async def test_a_refund_that_is_not_settled_is_pending(
        self, harness: SettlingRefundHarness
    ) -> None:
        payment, refund, pending = await _pending(harness)
        assert await harness.gateway.find_refund(payment, refund) == pending
        assert await harness.gateway.refund(payment, refund) == pending
        assert await harness.refunded_amount(payment) == 400

    async def test_a_refund_that_is_settled_has_succeeded(
        self, harness: SettlingRefundHarness
    ) -> None:
        payment, refund, pending = await _pending(harness)
        await harness.settle_refund(payment, refund, succeeded=True)
        found = await harness.gateway.find_refund(payment, refund)
        assert found == Refunded(pending.reference, refund.amount)

    async def test_a_refund_that_the_bank_returns_has_failed(
        self, harness: SettlingRefundHarness
    ) -> None:
        payment, refund, pending = await _pending(harness)
        await harness.settle_refund(payment, refund, succeeded=False)
        found = await harness.gateway.find_refund(payment, refund)
        assert isinstance(found, RefundFailed)
        assert found.code
        assert found.reference == pending.reference
        assert await harness.refunded_amount(payment) == 0


async def _pending(harness: SettlingRefundHarness) -> tuple[Payment, Refund, RefundPending]:
    payment = payment_for(harness, 1000)
    token = getattr(harness, "settling_token", harness.succeeding_token)
    charged = await harness.gateway.charge(payment, token)
    assert isinstance(charged, Charged), f"a good card was not charged: {charged}"
    refund = a_refund(payment, charged, 400)
    outcome = await harness.gateway.refund(payment, refund)
    assert isinstance(outcome, RefundPending), f"a refund that is not settled is {outcome}"
    return payment, refund, outcome
