"""What every orders service promises about our events, as tests.

Run them with `pytest --orders`, or subclass the contracts with a fixture `orders`.
refund_promises.py and observed_promises.py have the other contracts.
"""
# ruff: noqa: D102, S101 - these are tests

import asyncio

import pytest

from payments_kit.orders.checked import CheckedOrders
from payments_kit.orders.harness import Harness
from payments_kit.orders.samples import Message, SamplePayment

Orders = CheckedOrders[Harness]

NOT_READABLE = (b"", b"\xff", b"nonsense", b"[]", b'{"id": 1}', b'{"orderId": []}')


@pytest.mark.asyncio
class OrdersContract:
    """What is promised about payments and cancellations."""

    async def test_an_order_is_not_complete_before_it_is_paid(self, orders: Orders) -> None:
        payment = await orders.order()
        assert await orders.status(payment.order_id) == "created"

    async def test_a_payment_completes_its_order_and_no_other(self, orders: Orders) -> None:
        payment, other = await orders.order(), await orders.order()
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "complete"
        assert await orders.status(other.order_id) == "created"

    async def test_the_event_of_the_reference_service_completes_an_order(
        self, orders: Orders
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.event("payment:created", {"stripeId": "ch_1"}))
        assert await orders.status(payment.order_id) == "complete"

    async def test_unknown_fields_are_ignored(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(new={"field": [1, None]}, status="something new"))
        assert await orders.status(payment.order_id) == "complete"

    async def test_a_repeated_payment_changes_nothing(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), payment.created())
        assert await orders.status(payment.order_id) == "complete"

    async def test_a_cancelled_order_is_never_completed(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.cancel(payment.order_id)
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "cancelled"

    async def test_a_payment_that_is_repeated_after_the_cancellation_changes_nothing(
        self, orders: Orders
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created())
        await orders.cancel(payment.order_id)
        assert await orders.status(payment.order_id) == "cancelled"
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "cancelled"

    async def test_another_payment_after_the_cancellation_changes_nothing(
        self, orders: Orders
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created())
        await orders.cancel(payment.order_id)
        await orders.deliver(SamplePayment(payment.order_id).created())
        assert await orders.status(payment.order_id) == "cancelled"

    async def test_a_cancellation_at_the_time_of_the_payment_wins(self, orders: Orders) -> None:
        payment, other = await orders.order(), await orders.order()
        await asyncio.gather(orders.deliver(payment.created()), orders.cancel(payment.order_id))
        await asyncio.gather(orders.cancel(other.order_id), orders.deliver(other.created()))
        assert await orders.status(payment.order_id) == "cancelled"
        assert await orders.status(other.order_id) == "cancelled"

    async def test_nothing_brings_a_cancelled_order_back(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.cancel(payment.order_id)
        for message in every_event(payment):
            await orders.deliver(message)
            assert await orders.status(payment.order_id) == "cancelled", message.subject

    async def test_a_failed_payment_leaves_its_order_payable(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.failed())
        assert await orders.status(payment.order_id) == "created"
        await orders.deliver(SamplePayment(payment.order_id).created())
        assert await orders.status(payment.order_id) == "complete"

    async def test_a_failure_does_not_undo_another_payment(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(SamplePayment(payment.order_id).created(), payment.failed())
        assert await orders.status(payment.order_id) == "complete"

    async def test_money_that_is_not_captured_completes_no_order(self, orders: Orders) -> None:
        payment, other = await orders.order(), await orders.order()
        await orders.deliver(payment.pending(), other.authorized())
        assert await orders.status(payment.order_id) == "created"
        assert await orders.status(other.order_id) == "created"

    async def test_captured_money_completes_its_order(self, orders: Orders) -> None:
        payment, other = await orders.order(), await orders.order()
        await orders.deliver(payment.pending(), payment.created())
        # Events of one order are sent in order; a redelivery may come late.
        await orders.deliver(other.created(), other.authorized())
        assert await orders.status(payment.order_id) == "complete"
        assert await orders.status(other.order_id) == "complete"

    async def test_released_money_completes_no_order(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.authorized(), payment.voided())
        assert await orders.status(payment.order_id) == "created"
        await orders.deliver(SamplePayment(payment.order_id).created())
        assert await orders.status(payment.order_id) == "complete"

    async def test_a_dispute_changes_no_order(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), payment.disputed(), payment.disputed("lost"))
        assert await orders.status(payment.order_id) == "complete"

    async def test_unknown_events_are_acknowledged_and_ignored(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.deliver(payment.event("payment:something_new", payment.charge))
        assert await orders.status(payment.order_id) == "created"

    async def test_an_unreadable_event_stops_nothing(self, orders: Orders) -> None:
        payment = await orders.order()
        for number, data in enumerate(NOT_READABLE):
            await orders.offer(Message("payment:created", data, f"unreadable-{number}"))
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "complete"

    async def test_an_event_of_an_unknown_order_stops_nothing(self, orders: Orders) -> None:
        payment = await orders.order()
        await orders.offer(SamplePayment("no-such-order").created())
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "complete"


def every_event(payment: SamplePayment) -> list[Message]:
    """Return one event of each kind, and the most dangerous one again."""
    return [
        *(payment.pending(), payment.authorized(), payment.created(), payment.created()),
        *(payment.voided(), payment.failed(), payment.refunded(500), payment.refund_failed(500)),
        *(payment.disputed(), payment.refunded(refund="2"), payment.created()),
        payment.event("payment:expiring", {"expiresAt": "2026-11-27T12:00:00Z"}),
    ]
