"""What each of Stripe's events means, as the double writes them."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from adapters.gateways.stripe.notifications import SIGNATURE, StripeNotificationReader
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    InvalidNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    RefusedBecause,
    UnrelatedNotification,
    UnusableNotification,
)
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId
from domain.money import Currency, Money
from domain.outcome import Charged, Declined, Outcome
from domain.refund import Refunded, RefundFailed, RefundOutcome, RefundPending, ReportedRefund
from payments_kit.doubles.stripe import charges, disputes, intents, methods, refunds
from payments_kit.doubles.stripe.errors import Json, StripeFailure
from payments_kit.doubles.stripe.ledger import Ledger, Plan
from payments_kit.doubles.stripe.webhooks import signature_header
from tests.builders import NOW, dollars

OLD, NEW = "whsec_old", "whsec_new"
TEN = dollars("10")
LABELS = {"payment_id": "payment-1", "order_id": "order-1"}
ORDER: Json = {"amount": 1000, "currency": "usd", "metadata": LABELS}
AUTHENTICATING = "tok_threeDSecure2Required"
BODY = b'{"id": "evt_1", "type": "ping"}'
UNRELATED = UnrelatedNotification("evt_1")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def last(ledger: Ledger, type_: str) -> Notification:
    """Read the last event of this type."""
    return read([each for each in ledger.events.values() if each["type"] == type_][-1])


def payment_outcome(ledger: Ledger, type_: str) -> Outcome | None:
    notification = last(ledger, type_)
    assert isinstance(notification, PaymentNotification)
    assert notification.payment_id == "payment-1"
    return notification.outcome


def read_payment(ledger: Ledger, type_: str) -> PaymentNotification:
    notification = last(ledger, type_)
    assert isinstance(notification, PaymentNotification)
    return notification


def refund_outcome(ledger: Ledger, type_: str) -> RefundOutcome:
    notification = last(ledger, type_)
    assert isinstance(notification, RefundNotification)
    assert (notification.payment_id, notification.reported.refund_id) == ("payment-1", "refund-1")
    assert notification.reported.key == "refund-1:0"
    return notification.reported.outcome


def read(event: Json) -> Notification:
    body = json.dumps(event).encode()
    return verified(reader(OLD), body, sign(body, OLD))


def verified(reader: StripeNotificationReader, body: bytes, signature: str) -> Notification:
    return asyncio.run(reader.read(body, {SIGNATURE: signature}))


def reader(*secrets: str) -> StripeNotificationReader:
    return StripeNotificationReader(secrets, lambda: NOW)


def sign(body: bytes, *secrets: str, later: timedelta = timedelta()) -> str:
    return signature_header(body, secrets, int((NOW + later).timestamp()))


def a_charge(ledger: Ledger, token: str = "tok_visa", **more: Any) -> Json:
    return charges.create(ledger, {**ORDER, "source": token, **more})


def an_intent(ledger: Ledger, token: str = "tok_visa") -> Json:
    method = methods.create(ledger, {"type": "card", "card": {"token": token}})
    automatic = {"enabled": True, "allow_redirects": "never"}
    params = {"payment_method": method["id"], "automatic_payment_methods": automatic}
    return intents.create(ledger, {**ORDER, **params, "confirm": True})


def a_refund(ledger: Ledger, token: str = "tok_visa") -> Json:
    labels = {**LABELS, "refund_id": "refund-1", "refund_key": "refund-1:0"}
    charge = a_charge(ledger, token)
    return refunds.create(ledger, {"charge": charge["id"], "amount": 400, "metadata": labels})


# --- charges and disputes ----------------------------------------------------------------------


def test_a_successful_charge_is_final_with_stripe_s_own_amount(ledger: Ledger) -> None:
    charge = a_charge(ledger)
    outcome = payment_outcome(ledger, "charge.succeeded")
    assert outcome == Charged(charge["id"], TEN, livemode=False)
    report = {"amount": 777, "amount_captured": 777, "currency": "jpy", "livemode": True}
    ledger.next_charges.append(Plan(report=report))
    charge = a_charge(ledger)
    outcome = payment_outcome(ledger, "charge.succeeded")
    assert outcome == Charged(charge["id"], Money(777, Currency("jpy")), livemode=True)


def test_a_failed_charge_is_final(ledger: Ledger) -> None:
    with pytest.raises(StripeFailure):
        a_charge(ledger, "tok_chargeDeclinedInsufficientFunds")
    assert payment_outcome(ledger, "charge.failed") == Declined("insufficient_funds")


@pytest.mark.parametrize(
    ("closed", "event", "status"),
    [
        (None, "charge.dispute.created", DisputeStatus.OPEN),
        ("lost", "charge.dispute.closed", DisputeStatus.LOST),
        ("won", "charge.dispute.closed", DisputeStatus.WON),
        ("warning_closed", "charge.dispute.closed", DisputeStatus.WON),
        ("prevented", "charge.dispute.closed", DisputeStatus.PREVENTED),
        ("charge_refunded", "charge.dispute.closed", DisputeStatus.PREVENTED),
        ("a_status_of_tomorrow", "charge.dispute.closed", DisputeStatus.WON),
        ("needs_response", "charge.dispute.closed", DisputeStatus.WON),
    ],
)
def test_a_dispute_names_its_charge(
    ledger: Ledger, closed: str | None, event: str, status: DisputeStatus
) -> None:
    charge = a_charge(ledger)
    dispute = disputes.open_dispute(ledger, charge)
    if closed:
        disputes.close_dispute(ledger, dispute, closed)
    notification = last(ledger, event)
    assert isinstance(notification, DisputeNotification)
    assert (notification.charge_id, notification.amount) == (charge["id"], TEN)
    assert notification.status is status


# --- payment intents ---------------------------------------------------------------------------


def test_a_successful_intent_and_its_charge_are_final(ledger: Ledger) -> None:
    intent = an_intent(ledger)
    charged = Charged(intent["latest_charge"], TEN, livemode=False, reference=intent["id"])
    assert payment_outcome(ledger, "payment_intent.succeeded") == charged
    assert payment_outcome(ledger, "charge.succeeded") == charged


def test_a_canceled_intent_is_final(ledger: Ledger) -> None:
    intent = an_intent(ledger, AUTHENTICATING)
    intents.cancel(ledger, intent["id"], {})
    outcome = payment_outcome(ledger, "payment_intent.canceled")
    assert outcome == Declined("canceled", intent["id"])


def test_a_failure_of_an_open_intent_is_not_final(ledger: Ledger) -> None:
    with pytest.raises(StripeFailure):
        an_intent(ledger, "tok_chargeDeclined")
    assert payment_outcome(ledger, "payment_intent.payment_failed") is None
    assert payment_outcome(ledger, "charge.failed") is None


@pytest.mark.parametrize(
    ("create", "status", "event"),
    [
        (a_charge, "pending", "charge.pending"),
        (an_intent, "pending", "payment_intent.processing"),
        (an_intent, None, "payment_intent.created"),
        (partial(an_intent, token=AUTHENTICATING), None, "payment_intent.requires_action"),
    ],
)
def test_a_payment_in_progress_is_not_final(
    ledger: Ledger, create: Callable[[Ledger], Json], status: str | None, event: str
) -> None:
    ledger.next_charges.append(Plan(status))
    create(ledger)
    assert payment_outcome(ledger, event) is None


# --- refunds -----------------------------------------------------------------------------------


def test_a_new_refund_is_final_or_pending(ledger: Ledger) -> None:
    refund = a_refund(ledger)
    assert refund_outcome(ledger, "refund.created") == Refunded(refund["id"], dollars("4"))
    refund = a_refund(ledger, "tok_pendingRefund")
    assert refund_outcome(ledger, "refund.created") == RefundPending(refund["id"])


def test_a_failed_refund_is_final(ledger: Ledger) -> None:
    refund = a_refund(ledger)
    refunds.finish(ledger, refund, succeeded=False)
    for event in ("refund.failed", "refund.updated", "charge.refund.updated"):
        failed = RefundFailed("expired_or_canceled_card", refund["id"])
        assert refund_outcome(ledger, event) == failed


def test_an_external_refund_names_its_charge(ledger: Ledger) -> None:
    charge = a_charge(ledger)
    refund = refunds.create(ledger, {"charge": charge["id"]})
    external = last(ledger, "refund.created")
    assert isinstance(external, ExternalRefundNotification)
    assert external.charge_id == charge["id"]
    refunded = Refunded(refund["id"], TEN)
    assert external.reported == ReportedRefund(refund["id"], TEN, refunded)


def test_a_changed_charge_is_evidence_as_soon_as_it_has_succeeded(ledger: Ledger) -> None:
    charge = a_charge(ledger)
    ledger.emit("charge.updated", charge)
    assert payment_outcome(ledger, "charge.updated") == Charged(charge["id"], TEN, livemode=False)
    for status in ("pending", "failed"):
        ledger.emit("charge.updated", {**charge, "status": status})
        assert payment_outcome(ledger, "charge.updated") is None


@pytest.mark.parametrize("is_old", [False, True])
def test_an_intent_of_any_api_version_names_its_charge(ledger: Ledger, is_old: bool) -> None:
    charge = {"id": "ch_1", "object": "charge"}
    shape = {"charges": {"data": [charge]}} if is_old else {"latest_charge": charge}
    intent = {"id": "pi_1", "amount_received": 1000, "currency": "usd", "livemode": False, **shape}
    ledger.emit("payment_intent.succeeded", {**intent, "metadata": LABELS})
    outcome = payment_outcome(ledger, "payment_intent.succeeded")
    assert outcome == Charged(ChargeId("ch_1"), TEN, livemode=False, reference="pi_1")


def test_a_refunded_charge_says_how_much_was_refunded(ledger: Ledger) -> None:
    charge = a_charge(ledger)
    assert read_payment(ledger, "charge.succeeded").refunded is None
    refunds.create(ledger, {"charge": charge["id"], "amount": 400})
    notification = read_payment(ledger, "charge.refunded")
    assert notification.outcome == Charged(charge["id"], TEN, livemode=False)
    assert notification.refunded == dollars("4")


# --- format and signature ----------------------------------------------------------------------


@pytest.mark.parametrize("event_id", [None, "", 7, "evt 1", "e" * 256, "\0", "\ud800"])
def test_an_event_without_a_usable_id_gets_one_that_is_the_same_every_time(
    ledger: Ledger, event_id: object
) -> None:
    a_charge(ledger)
    event = {**list(ledger.events.values())[-1], "id": event_id}
    first, again = read(event), read(event)
    assert isinstance(first, PaymentNotification)
    assert first == again
    assert first.id.startswith("sha256-")


def test_events_whose_ids_cannot_be_stored_get_different_ids() -> None:
    first, second = read({"id": "\ud800", "type": "a"}), read({"id": "\ud801", "type": "a"})
    assert first.id != second.id


@pytest.mark.parametrize(
    "data",
    [
        *({}, [], None, {"object": None}, {"object": {"metadata": "payment-1"}}),
        *({"object": {"metadata": {"payment_id": bad}}} for bad in (7, "", None, "\0", "x" * 300)),
    ],
)
def test_an_event_about_a_charge_that_cannot_be_read_is_unusable(data: Any) -> None:
    notification = read({"id": "evt_1", "type": "charge.succeeded", "data": data})
    assert isinstance(notification, UnusableNotification)
    assert notification.payment_id is None


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "???"}, {"amount_captured": 10.0}, {"amount_captured": -1}, {"status": None},
        {"amount_captured": True}, {"livemode": "no"}, {"id": None}, {"currency": None},
        {"id": "ch_\0"}, {"id": "\ud800"}, {"id": "c" * 10_000}, {"amount_captured": 10**30},
    ],
)  # fmt: skip
def test_a_charge_with_our_labels_that_cannot_be_read_is_kept_and_its_payment_is_checked(
    ledger: Ledger, change: Json
) -> None:
    charge = {**a_charge(ledger), **change}
    notification = read({"id": "evt_1", "type": "charge.succeeded", "data": {"object": charge}})
    assert isinstance(notification, UnusableNotification)
    assert notification.payment_id == "payment-1"
    assert "payment-1" not in notification.reason


def test_a_charge_with_an_unknown_status_is_not_final(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    charge = {**a_charge(ledger), "status": "a_status_of_tomorrow"}
    notification = read({"id": "evt_1", "type": "charge.succeeded", "data": {"object": charge}})
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome is None
    assert "a_status_of_tomorrow" in caplog.text


def test_a_refund_with_an_unknown_status_is_pending(ledger: Ledger) -> None:
    refund = {**a_refund(ledger), "status": "a_status_of_tomorrow"}
    notification = read({"id": "evt_1", "type": "refund.updated", "data": {"object": refund}})
    assert isinstance(notification, RefundNotification)
    assert notification.reported.outcome == RefundPending(refund["id"])


@pytest.mark.parametrize("type_", ["charge.dispute.updated", "charge.dispute.created"])
def test_a_dispute_with_an_unknown_status_is_open_until_it_is_closed(
    ledger: Ledger, type_: str
) -> None:
    dispute = {**disputes.open_dispute(ledger, a_charge(ledger)), "status": "a_status_of_tomorrow"}
    notification = read({"id": "evt_1", "type": type_, "data": {"object": dispute}})
    assert isinstance(notification, DisputeNotification)
    assert notification.status is DisputeStatus.OPEN
    assert notification.unknown_status == "a_status_of_tomorrow"


def test_a_dispute_closed_with_an_unknown_status_is_lost_if_stripe_has_taken_the_money(
    ledger: Ledger,
) -> None:
    taken = {"status": "a_status_of_tomorrow", "balance_transactions": [{"amount": -1000}]}
    dispute = {**disputes.open_dispute(ledger, a_charge(ledger)), **taken}
    event = {"id": "evt_1", "type": "charge.dispute.closed", "data": {"object": dispute}}
    notification = read(event)
    assert isinstance(notification, DisputeNotification)
    assert notification.status is DisputeStatus.LOST
    assert notification.unknown_status == "a_status_of_tomorrow"


@pytest.mark.parametrize("kind", ["refund.created", "charge.dispute.created"])
@pytest.mark.parametrize("change", [{"id": 7}, {"amount": "1"}, {"currency": "?"}, {"charge": []}])
def test_a_refund_or_a_dispute_that_cannot_be_read_is_unusable(
    ledger: Ledger, kind: str, change: Json
) -> None:
    charge = a_charge(ledger)
    refunds.create(ledger, {"charge": charge["id"], "amount": 400})
    disputes.open_dispute(ledger, charge)
    event = next(each for each in ledger.events.values() if each["type"] == kind)
    obj = {**event["data"]["object"], **change}
    assert isinstance(read({**event, "data": {"object": obj}}), UnusableNotification)


@pytest.mark.parametrize("type_", ["charge.of_tomorrow", "payment_intent.of_tomorrow", "new.event"])
def test_an_unknown_event_about_an_object_with_our_labels_is_kept(
    ledger: Ledger, type_: str
) -> None:
    event = {"id": "evt_1", "type": type_, "data": {"object": a_charge(ledger)}}
    notification = read(event)
    assert isinstance(notification, UnusableNotification)
    assert type_ in notification.reason
    assert notification.payment_id == "payment-1"


@pytest.mark.parametrize("type_", ["charge.dispute_of.tomorrow", "refund_of.tomorrow", "new"])
def test_an_unknown_event_about_a_refund_or_a_dispute_is_kept(ledger: Ledger, type_: str) -> None:
    charge = a_charge(ledger)
    for obj in (refunds.create(ledger, {"charge": charge["id"]}), {"object": "dispute"}):
        notification = read({"id": "evt_1", "type": type_, "data": {"object": obj}})
        assert isinstance(notification, UnusableNotification)
        assert type_ in notification.reason


def test_an_unusable_event_describes_a_payment_that_may_be_lost(ledger: Ledger) -> None:
    described = {"user_id": "user-1", "amount": "1000", "currency": "usd"}
    metadata = {**LABELS, **described, "created_at": NOW.isoformat()}
    event = {"id": "evt_1", "type": "new", "data": {"object": a_charge(ledger, metadata=metadata)}}
    notification = read(event)
    assert isinstance(notification, UnusableNotification)
    assert notification.claimed is not None
    assert (notification.claimed.id, notification.claimed.amount) == ("payment-1", TEN)


@pytest.mark.parametrize("type_", ["charge.of_tomorrow", "charge.succeeded", "invoice.paid"])
def test_an_event_about_an_object_without_our_labels_is_unrelated(
    ledger: Ledger, type_: str
) -> None:
    event = {"id": "evt_1", "type": type_, "data": {"object": a_charge(ledger, metadata={})}}
    assert read(event) == UNRELATED


@pytest.mark.parametrize("type_", [None, 7, "", [], "\ud800" * 300])
def test_an_event_without_a_type_is_unusable(ledger: Ledger, type_: object) -> None:
    event = {"id": "evt_1", "type": type_, "data": {"object": a_charge(ledger)}}
    assert isinstance(read(event), UnusableNotification)


@pytest.mark.parametrize(
    ("related", "is_ours"),
    [
        ({"id": "ch_1", "type": "charge"}, True),
        ({"id": "pi_1", "type": "payment_intent"}, True),
        (None, True),
        ({"id": "mtr_1", "type": "billing.meter"}, False),
        ({"id": "acct_1", "type": "v2.core.account"}, False),
    ],
)
def test_a_thin_event_is_kept_unless_its_object_cannot_be_ours(
    related: Json | None, is_ours: bool
) -> None:
    for kind in ("v2.core.event", "v3.event"):
        event = {"id": "evt_1", "object": kind, "type": "v1.x", "related_object": related}
        assert isinstance(read(event), UnusableNotification) is is_ours


@pytest.mark.parametrize(
    ("ours", "theirs"), [((OLD, NEW), (OLD,)), ((OLD, NEW), (NEW,)), ((NEW,), (OLD, NEW))]
)
def test_both_secrets_are_valid_during_a_rotation(
    ours: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    assert verified(reader(*ours), BODY, sign(BODY, *theirs)) == UNRELATED


@pytest.mark.parametrize("seconds", [300, -300])
def test_a_notification_may_be_five_minutes_off_but_no_more(seconds: int) -> None:
    off = timedelta(seconds=seconds)
    assert verified(reader(OLD), BODY, sign(BODY, OLD, later=off)) == UNRELATED
    with pytest.raises(InvalidNotification) as error:
        verified(reader(OLD), BODY, sign(BODY, OLD, later=off + off / 300))
    assert error.value.because is RefusedBecause.WRONG_TIME


@pytest.mark.parametrize(
    ("signature", "because"),
    [
        ("", RefusedBecause.UNSIGNED),
        (sign(BODY, NEW), RefusedBecause.WRONG_SIGNATURE),
    ],
)
def test_a_refusal_says_why(signature: str, because: RefusedBecause) -> None:
    with pytest.raises(InvalidNotification) as error:
        verified(reader(OLD), BODY, signature)
    assert error.value.because is because


@pytest.mark.parametrize(
    "signature",
    [
        *("", "t=,v1=", "t=now,v1=x", "t=1_0,v1=x", "t=\u0661,v1=x", "t=-1,v1=x"),
        f"t={'9' * 5000},v1=x",
        sign(BODY, OLD) + ",t=1",
        sign(BODY, ""),
    ],
)
def test_a_malformed_signature_is_refused_and_without_a_secret_every_one(signature: str) -> None:
    for secrets in ([OLD], []):
        with pytest.raises(InvalidNotification):
            verified(reader(*secrets), BODY, signature)


def test_the_secrets_are_not_in_the_repr() -> None:
    assert "whsec" not in repr(reader(OLD, NEW))
