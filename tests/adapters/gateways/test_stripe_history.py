"""No charge that may be ours is missing in the list of charges."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.stripe.events import event_about
from adapters.gateways.stripe.notifications import read_event
from application.ports.gateway_history import UnreadableCharge
from application.ports.gateway_notifications import PaymentNotification, UnusableNotification
from application.ports.payment_gateway import CardToken
from domain.identifiers import OrderId
from domain.outcome import Charged
from domain.payment import Payment
from payments_kit.conformance.samples import a_payment
from payments_kit.doubles.stripe import refunds
from tests.adapters.gateways.stripe_account import Account

HOUR = timedelta(hours=1)
VISA = CardToken("tok_visa")


async def charge(account: Account, payment: Payment | None = None) -> tuple[Payment, Any]:
    """Charge a payment; return it with Stripe's charge, which may be changed."""
    payment = payment or a_payment(1000)
    charged = await account.intents.charge(payment, VISA)
    assert isinstance(charged, Charged)
    return payment, account.stripe.ledger.charges[charged.charge_id]


async def listed(account: Account) -> Any:
    """Return the only charge that is listed; None if there is none."""
    now = datetime.now(UTC)
    found = list(await account.intents.list_charges(now - HOUR, now + HOUR))
    assert len(found) <= 1
    return found[0] if found else None


async def test_a_time_may_begin_and_end_within_the_second_of_a_charge(account: Account) -> None:
    _, made = await charge(account)
    at = datetime.fromtimestamp(made["created"], UTC)
    within = at + timedelta(milliseconds=500)
    # Stripe does not say whether the charge was before or after.
    assert len(await account.intents.list_charges(at - HOUR, within)) == 1
    assert len(await account.intents.list_charges(within, at + HOUR)) == 1
    assert not await account.intents.list_charges(at - HOUR, at)


@pytest.mark.parametrize("name", ["order_id", "user_id", "amount", "currency", "created_at"])
@pytest.mark.parametrize("value", [None, "", "\0", "?" * 501])
async def test_a_charge_whose_labels_are_incomplete_is_listed_as_a_webhook_would_report_it(
    account: Account, name: str, value: str | None
) -> None:
    payment, made = await charge(account)
    if value is None:
        del made["metadata"][name]
    else:
        made["metadata"][name] = value
    found = await listed(account)
    assert isinstance(found, UnreadableCharge)
    assert isinstance(found.notification, PaymentNotification)
    assert found.notification.payment_id == payment.id
    assert found.notification.claimed is None
    assert isinstance(found.notification.outcome, Charged)
    assert read_event(found.body) == found.notification


async def test_a_payment_whose_ids_are_too_long_for_labels_is_listed(account: Account) -> None:
    payment, _ = await charge(account, evolve(a_payment(), order_id=OrderId("o" * 300)))
    found = await listed(account)
    assert isinstance(found, UnreadableCharge)
    assert isinstance(found.notification, PaymentNotification)
    assert found.notification.payment_id == payment.id


@pytest.mark.parametrize(
    ("name", "value"), [("amount_captured", None), ("amount_refunded", "7"), ("currency", "xxx")]
)
async def test_a_charge_that_cannot_be_read_is_listed_with_the_payment_that_it_names(
    account: Account, name: str, value: object
) -> None:
    payment, made = await charge(account)
    made[name] = value
    found = await listed(account)
    assert isinstance(found, UnreadableCharge)
    assert isinstance(found.notification, UnusableNotification)
    assert found.notification.payment_id == payment.id
    assert found.notification.claimed is not None


async def test_a_charge_that_lacks_the_name_of_its_payment_is_ours_by_the_other_labels(
    account: Account,
) -> None:
    _, made = await charge(account)
    del made["metadata"]["payment_id"]
    found = await listed(account)
    assert isinstance(found, UnreadableCharge)
    assert isinstance(found.notification, UnusableNotification)
    assert "payment_id" in found.notification.reason


@pytest.mark.parametrize("labels", [{}, {"order_id": "1042"}, {"order_id": "1", "user_id": "2"}])
async def test_a_charge_of_another_application_is_not_listed(
    account: Account, labels: dict[str, str]
) -> None:
    _, made = await charge(account)
    made["metadata"] = labels
    assert await listed(account) is None


async def test_a_charge_that_has_changed_is_another_report(account: Account) -> None:
    _, made = await charge(account)
    before = read_event(event_about(made))
    assert read_event(event_about(made)).id == before.id
    refunds.create(account.stripe.ledger, {"charge": made["id"], "amount": 100})
    assert read_event(event_about(made)).id != before.id
