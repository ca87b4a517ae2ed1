"""What an orders service promises that only some harnesses can observe, as tests."""
# ruff: noqa: D102, S101 - these are tests

import json

import pytest

from payments_kit.orders.checked import CheckedOrders, within_time
from payments_kit.orders.harness import ExpiringHarness, PublishingHarness, ReportingHarness
from payments_kit.orders.samples import Message, SamplePayment


@pytest.mark.asyncio
class ExpiryContract:
    """What is promised about orders whose time to pay is over."""

    async def test_an_unpaid_order_expires_and_is_never_completed(
        self, orders: CheckedOrders[ExpiringHarness]
    ) -> None:
        payment = await orders.order()
        await _expire(orders, payment)
        assert await orders.status(payment.order_id) == "cancelled"
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "cancelled"

    async def test_a_paid_order_does_not_expire(
        self, orders: CheckedOrders[ExpiringHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created())
        await _expire(orders, payment)
        assert await orders.status(payment.order_id) == "complete"

    async def test_an_order_does_not_expire_while_its_money_is_held(
        self, orders: CheckedOrders[ExpiringHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.authorized())
        await _expire(orders, payment)
        assert await orders.status(payment.order_id) == "created"
        await orders.deliver(payment.created())
        assert await orders.status(payment.order_id) == "complete"

    async def test_an_order_does_not_expire_while_its_payment_is_pending(
        self, orders: CheckedOrders[ExpiringHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.pending())
        await _expire(orders, payment)
        assert await orders.status(payment.order_id) == "created"

    async def test_an_order_expires_after_its_money_was_released(
        self, orders: CheckedOrders[ExpiringHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.authorized(), payment.voided())
        await _expire(orders, payment)
        assert await orders.status(payment.order_id) == "cancelled"

    async def test_an_order_expires_after_its_pending_payment_failed(
        self, orders: CheckedOrders[ExpiringHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.failed(), payment.pending())
        await _expire(orders, payment)
        assert await orders.status(payment.order_id) == "cancelled"

    async def test_an_order_expires_after_its_late_money_was_given_back(
        self, orders: CheckedOrders[ExpiringHarness]
    ) -> None:
        # Such a payment is never announced as created.
        payment = await orders.order()
        await orders.deliver(payment.pending(), payment.refunded())
        await _expire(orders, payment)
        assert await orders.status(payment.order_id) == "cancelled"


@pytest.mark.asyncio
class ReportContract:
    """What is promised about the cases that only a person can solve."""

    async def test_an_unreadable_event_is_reported(
        self, orders: CheckedOrders[ReportingHarness]
    ) -> None:
        before = await _reports(orders)
        await orders.offer(Message("payment:created", b"nonsense", "unreadable"))
        assert await _reports(orders) > before

    async def test_an_event_of_an_unknown_order_is_reported(
        self, orders: CheckedOrders[ReportingHarness]
    ) -> None:
        before = await _reports(orders)
        await orders.offer(SamplePayment("no-such-order").created())
        assert await _reports(orders) > before

    async def test_what_an_order_cannot_solve_is_reported_once(
        self, orders: CheckedOrders[ReportingHarness]
    ) -> None:
        payment, other = await orders.order(), await orders.order()
        await orders.deliver(payment.created(), other.authorized())
        for message in (payment.refund_failed(), payment.disputed(), other.voided()):
            before = await _reports(orders)
            await orders.deliver(message, message)
            assert await _reports(orders) == before + 1, message.subject

    async def test_a_second_payment_of_an_order_is_reported(
        self, orders: CheckedOrders[ReportingHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created())
        before = await _reports(orders)
        await orders.deliver(SamplePayment(payment.order_id).created())
        assert await _reports(orders) > before

    async def test_what_is_expected_is_not_reported(
        self, orders: CheckedOrders[ReportingHarness]
    ) -> None:
        payment = await orders.order()
        before = await _reports(orders)
        await orders.deliver(payment.pending(), payment.created(), payment.created())
        assert await _reports(orders) == before


@pytest.mark.asyncio
class PublicationContract:
    """What is promised about the versions in the service's own events."""

    async def test_the_versions_of_an_order_have_no_gap(
        self, orders: CheckedOrders[PublishingHarness]
    ) -> None:
        # The reference service's consumers wait for the version before: a gap stops them for ever.
        payment = await orders.order()
        await orders.deliver(payment.created(), payment.created())
        await orders.cancel(payment.order_id)
        versions = await _versions(orders, payment)
        assert versions == list(range(versions[0], versions[0] + len(versions)))
        assert len(versions) >= 2

    async def test_a_cancellation_is_published_once(
        self, orders: CheckedOrders[PublishingHarness]
    ) -> None:
        payment = await orders.order()
        await orders.cancel(payment.order_id)
        await orders.deliver(payment.created())
        published = await orders.harness.published(payment.order_id)
        subjects = [subject for subject, _ in published]
        assert [each for each in subjects if each.endswith("order:cancelled")] == subjects[-1:]

    async def test_a_repeated_event_publishes_nothing(
        self, orders: CheckedOrders[PublishingHarness]
    ) -> None:
        payment = await orders.order()
        await orders.deliver(payment.created())
        before = await _versions(orders, payment)
        await orders.deliver(payment.created())
        assert await _versions(orders, payment) == before


async def _expire(orders: CheckedOrders[ExpiringHarness], payment: SamplePayment) -> None:
    await within_time("expire_order", orders.harness.expire_order(payment.order_id))


async def _reports(orders: CheckedOrders[ReportingHarness]) -> int:
    return len(await within_time("reports", orders.harness.reports()))


async def _versions(orders: CheckedOrders[PublishingHarness], payment: SamplePayment) -> list[int]:
    published = await within_time("published", orders.harness.published(payment.order_id))
    return [int(json.loads(data)["version"]) for _, data in published]
