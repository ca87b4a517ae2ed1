"""The promises of a gateway that lists its records page by page, as tests."""
# ruff: noqa: D102, S101 - these are tests

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

import pytest
from attrs import evolve

from application.ports.gateway_history import ListedCharge
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    RefundNotification,
)
from application.ports.gateway_records import (
    MAX_RECORDS,
    FailedCharge,
    GatewayRecords,
    ListedRefund,
    Page,
    Period,
)
from application.ports.payment_gateway import OutcomeUnknown
from domain.money import Money
from payments_kit.conformance.harness import (
    DisputeListingHarness,
    PendingRecordHarness,
    RecordListingHarness,
    UnreliableRecordHarness,
)
from payments_kit.conformance.samples import a_refund, is_accepted, paid, payment_for

# Much longer than a test takes, and than the clocks differ.
_HOUR: Final = timedelta(hours=1)

Record = TypeVar("Record")


@pytest.mark.asyncio
class RecordListContract:
    """The promises of a gateway that lists its charges and refunds in pages."""

    async def test_a_charge_is_on_a_page_with_its_payment(
        self, harness: RecordListingHarness
    ) -> None:
        period = _now(harness)
        payment = evolve(payment_for(harness), gateway=harness.gateway.name)
        charged = await harness.gateway.charge(payment, harness.succeeding_token)
        [found] = [
            each
            for each in await _charges(harness, period)
            if isinstance(each, ListedCharge) and each.payment.id == payment.id
        ]
        assert found.outcome == charged
        assert found.refunded.is_zero
        for name in ("id", "order_id", "user_id", "amount", "livemode", "created_at"):
            assert getattr(found.payment, name) == getattr(payment, name), name

    async def test_a_charge_on_a_page_says_how_much_was_refunded(
        self, harness: RecordListingHarness
    ) -> None:
        period = _now(harness)
        payment, _ = await paid(harness, 1000)
        await harness.refund_externally(payment, 400)
        [found] = [
            each
            for each in await _charges(harness, period)
            if isinstance(each, ListedCharge) and each.payment.id == payment.id
        ]
        assert found.refunded == Money(400, payment.amount.currency)

    async def test_each_charge_of_a_period_is_on_a_page(
        self, harness: RecordListingHarness
    ) -> None:
        period = _now(harness)
        made = await asyncio.gather(*(paid(harness) for _ in range(12)))
        listed = [
            each.payment.id
            for each in await _charges(harness, period)
            if isinstance(each, ListedCharge)
        ]
        assert {payment.id for payment, _ in made} <= set(listed)

    async def test_a_charge_of_another_period_is_on_no_page(
        self, harness: RecordListingHarness
    ) -> None:
        payment, _ = await paid(harness)
        now = harness.gateway_time()
        for period in (Period(now + _HOUR, now + 2 * _HOUR), Period(now - 2 * _HOUR, now - _HOUR)):
            listed = await _charges(harness, period)
            assert all(
                each.payment.id != payment.id for each in listed if isinstance(each, ListedCharge)
            )

    async def test_a_refund_of_ours_is_on_a_page_as_a_notice_would_report_it(
        self, harness: RecordListingHarness
    ) -> None:
        period = _now(harness)
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        outcome = await harness.gateway.refund(payment, refund)
        assert is_accepted(outcome)
        [found] = [
            each.notification
            for each in await _refunds(harness, period)
            if isinstance(each.notification, RefundNotification)
            and each.notification.payment_id == payment.id
        ]
        assert found.charge_id == charged.charge_id
        assert refund.is_reported_by(found.reported)
        assert (found.reported.refund_id, found.reported.key) == (refund.id, refund.key)

    async def test_a_refund_by_others_is_on_a_page_with_its_charge(
        self, harness: RecordListingHarness
    ) -> None:
        period = _now(harness)
        payment, charged = await paid(harness, 1000)
        reference = await harness.refund_externally(payment, 300)
        [found] = [
            each.notification
            for each in await _refunds(harness, period)
            if isinstance(each.notification, ExternalRefundNotification)
            and each.notification.reported.reference == reference
        ]
        assert found.charge_id == charged.charge_id
        assert found.reported.amount == Money(300, payment.amount.currency)


@pytest.mark.asyncio
class DisputeRecordContract:
    """The promises of a gateway that lists its disputes in pages."""

    async def test_a_dispute_is_on_a_page_with_its_charge(
        self, harness: DisputeListingHarness
    ) -> None:
        period = _now(harness)
        payment, charged = await paid(harness, 1000)
        dispute_id = await harness.open_dispute(payment)
        disputes = GatewayRecords.of(harness.gateway).disputes
        assert disputes is not None, "the adapter has no dispute_records"
        [found] = [
            each.notification
            for each in await _all(disputes, period)
            if isinstance(each.notification, DisputeNotification)
            and each.notification.dispute_id == dispute_id
        ]
        assert found.charge_id == charged.charge_id
        assert found.amount == payment.amount


@pytest.mark.asyncio
class PendingRecordContract:
    """The promises of a gateway that lists payments whose money comes later in pages."""

    async def test_a_charge_whose_money_did_not_come_is_on_a_page_as_failed(
        self, harness: PendingRecordHarness
    ) -> None:
        period = _now(harness)
        payment = payment_for(harness)
        pending = await harness.gateway.charge(payment, harness.pending_token)
        [waiting] = [
            each
            for each in await _charges(harness, period)
            if isinstance(each, ListedCharge) and each.payment.id == payment.id
        ]
        assert waiting.outcome == pending
        await harness.finish_pending(payment, succeeded=False)
        [failed] = [
            each
            for each in await _charges(harness, period)
            if isinstance(each, FailedCharge) and each.payment.id == payment.id
        ]
        assert failed.charge_id


@pytest.mark.asyncio
class UnreliableRecordContract:
    """The promises of a gateway whose records cannot be reached."""

    async def test_records_that_cannot_be_reached_are_unknown(
        self, harness: UnreliableRecordHarness
    ) -> None:
        records, period = GatewayRecords.of(harness.unreachable), _now(harness)
        for pages in (records.charges, records.refunds):
            assert pages is not None
            with pytest.raises(OutcomeUnknown):
                await pages(period, None)


def _now(harness: RecordListingHarness | UnreliableRecordHarness) -> Period:
    now: datetime = harness.gateway_time()
    return Period(now, now + _HOUR)


async def _charges(harness: RecordListingHarness, period: Period) -> Sequence[object]:
    pages = GatewayRecords.of(harness.gateway).charges
    assert pages is not None, "the adapter has no charge_records"
    return await _all(pages, period)


async def _refunds(harness: RecordListingHarness, period: Period) -> Sequence[ListedRefund]:
    pages = GatewayRecords.of(harness.gateway).refunds
    assert pages is not None, "the adapter has no refund_records"
    return await _all(pages, period)


async def _all(
    pages: Callable[[Period, str | None], Awaitable[Page[Record]]], period: Period
) -> list[Record]:
    """Return the records of all pages; each is asked for twice, as after a failure."""
    found: list[Record] = []
    cursor: str | None = None
    while True:
        page, again = await pages(period, cursor), await pages(period, cursor)
        assert len(page.records) <= MAX_RECORDS
        assert len(again.records) >= len(page.records)
        found += page.records
        if page.cursor is None:
            return found
        cursor = page.cursor
