"""Stripe's payments whose money comes later: bank debits, which are `processing` for days."""

import json
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.stripe.notifications import StripeNotificationReader
from application.ports.gateway_notifications import PaymentNotification
from application.ports.payment_gateway import CardToken, OutcomeUnknown
from domain.outcome import Charged, Declined, Outcome, Pending
from domain.payment import Payment
from payments_kit.conformance.samples import a_payment
from payments_kit.doubles.stripe import lifecycle
from payments_kit.doubles.stripe.ledger import Plan
from tests.adapters.gateways.stripe_account import Account
from tests.builders import NOW

DEBIT = CardToken("pm_usBankAccount_success")
SUBMITTED = CardToken("pm_usBankAccount_submitted")


async def waiting(account: Account, token: CardToken = DEBIT) -> Payment:
    """Return a pending payment."""
    payment = a_payment()
    pending = await account.intents.charge(payment, token)
    assert isinstance(pending, Pending)
    return evolve(payment, reference=pending.reference)


def finish(account: Account, *, succeeded: bool) -> None:
    """Let the bank decide about the only charge."""
    (charge,) = account.stripe.ledger.charges.values()
    lifecycle.finish(account.stripe.ledger, charge, succeeded=succeeded)


def last_outcome(account: Account, type_: str) -> Outcome | None:
    """Return the outcome that the last event of this type proves."""
    events = [each for each in account.stripe.ledger.events.values() if each["type"] == type_]
    body: Any = json.dumps(events[-1]).encode()
    notification = StripeNotificationReader(["whsec"], lambda: NOW).read_verified(body)
    assert isinstance(notification, PaymentNotification)
    return notification.outcome


async def test_a_card_that_is_processing_is_unknown_and_not_pending(account: Account) -> None:
    account.stripe.ledger.next_charges.append(Plan("pending"))
    payment = a_payment()
    with pytest.raises(OutcomeUnknown):
        await account.intents.charge(payment, CardToken("pm_card_visa"))
    with pytest.raises(OutcomeUnknown):
        await account.intents.cancel(payment)


async def test_a_debit_that_the_bank_has_not_yet_can_be_cancelled(account: Account) -> None:
    payment = await waiting(account)
    assert payment.reference is not None
    assert await account.intents.cancel(payment) == Declined("canceled", payment.reference)
    assert last_outcome(account, "payment_intent.canceled") == Declined(
        "canceled", payment.reference
    )


async def test_a_debit_that_the_bank_has_stays_pending_when_it_is_cancelled(
    account: Account,
) -> None:
    payment = await waiting(account, SUBMITTED)
    assert await account.intents.cancel(payment) == Pending(payment.reference)
    finish(account, succeeded=True)
    assert isinstance(await account.intents.find(payment), Charged)


async def test_a_debit_that_fails_is_declined_and_its_intent_closed(account: Account) -> None:
    payment = await waiting(account)
    assert last_outcome(account, "payment_intent.processing") is None
    finish(account, succeeded=False)
    assert last_outcome(account, "payment_intent.payment_failed") is None
    assert last_outcome(account, "charge.failed") is None
    assert await account.intents.find(payment) == Declined("generic_decline", payment.reference)
    (intent,) = account.stripe.ledger.payment_intents.values()
    assert intent["status"] == "canceled"


async def test_the_money_is_reported_by_an_event(account: Account) -> None:
    payment = await waiting(account)
    finish(account, succeeded=True)
    for type_ in ("payment_intent.succeeded", "charge.succeeded"):
        outcome = last_outcome(account, type_)
        assert isinstance(outcome, Charged)
        assert (outcome.amount, outcome.reference) == (payment.amount, payment.reference)


async def test_a_pending_charge_of_the_charges_api_is_found_with_intents(account: Account) -> None:
    payment = a_payment()
    pending = await account.charges.charge(payment, CardToken("btok_us_verified"))
    assert isinstance(pending, Pending)
    assert await account.intents.find(payment) == pending
    assert await account.intents.find(evolve(payment, reference=pending.reference)) == pending
    assert await account.charges.cancel(payment) == pending


@pytest.mark.parametrize("details", [None, {}, {"type": None}, {"type": "card"}])
async def test_only_a_method_that_is_known_not_to_be_a_card_is_pending(
    account: Account, details: object
) -> None:
    payment = await waiting(account)
    (charge,) = account.stripe.ledger.charges.values()
    charge["payment_method_details"] = details
    with pytest.raises(OutcomeUnknown):
        await account.intents.find(payment)
