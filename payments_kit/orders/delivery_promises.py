"""What an orders service promises about crashes and its deliveries to customers, as tests."""
# ruff: noqa: D102, S101 - these are tests

import asyncio

import pytest

from payments_kit.orders.checked import CheckedOrders, within_time
from payments_kit.orders.harness import (
    CompletingHarness,
    CrashingCompletingHarness,
    CrashingHarness,
)
from payments_kit.orders.samples import Message, SamplePayment


@pytest.mark.asyncio
class CompletionContract:
    """What is promised about the delivery of an order to its customer."""

    async def test_an_order_is_delivered_once(
        self, orders: CheckedOrders[CompletingHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), payment.created(), payment.created())
        assert await _completions(orders, payment) == 1

    async def test_a_payment_is_recognized_under_another_event_id(
        self, orders: CheckedOrders[CompletingHarness]
    ) -> None:
        payment = await orders.order()
        again = payment.created()
        await orders.deliver(again, Message(again.subject, again.data, "another-id"))
        assert await _completions(orders, payment) == 1

    async def test_two_deliveries_at_the_same_time_deliver_an_order_once(
        self, orders: CheckedOrders[CompletingHarness]
    ) -> None:
        payment = await orders.order()
        await asyncio.gather(*(orders.deliver(payment.created()) for _ in range(3)))
        assert await _completions(orders, payment) == 1

    async def test_a_second_payment_does_not_deliver_an_order_again(
        self, orders: CheckedOrders[CompletingHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created(), SamplePayment(payment.order_id).created())
        assert await _completions(orders, payment) == 1

    async def test_an_order_without_captured_money_is_not_delivered(
        self, orders: CheckedOrders[CompletingHarness]
    ) -> None:
        payment, cancelled = await orders.order(), await orders.order()
        await orders.cancel(cancelled.order_id)
        await orders.deliver(payment.authorized(), payment.voided(), cancelled.created())
        assert await _completions(orders, payment) == 0
        assert await _completions(orders, cancelled) == 0


@pytest.mark.asyncio
class CrashContract:
    """What is promised about an event that is delivered again after a crash."""

    async def test_a_payment_that_is_delivered_again_after_a_crash_changes_nothing(
        self, orders: CheckedOrders[CrashingHarness]
    ) -> None:
        payment = await orders.order()
        await _crash(orders, payment.created())
        assert await orders.status(payment.order_id) == "complete"
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "complete"

    async def test_a_cancellation_between_a_crash_and_the_next_delivery_wins(
        self, orders: CheckedOrders[CrashingHarness]
    ) -> None:
        payment = await orders.order()
        await _crash(orders, payment.created())
        await orders.cancel(payment.order_id)
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "cancelled"

    async def test_a_refund_that_is_delivered_again_after_a_crash_counts_once(
        self, orders: CheckedOrders[CrashingHarness]
    ) -> None:
        payment = await orders.order()
        part = payment.refunded(1000)
        await orders.deliver(payment.created())
        await _crash(orders, part)
        await orders.deliver(part)
        assert await orders.status(payment.order_id) == "complete"


@pytest.mark.asyncio
class CompletionCrashContract:
    """The same for the delivery of an order to its customer."""

    async def test_a_crash_does_not_deliver_an_order_twice(
        self, orders: CheckedOrders[CrashingCompletingHarness]
    ) -> None:
        payment = await orders.order()
        await _crash(orders, payment.created())
        await orders.deliver(payment.created())
        assert await _completions(orders, payment) == 1


async def _completions(orders: CheckedOrders[CompletingHarness], payment: SamplePayment) -> int:
    call = orders.harness.completions(payment.order_id)
    return await within_time("completions", call)


async def _crash(orders: CheckedOrders[CrashingHarness], message: Message) -> None:
    call = orders.harness.crash_before_ack(message.subject, message.data, message.event_id)
    await within_time("crash_before_ack", call)
