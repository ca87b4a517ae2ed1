"""What each of Stripe's events tells us, as the double writes them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.gateways.stripe.notifications import StripeNotificationReader
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    InvalidNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnrelatedNotification,
)
from domain.dispute import DisputeStatus
from domain.money import Currency, Money
from domain.outcome import Charged, Declined
from domain.refund import Refunded, RefundFailed, RefundPending
from payments_kit.doubles.stripe import charges, intents, methods, refunds
from payments_kit.doubles.stripe.errors import Json, StripeFailure
from payments_kit.doubles.stripe.ledger import Ledger, Plan
from payments_kit.doubles.stripe.webhooks import signature_header

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OLD, NEW = "whsec_old", "whsec_new"
TEN = Money(1000, Currency("usd"))
LABELS = {"payment_id": "payment-1", "order_id": "order-1"}
ORDER: Json = {"amount": 1000, "currency": "usd", "metadata": LABELS}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def heard(ledger: Ledger, kind: str) -> Notification:
    """What the last event of this kind tells."""
    event = [each for each in ledger.events.values() if each["type"] == kind][-1]
    return read(event)


def read(event: Json) -> Notification:
    body = json.dumps(event).encode()
    return StripeNotificationReader([OLD], lambda: NOW).read(body, sign(body, OLD))


def sign(body: bytes, *secrets: str, later: timedelta = timedelta()) -> str:
    return signature_header(body, secrets, int((NOW + later).timestamp()))


def a_charge(ledger: Ledger, token: str = "tok_visa", **more: Any) -> Json:
    return charges.create(ledger, {**ORDER, "source": token, **more})


def an_intent(ledger: Ledger, token: str = "tok_visa", **more: Any) -> Json:
    method = methods.create(ledger, {"type": "card", "card": {"token": token}})
    automatic = {"enabled": True, "allow_redirects": "never"}
    params = {
        "payment_method": method["id"],
        "confirm": True,
        "automatic_payment_methods": automatic,
    }
    return intents.create(ledger, {**ORDER, **params, **more})


# --- charges -----------------------------------------------------------------------------------


def test_a_charge_that_succeeded_is_evidence(ledger: Ledger) -> None:
    charge = a_charge(ledger)
    notification = heard(ledger, "charge.succeeded")
    assert isinstance(notification, PaymentNotification)
    assert notification.payment_id == "payment-1"
    assert notification.outcome == Charged(charge["id"], TEN, livemode=False)


def test_a_charge_that_failed_is_evidence(ledger: Ledger) -> None:
    with pytest.raises(StripeFailure):
        a_charge(ledger, "tok_chargeDeclinedInsufficientFunds")
    notification = heard(ledger, "charge.failed")
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome == Declined("insufficient_funds")


def test_a_charge_only_authorised_says_look(ledger: Ledger) -> None:
    a_charge(ledger, capture=False)
    notification = heard(ledger, "charge.succeeded")
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome is None


def test_a_charge_still_pending_says_look(ledger: Ledger) -> None:
    ledger.next_charges.append(Plan("pending"))
    a_charge(ledger)
    notification = heard(ledger, "charge.pending")
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome is None


def test_a_charge_of_another_amount_is_reported_as_it_is(ledger: Ledger) -> None:
    lie = {"amount": 777, "amount_captured": 777, "currency": "jpy", "livemode": True}
    ledger.next_charges.append(Plan(report=lie))
    charge = a_charge(ledger)
    notification = heard(ledger, "charge.succeeded")
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome == Charged(charge["id"], Money(777, Currency("jpy")), livemode=True)


def test_a_charge_without_our_name_on_it_is_none_of_ours(ledger: Ledger) -> None:
    a_charge(ledger, metadata={})
    assert isinstance(heard(ledger, "charge.succeeded"), UnrelatedNotification)


def test_a_dispute_names_the_charge_it_is_about(ledger: Ledger) -> None:
    charge = a_charge(ledger)
    charges.dispute(ledger, charge)
    notification = heard(ledger, "charge.dispute.created")
    assert isinstance(notification, DisputeNotification)
    assert notification.charge_id == charge["id"]
    assert notification.amount == TEN
    assert notification.status is DisputeStatus.OPEN


def test_a_dispute_that_was_closed_says_who_has_won(ledger: Ledger) -> None:
    dispute = charges.dispute(ledger, a_charge(ledger))
    charges.close_dispute(ledger, dispute, "lost")
    notification = heard(ledger, "charge.dispute.closed")
    assert isinstance(notification, DisputeNotification)
    assert notification.status is DisputeStatus.LOST


# --- payment intents ---------------------------------------------------------------------------


def test_an_intent_that_succeeded_is_evidence_and_so_is_its_charge(ledger: Ledger) -> None:
    intent = an_intent(ledger)
    charged = Charged(intent["latest_charge"], TEN, livemode=False, reference=intent["id"])
    for kind in ("payment_intent.succeeded", "charge.succeeded"):
        notification = heard(ledger, kind)
        assert isinstance(notification, PaymentNotification)
        assert notification.payment_id == "payment-1"
        assert notification.outcome == charged


@pytest.mark.parametrize("kind", ["payment_intent.payment_failed", "charge.failed"])
def test_a_failure_of_an_intent_that_is_still_open_says_look(ledger: Ledger, kind: str) -> None:
    with pytest.raises(StripeFailure):
        an_intent(ledger, "tok_chargeDeclined")
    notification = heard(ledger, kind)
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome is None


def test_an_intent_that_was_canceled_is_evidence(ledger: Ledger) -> None:
    intent = an_intent(ledger, "tok_threeDSecure2Required")
    intents.cancel(ledger, intent["id"], {})
    notification = heard(ledger, "payment_intent.canceled")
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome == Declined("canceled", intent["id"])


@pytest.mark.parametrize(
    ("token", "status", "kind"),
    [
        ("tok_threeDSecure2Required", None, "payment_intent.requires_action"),
        ("tok_visa", "pending", "payment_intent.processing"),
        ("tok_visa", None, "payment_intent.created"),
    ],
)
def test_an_intent_under_way_says_look(
    ledger: Ledger, token: str, status: str | None, kind: str
) -> None:
    ledger.next_charges.append(Plan(status))
    an_intent(ledger, token)
    notification = heard(ledger, kind)
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome is None


# --- refunds -----------------------------------------------------------------------------------


def a_refund(ledger: Ledger, token: str = "tok_visa") -> Json:
    labels = {**LABELS, "refund_id": "refund-1", "refund_key": "refund-1:0"}
    charge = a_charge(ledger, token)
    return refunds.create(ledger, {"charge": charge["id"], "amount": 400, "metadata": labels})


def test_a_refund_made_is_evidence(ledger: Ledger) -> None:
    made = a_refund(ledger)
    notification = heard(ledger, "refund.created")
    assert isinstance(notification, RefundNotification)
    assert (notification.payment_id, notification.refund_id) == ("payment-1", "refund-1")
    assert notification.outcome == Refunded(made["id"], Money(400, Currency("usd")))


def test_a_refund_waiting_for_the_bank_is_under_way(ledger: Ledger) -> None:
    made = a_refund(ledger, "tok_pendingRefund")
    notification = heard(ledger, "refund.created")
    assert isinstance(notification, RefundNotification)
    assert notification.outcome == RefundPending(made["id"])


@pytest.mark.parametrize("kind", ["refund.failed", "refund.updated", "charge.refund.updated"])
def test_a_refund_that_failed_is_evidence(ledger: Ledger, kind: str) -> None:
    made = a_refund(ledger)
    refunds.finish(ledger, made, succeeded=False)
    notification = heard(ledger, kind)
    assert isinstance(notification, RefundNotification)
    assert notification.outcome == RefundFailed("expired_or_canceled_card", made["id"])


def test_a_refund_by_hand_names_the_charge_it_is_of(ledger: Ledger) -> None:
    charge = a_charge(ledger)
    made = refunds.create(ledger, {"charge": charge["id"]})
    told = heard(ledger, "refund.created")
    assert isinstance(told, ExternalRefundNotification)
    assert (told.charge_id, told.reference, told.amount) == (charge["id"], made["id"], TEN)
    assert told.outcome == Refunded(made["id"], TEN)
    notification = heard(ledger, "charge.refunded")
    assert isinstance(notification, PaymentNotification)
    assert notification.outcome is None


# --- form and signature ------------------------------------------------------------------------


@pytest.mark.parametrize("event", [{}, {"id": ""}, {"id": 7}, {"id": "evt 1"}, {"id": "e" * 256}])
def test_an_event_without_a_usable_id_is_refused(event: Json) -> None:
    with pytest.raises(InvalidNotification):
        read(event)


@pytest.mark.parametrize("about", [{}, [], None, {"object": {"metadata": "payment-1"}}])
def test_an_event_about_nothing_is_none_of_ours(about: Any) -> None:
    assert read(
        {"id": "evt_1", "type": "charge.succeeded", "data": about}
    ) == UnrelatedNotification("evt_1")


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "???"}, {"amount_captured": 10.0}, {"amount_captured": -1}, {"status": "new"},
        {"amount_captured": True}, {"livemode": "no"}, {"id": None}, {"currency": None},
    ],
)  # fmt: skip
def test_a_charge_that_cannot_be_read_says_look(ledger: Ledger, change: Json) -> None:
    charge = {**a_charge(ledger), **change}
    event = {"id": "evt_1", "type": "charge.succeeded", "data": {"object": charge}}
    assert read(event) == PaymentNotification("evt_1", "payment-1")  # type: ignore[arg-type]


def notifications(*secrets: str) -> StripeNotificationReader:
    return StripeNotificationReader(secrets, lambda: NOW)


@pytest.mark.parametrize(
    ("ours", "theirs"), [((OLD, NEW), (OLD,)), ((OLD, NEW), (NEW,)), ((NEW,), (OLD, NEW))]
)
def test_either_secret_will_do_while_one_is_rolled_over(
    ours: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    body = b'{"id": "evt_1"}'
    assert notifications(*ours).read(body, sign(body, *theirs)) == UnrelatedNotification("evt_1")


def test_without_a_secret_nothing_is_read() -> None:
    body = b'{"id": "evt_1"}'
    with pytest.raises(InvalidNotification):
        notifications().read(body, sign(body, ""))


@pytest.mark.parametrize("seconds", [300, -300])
def test_a_notice_may_be_five_minutes_off_but_no_more(seconds: int) -> None:
    body = b'{"id": "evt_1"}'
    off = timedelta(seconds=seconds)
    assert notifications(OLD).read(body, sign(body, OLD, later=off)) == UnrelatedNotification(
        "evt_1"
    )
    with pytest.raises(InvalidNotification):
        notifications(OLD).read(body, sign(body, OLD, later=off + off / 300))


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=,v1=",
        "t=now,v1=x",
        "t=1_0,v1=x",
        "t=\u0661,v1=x",
        f"t={'9' * 5000},v1=x",
        "t=-1,v1=x",
    ],
)
def test_a_signature_of_another_form_is_refused(signature: str) -> None:
    with pytest.raises(InvalidNotification):
        notifications(OLD).read(b'{"id": "evt_1"}', signature)


def test_a_second_timestamp_is_refused() -> None:
    body = b'{"id": "evt_1"}'
    with pytest.raises(InvalidNotification):
        notifications(OLD).read(body, sign(body, OLD) + ",t=1")


def test_bytes_that_are_no_utf_8_are_refused_signed_or_not() -> None:
    body = b'{"id": "evt_\xff"}'
    with pytest.raises(InvalidNotification):
        notifications(OLD).read(body, sign(body, OLD))


def test_the_secrets_are_in_no_repr() -> None:
    assert "whsec" not in repr(notifications(OLD, NEW))
