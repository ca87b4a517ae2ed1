"""Translation of PayPal's events, as its double writes them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.paypal.labels import LabelKey
from adapters.gateways.paypal.notifications import read_event
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    SessionNotification,
    UnrelatedNotification,
    UnusableNotification,
)
from domain.dispute import REVERSED, DisputeStatus
from domain.identifiers import OrderId
from domain.outcome import Authorized, Charged
from domain.payment import Payment
from domain.refund import Refunded
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.paypal import CLIENT_SECRET
from tests.adapters.gateways.paypal_account import Account, manual, paypal_account

Json = dict[str, Any]
KEY = LabelKey.of(CLIENT_SECRET)


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with paypal_account() as account:
        yield account


def events(account: Account, type_: str) -> list[Json]:
    """Return the events of a type, oldest first."""
    recorded = account.paypal.ledger.events.values()
    return [each for each in recorded if each["event_type"] == type_]


def read(event: Json) -> Notification:
    """Translate an event."""
    return read_event(json.dumps(event).encode(), livemode=False, key=KEY)


async def captured(account: Account) -> tuple[Payment, Charged, Json]:
    """Return a payment, its outcome, and the event about it."""
    payment = await account.approved(a_payment())
    outcome = await account.charge(payment)
    assert isinstance(outcome, Charged)
    return payment, outcome, events(account, "PAYMENT.CAPTURE.COMPLETED")[-1]


async def test_a_capture_makes_us_look_and_describes_its_payment(account: Account) -> None:
    payment, _, event = await captured(account)
    claimed = evolve(payment, gateway="paypal")
    looked = PaymentNotification(event["id"], payment.id, claimed=claimed, may_be_late=True)
    assert read(event) == looked
    # Customers can create orders in the browser, with a label that they have seen or invented.
    event["resource"]["amount"]["value"] = "0.01"
    assert read(event) == evolve(looked, claimed=None)


@pytest.mark.parametrize(
    ("status", "is_late"), [("DECLINED", False), ("FAILED", False), ("SOMETHING_NEW", True)]
)
async def test_a_capture_that_failed_makes_us_look(
    account: Account, status: str, is_late: bool
) -> None:
    payment, _, event = await captured(account)
    event = {**event, "event_type": "PAYMENT.CAPTURE.DENIED"}
    event["resource"] = {**event["resource"], "status": status}
    notification = read(event)
    assert isinstance(notification, PaymentNotification)
    assert notification.payment_id == payment.id
    assert (notification.outcome, notification.may_be_late) == (None, is_late)


async def test_an_authorization_makes_us_look(account: Account) -> None:
    payment = await account.approved(manual(a_payment()))
    outcome = await account.charge(payment)
    assert isinstance(outcome, Authorized)
    [event] = events(account, "PAYMENT.AUTHORIZATION.CREATED")
    claimed = evolve(payment, gateway="paypal")
    looked = PaymentNotification(event["id"], payment.id, claimed=claimed, may_be_late=True)
    assert read(event) == looked
    await account.gateway.cancel(payment)
    [event] = events(account, "PAYMENT.AUTHORIZATION.VOIDED")
    assert read(event) == evolve(looked, id=event["id"], may_be_late=False)


async def test_an_approval_names_the_payment_or_else_the_session(account: Account) -> None:
    payment = await account.approved(a_payment())
    [event] = events(account, "CHECKOUT.ORDER.APPROVED")
    reference = payment.reference or ""
    assert read(event) == SessionNotification(event["id"], payment.order_id, reference)
    charged = await account.claimed(a_payment())
    await account.charge(charged)
    account.approve(charged)
    notification = read(events(account, "CHECKOUT.ORDER.APPROVED")[-1])
    assert isinstance(notification, PaymentNotification)
    assert notification.payment_id == charged.id
    assert notification.outcome is None
    assert notification.claimed == evolve(charged, gateway="paypal")
    await account.approved(evolve(a_payment(), order_id=OrderId("an order with spaces")))
    last = events(account, "CHECKOUT.ORDER.APPROVED")[-1]
    assert read(last) == UnrelatedNotification(last["id"])


async def test_a_refund_of_ours_names_its_key_and_another_one_its_capture(
    account: Account,
) -> None:
    payment, outcome, _ = await captured(account)
    refund = a_refund(payment, outcome, 400)
    refunded = await account.gateway.refund(payment, refund)
    assert isinstance(refunded, Refunded)
    [event] = events(account, "PAYMENT.CAPTURE.REFUNDED")
    notification = read(event)
    assert isinstance(notification, RefundNotification)
    assert notification.payment_id == payment.id
    assert notification.charge_id == outcome.charge_id
    reported = notification.reported
    assert (reported.refund_id, reported.key, reported.outcome) == (refund.id, refund.key, refunded)
    del event["resource"]["custom_id"]
    external = read(event)
    assert isinstance(external, ExternalRefundNotification)
    assert external.charge_id == outcome.charge_id
    event["event_type"] = "PAYMENT.CAPTURE.REVERSED"
    reversal = read(event)
    assert isinstance(reversal, DisputeNotification)
    assert (reversal.charge_id, reversal.dispute_id) == (outcome.charge_id, refunded.reference)
    assert (reversal.reason, reversal.status) == (REVERSED, DisputeStatus.LOST)
    event["resource"]["links"] = []
    assert isinstance(read(event), UnusableNotification)


# --- disputes ---


def a_dispute(**more: Any) -> Json:
    """Return an event about a dispute."""
    resource = {
        "dispute_id": "PP-R-ABC-10001",
        "disputed_transactions": [{"seller_transaction_id": "3C679366HH908993F"}],
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": {"currency_code": "USD", "value": "96.00"},
        "seller_response_due_date": "2026-12-09T00:00:00.000Z",
    }
    return {
        "id": "WH-1",
        "event_type": "CUSTOMER.DISPUTE.UPDATED",
        "resource": resource | more,
    }


def test_a_dispute_names_its_capture_and_until_when_evidence_is_awaited() -> None:
    notification = read(a_dispute())
    assert isinstance(notification, DisputeNotification)
    assert notification.charge_id == "3C679366HH908993F"
    assert notification.dispute_id == "PP-R-ABC-10001"
    assert notification.amount.minor_units == 9600
    assert notification.status is DisputeStatus.OPEN
    assert notification.unknown_status is None
    assert notification.due_by == datetime(2026, 12, 9, tzinfo=UTC)
    unclear = read(a_dispute(seller_response_due_date="soon"))
    assert isinstance(unclear, DisputeNotification)
    assert unclear.due_by is None


@pytest.mark.parametrize(
    ("outcome", "status", "unknown"),
    [
        ("RESOLVED_BUYER_FAVOUR", DisputeStatus.LOST, None),
        ("RESOLVED_SELLER_FAVOUR", DisputeStatus.WON, None),
        ("RESOLVED_WITH_PAYOUT", DisputeStatus.WON, None),
        ("CANCELED_BY_BUYER", DisputeStatus.PREVENTED, None),
        ("ACCEPTED", DisputeStatus.LOST, None),
        ("DENIED", DisputeStatus.WON, None),
        ("NONE", DisputeStatus.OPEN, "NONE"),
        ("BRAND_NEW", DisputeStatus.OPEN, "BRAND_NEW"),
    ],
)
def test_a_resolved_dispute_has_an_outcome_or_an_operator_must_look(
    outcome: str, status: DisputeStatus, unknown: str | None
) -> None:
    resolved = read(a_dispute(status="RESOLVED", dispute_outcome={"outcome_code": outcome}))
    assert isinstance(resolved, DisputeNotification)
    assert (resolved.status, resolved.unknown_status) == (status, unknown)


def test_a_dispute_with_an_unknown_status_is_open_and_about_several_payments_unusable() -> None:
    strange = read(a_dispute(status="BRAND_NEW"))
    assert isinstance(strange, DisputeNotification)
    assert (strange.status, strange.unknown_status) == (DisputeStatus.OPEN, "BRAND_NEW")
    several = [{"seller_transaction_id": "3C679366HH908993F"}] * 2
    assert isinstance(read(a_dispute(disputed_transactions=several)), UnusableNotification)


# --- what cannot be used ---


async def test_an_unknown_event_with_our_label_is_kept_and_its_payment_is_checked(
    account: Account,
) -> None:
    payment, _, event = await captured(account)
    kept = read({**event, "event_type": "PAYMENT.NEW-THING.HAPPENED"})
    assert isinstance(kept, UnusableNotification)
    assert kept.payment_id == payment.id
    assert "PAYMENT.NEW-THING.HAPPENED" in kept.reason
    del event["resource"]["amount"]
    kept = read(event)
    assert isinstance(kept, UnusableNotification)
    assert kept.payment_id == payment.id


async def test_an_event_of_another_application_is_unrelated(account: Account) -> None:
    _, _, event = await captured(account)
    event["resource"]["custom_id"] = "basket 7"
    assert read(event) == UnrelatedNotification(event["id"])
    other = {"id": "WH-2", "event_type": "BILLING.PLAN.CREATED", "resource": {"id": "P-1"}}
    assert read(other) == UnrelatedNotification("WH-2")


@pytest.mark.parametrize("named", [None, 7, "", "\0", "x" * 256, "\ud800"])
async def test_an_event_without_a_usable_id_gets_one_that_is_the_same_every_time(
    account: Account, named: object
) -> None:
    _, _, event = await captured(account)
    event["id"] = named
    first, second = read(event), read(event)
    assert first.id == second.id
    assert first.id.startswith("sha256-")
