"""The fields of an order as its history has them: their paths, before and after."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import evolve

from domain.capture import CaptureMode
from domain.dispute import Dispute, DisputeStatus
from domain.identifiers import ChargeId, DisputeId, RefundId
from domain.order_changes import changes_of, moment
from domain.order_reviews import ReviewDecision
from domain.refund import Refunded
from tests.builders import (
    NOW,
    ORDER,
    PAYMENT,
    PRICE,
    after,
    charged,
    claimed,
    created_event,
    dollars,
    shipped_event,
)

CHARGE = ChargeId("ch_payment-1")

ORDER_WITH_ALL = evolve(
    claimed(replica=created_event(expires_at=after(hours=1), capture=CaptureMode.AUTOMATIC))
    .settle(PAYMENT, charged(), NOW)
    .apply(shipped_event(minor_units=300), NOW)
    .reserve_refund(RefundId("r1"), PAYMENT, 4000, "damaged", after(minutes=1)),
    disputes=(
        Dispute(DisputeId("d1"), PAYMENT, ORDER, CHARGE, PRICE, "fraud", DisputeStatus.OPEN),
    ),
)

HUNDRED = {"currency": "usd", "minor_units": 10000}


def test_everything_of_an_order_is_recorded_but_ids_users_and_what_is_checked_next() -> None:
    assert list(changes_of(None, ORDER_WITH_ALL).items()) == [
        ("order.id", (None, "order-1")),
        ("order.version", (None, 1)),
        ("order.status", (None, "complete")),
        ("order.terms.version", (None, 0)),
        ("order.terms.price", (None, HUNDRED)),
        ("order.terms.expires_at", (None, "2026-11-22T13:00:00.000000+00:00")),
        ("order.terms.capture", (None, "automatic")),
        ("order.shipment.version", (None, 1)),
        ("order.shipment.minor_units", (None, 300)),
        ("order.terms.user", (None, "set")),
        ("payment.payment-1.amount", (None, HUNDRED)),
        ("payment.payment-1.gateway", (None, "in_memory")),
        ("payment.payment-1.livemode", (None, False)),
        ("payment.payment-1.created_at", (None, "2026-11-22T12:00:00.000000+00:00")),
        ("payment.payment-1.status", (None, "succeeded")),
        ("payment.payment-1.charge_id", (None, "ch_payment-1")),
        ("payment.payment-1.captured_amount", (None, HUNDRED)),
        ("payment.payment-1.reference", (None, "pi_payment-1")),
        ("payment.payment-1.capture_mode", (None, "automatic")),
        ("refund.r1.payment_id", (None, "payment-1")),
        ("refund.r1.charge_id", (None, "ch_payment-1")),
        ("refund.r1.amount", (None, {"currency": "usd", "minor_units": 4000})),
        ("refund.r1.reason", (None, "damaged")),
        ("refund.r1.created_at", (None, "2026-11-22T12:01:00.000000+00:00")),
        ("refund.r1.status", (None, "pending")),
        ("refund.r1.automatic", (None, False)),
        ("refund.r1.attempt", (None, 0)),
        ("dispute.d1.payment_id", (None, "payment-1")),
        ("dispute.d1.charge_id", (None, "ch_payment-1")),
        ("dispute.d1.amount", (None, HUNDRED)),
        ("dispute.d1.reason", (None, "fraud")),
        ("dispute.d1.status", (None, "open")),
    ]


def test_of_the_same_state_nothing_is_recorded() -> None:
    assert changes_of(ORDER_WITH_ALL, ORDER_WITH_ALL) == {}
    assert changes_of(ORDER_WITH_ALL, evolve(ORDER_WITH_ALL)) == {}


def test_of_a_later_state_only_what_differs_is_recorded() -> None:
    later = ORDER_WITH_ALL.settle_refund(RefundId("r1"), Refunded("re_1", dollars("40")), NOW)
    later = later.record_dispute(DisputeId("d1"), CHARGE, PRICE, "fraud", DisputeStatus.WON)
    assert changes_of(ORDER_WITH_ALL, later) == {
        "refund.r1.status": ("pending", "succeeded"),
        "refund.r1.reference": (None, "re_1"),
        "dispute.d1.status": ("open", "won"),
    }
    checked = later.payment(PAYMENT).check_now(after(days=1))
    assert changes_of(later, later.with_payment(checked)) == {}
    shipped = later.apply(shipped_event(version=2), NOW)
    assert changes_of(later, shipped) == {
        "order.version": (1, 2),
        "order.shipment.version": (1, 2),
        "order.shipment.minor_units": (300, None),
    }


def test_an_accepted_review_is_recorded_with_what_is_kept() -> None:
    reviewed = claimed().settle(PAYMENT, charged(amount=dollars("99")), NOW)
    accepted = reviewed.decide_review(PAYMENT, ReviewDecision.ACCEPT, NOW)
    assert changes_of(reviewed, accepted) == {
        "order.status": ("created", "complete"),
        "payment.payment-1.status": ("review", "succeeded"),
    }


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOW, "2026-11-22T12:00:00.000000+00:00"),
        (NOW.astimezone(timezone(timedelta(hours=2))), "2026-11-22T12:00:00.000000+00:00"),
        (
            datetime.min.replace(tzinfo=timezone(timedelta(hours=2))),
            "0001-01-01T00:00:00.000000+00:00",
        ),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_a_moment_is_written_in_utc_with_microseconds(at: datetime, text: str) -> None:
    assert moment(at) == text
