"""What an orders service promises about refunds, as tests."""
# ruff: noqa: D102, S101 - these are tests

import pytest

from payments_kit.orders.promises import Orders
from payments_kit.orders.samples import AMOUNT, SamplePayment

PART = 500
NOT_PAID = ("refunded", "cancelled")
"""What an order may be when all of its money is given back."""


@pytest.mark.asyncio
class RefundContract:
    """What is promised about money that is given back."""

    async def test_an_order_does_not_stay_complete_when_all_is_refunded(
        self, orders: Orders
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), payment.refunded())
        assert await orders.status(payment.order_id) in NOT_PAID

    async def test_a_refunded_order_is_not_completed_by_a_repeated_payment(
        self, orders: Orders
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), payment.refunded(), payment.created())
        assert await orders.status(payment.order_id) in NOT_PAID

    async def test_a_refund_that_arrives_first_counts(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.refunded(), payment.created())
        assert await orders.status(payment.order_id) in NOT_PAID

    async def test_a_refund_of_a_part_leaves_the_order_complete(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), payment.refunded(PART))
        assert await orders.status(payment.order_id) == "complete"

    async def test_refunds_in_parts_are_added_up(self, orders: Orders) -> None:
        payment = await orders.order()
        rest = payment.refunded(AMOUNT - PART, "2")
        await orders.deliver(payment.created(), payment.refunded(PART), rest)
        assert await orders.status(payment.order_id) in NOT_PAID

    async def test_a_repeated_refund_counts_once(self, orders: Orders) -> None:
        payment = await orders.order()
        part = payment.refunded(AMOUNT // 2 + 1)
        await orders.deliver(payment.created(), part, part)
        assert await orders.status(payment.order_id) == "complete"

    async def test_the_refund_of_a_late_payment_changes_nothing(self, orders: Orders) -> None:
        # A charge that came too late is given back without `payment:created`.
        payment = await orders.order()
        late = SamplePayment(payment.order_id)
        await orders.deliver(late.refunded())
        assert await orders.status(payment.order_id) == "created"
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "complete"

    async def test_a_late_payment_s_refund_does_not_undo_the_other_payment(
        self, orders: Orders
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), SamplePayment(payment.order_id).refunded())
        assert await orders.status(payment.order_id) == "complete"

    async def test_a_refund_that_failed_leaves_the_order_complete(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), payment.refund_failed())
        assert await orders.status(payment.order_id) == "complete"
