"""PayPal's orders: which of them may be charged, and what becomes of a cancelled one."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.paypal.labels import Label
from adapters.gateways.paypal.payees import Payee
from application.ports.payment_gateway import (
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
)
from domain.identifiers import OrderId
from domain.money import Currency, Money
from domain.outcome import (
    Approved,
    Charged,
    Declined,
    Refused,
    RequiresAction,
)
from payments_kit.conformance.samples import a_payment
from payments_kit.doubles.paypal.ledger import PAYEE
from tests.adapters.gateways.paypal_account import (
    Account,
    make_gateway,
    manual,
    paypal_account,
)

CAPTURE, READ = r"/capture$", "^/v2/checkout/orders/"


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with paypal_account() as account:
        yield account


async def test_a_session_has_our_order_and_the_shop_s_addresses(account: Account) -> None:
    payment = a_payment(1999)
    session = await account.session(payment)
    order = account.paypal.ledger.orders[session.token]
    [unit] = order["purchase_units"]
    assert unit["amount"] == {"currency_code": "USD", "value": "19.99"}
    label = Label.read(unit["custom_id"])
    assert label is not None
    assert label.is_for(payment.order_id)
    assert label.payment is None
    assert order["intent"] == "CAPTURE"
    assert order["_return_url"] == "https://shop.example/paid"
    assert order["_cancel_url"] == "https://shop.example/basket"
    assert session.token in session.approve_url
    assert account.gateway.reference_of(session.token) == session.token


async def test_a_session_in_a_currency_that_paypal_lacks_is_refused_unsent(
    account: Account,
) -> None:
    payment = a_payment(1000, "kwd")
    with pytest.raises(AssertionError, match="amount_not_supported"):
        await account.session(payment)
    charged = await account.gateway.charge(payment, CardToken("A" * 17))
    assert isinstance(charged, Refused)
    assert not account.paypal.double.recent


async def test_a_charge_binds_the_order_and_takes_the_money_with_the_payment_s_key(
    account: Account,
) -> None:
    payment = await account.approved(a_payment(1999))
    outcome = await account.charge(payment)
    assert isinstance(outcome, Charged)
    assert outcome.reference == payment.reference
    [capture] = account.paypal.ledger.captures.values()
    label = Label.read(capture["custom_id"])
    assert label is not None
    assert label.payment == payment.id
    assert capture["invoice_id"] == f"{payment.order_id}:{payment.id}"
    assert [each["key"] for each in account.attempts] == [payment.id]


async def test_an_order_that_is_not_approved_takes_nothing_and_has_its_address(
    account: Account,
) -> None:
    payment = await account.claimed(a_payment())
    action = await account.charge(payment)
    assert isinstance(action, RequiresAction)
    assert action.redirect_url is not None
    assert payment.reference is not None
    assert payment.reference in action.redirect_url
    assert action.redirect_url not in repr(action)
    assert not account.attempts
    account.approve(payment)
    for _ in range(2):
        assert await account.gateway.find(payment) == Approved(payment.reference)
    assert not account.attempts
    taken = await account.gateway.take(payment)
    assert isinstance(taken, Charged)
    assert await account.gateway.take(payment) == taken == await account.gateway.find(payment)
    assert len(account.paypal.ledger.captures) == 1


async def test_an_order_of_another_amount_currency_or_mode_takes_nothing(account: Account) -> None:
    payment = await account.approved(a_payment(1999))
    for other, code in (
        (evolve(payment, amount=Money(2000, Currency("usd"))), "session_of_another_amount"),
        (evolve(payment, amount=Money(1999, Currency("eur"))), "session_of_another_amount"),
        (manual(payment), "session_of_another_capture_mode"),
        (evolve(payment, order_id=OrderId("another")), "session_of_another_order"),
    ):
        assert await account.charge(other) == Declined(code, payment.reference)
        found = await account.gateway.find(other)
        assert found == Declined(code, payment.reference)
    assert not account.attempts


async def test_an_order_that_another_application_has_created_takes_nothing(
    account: Account,
) -> None:
    payment = await account.approved(a_payment())
    account.order(payment)["purchase_units"][0]["custom_id"] = "basket 7"
    declined = Declined("session_of_another_order", payment.reference)
    assert await account.charge(payment) == declined
    [unit] = account.order(payment)["purchase_units"]
    del unit["custom_id"]
    assert await account.charge(payment) == declined
    account.order(payment)["purchase_units"].append({**unit, "reference_id": "another"})
    assert await account.charge(payment) == declined
    assert not account.attempts


OWN_ADDRESS = PAYEE["email_address"]
THIEF = {"email_address": "thief@payer.example", "merchant_id": "THIEF23456789"}


@pytest.mark.parametrize(
    "payee",
    [THIEF, {"email_address": "thief@payer.example"}, THIEF | {"email_address": OWN_ADDRESS}],
)
async def test_an_order_that_pays_somebody_else_takes_nothing(
    account: Account, payee: dict[str, str]
) -> None:
    payment = await account.approved(a_payment())
    account.order(payment)["purchase_units"][0]["payee"] = payee
    declined = Declined("session_of_another_payee", payment.reference)
    # Another process has created no session, and learns from an order of its own.
    other = make_gateway(account.paypal.url)
    assert await other.charge(payment, CardToken(payment.reference or "")) == declined
    for call in (account.gateway.find, account.gateway.take, account.gateway.cancel, other.find):
        assert await call(payment) == declined
    assert len(account.sent("/v2/checkout/orders")) == 2
    assert not account.attempts
    await other.close()


@pytest.mark.parametrize(
    ("named", "is_ours"),
    [
        ({"email_address": OWN_ADDRESS.upper()}, True),
        ({"merchant_id": PAYEE["merchant_id"], "email_address": "other@shop.example"}, True),
        ({"merchant_id": PAYEE["merchant_id"].lower()}, False),
        ({"merchant_id": THIEF["merchant_id"], "email_address": OWN_ADDRESS}, False),
        ({"display_data": {}}, False),
    ],
)
def test_an_account_has_one_id_and_an_address_in_any_letters(
    named: dict[str, Any], is_ours: bool
) -> None:
    own, other = Payee.of({"payee": PAYEE}), Payee.of({"payee": named})
    assert own is not None
    assert other is not None
    assert own.is_same_as(other) is other.is_same_as(own) is is_ours


async def test_an_order_whose_payee_is_changed_before_the_capture_has_paid_nothing(
    account: Account,
) -> None:
    payment = await account.approved(a_payment())
    declined = Declined("session_of_another_payee", payment.reference)

    def change(_event: object) -> None:
        account.order(payment)["purchase_units"][0]["payee"] = THIEF

    # The double tells of the capture before it replies.
    account.paypal.ledger.listeners.append(change)
    assert await account.charge(payment) == declined == await account.gateway.find(payment)


async def test_no_session_is_refused_while_nobody_says_who_we_are(account: Account) -> None:
    payment = await account.approved(a_payment())
    other = make_gateway(account.paypal.url)
    for status in (403, 422, 503):
        error = {"issue": "PERMISSION_DENIED"} if status == 403 else None
        account.paypal.faults.add("status_before", "/orders$", status=status, error=error)
        with pytest.raises(GatewayUnavailable):
            await other.charge(payment, CardToken(payment.reference or ""))
    account.paypal.faults.add("status_before", "/orders$", status=503)
    with pytest.raises(OutcomeUnknown):
        await other.find(payment)
    assert isinstance(await other.charge(payment, CardToken(payment.reference or "")), Charged)
    await other.close()


async def test_a_reply_that_is_lost_after_the_order_was_bound_leaves_the_payment_to_recovery(
    account: Account,
) -> None:
    payment = await account.approved(a_payment())
    account.paypal.faults.add("reset_after", READ, method="PATCH")
    with pytest.raises(OutcomeUnknown):
        await account.charge(payment)
    assert not account.attempts
    assert await account.gateway.find(payment) == Approved(payment.reference or "")
    assert isinstance(await account.gateway.take(payment), Charged)


async def test_an_order_pays_one_payment_only(account: Account) -> None:
    first = await account.approved(a_payment())
    second = evolve(a_payment(), order_id=first.order_id, reference=first.reference)
    used = Declined("session_already_used", first.reference)
    charged = await account.charge(first)
    assert isinstance(charged, Charged)
    assert await account.charge(second) == used == await account.gateway.find(second)
    assert await account.gateway.find(first) == charged
    waiting = await account.claimed(a_payment())
    await account.charge(waiting)
    again = evolve(a_payment(), order_id=waiting.order_id, reference=waiting.reference)
    assert await account.charge(again) == Declined("session_already_used", waiting.reference)


async def test_an_order_that_was_captured_without_us_takes_nothing_more(account: Account) -> None:
    payment = await account.approved(a_payment())
    await account.gateway.api.post(f"/v2/checkout/orders/{payment.reference}/capture", 5)
    assert await account.charge(payment) == Declined("session_already_used", payment.reference)
    assert len(account.attempts) == 1


@pytest.mark.parametrize("token", ["", "tok_visa", "../payments", "A" * 37, "abc", "É" * 17])
async def test_a_token_that_is_no_order_is_declined_unsent(account: Account, token: str) -> None:
    assert account.gateway.reference_of(token) is None
    outcome = await account.gateway.charge(a_payment(), CardToken(token))
    assert outcome == Declined("session_unknown")
    assert not account.paypal.double.recent


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, {"issue": "INVALID_RESOURCE_ID"}), (403, {"issue": "PERMISSION_DENIED"})],
)
async def test_an_order_of_another_shop_is_declined(
    account: Account, status: int, error: dict[str, str]
) -> None:
    payment = await account.approved(a_payment())
    account.paypal.faults.add("status_before", READ, method="GET", status=status, error=error)
    assert await account.charge(payment) == Declined("session_unknown", payment.reference)
    assert not account.attempts


async def test_a_payment_is_never_charged_with_a_second_order(account: Account) -> None:
    payment = await account.approved(a_payment())
    other = await account.approved(payment)
    with pytest.raises(OutcomeUnknown):
        await account.gateway.charge(payment, CardToken(other.reference or ""))
    assert not account.attempts


async def test_a_cancelled_order_takes_nothing_even_if_it_is_approved_later(
    account: Account,
) -> None:
    payment = await account.claimed(a_payment())
    await account.charge(payment)
    cancelled = Declined("cancelled", payment.reference)
    assert await account.gateway.cancel(payment) == cancelled
    account.approve(payment)
    for call in (account.gateway.find, account.gateway.take, account.gateway.cancel):
        assert await call(payment) == cancelled
    assert await account.charge(payment) == cancelled
    assert not account.attempts


@pytest.mark.parametrize("status", [400, 422])
async def test_an_order_whose_intent_cannot_be_changed_takes_nothing_after_its_cancellation(
    account: Account, status: int
) -> None:
    payment = await account.claimed(a_payment())
    await account.charge(payment)
    account.paypal.faults.add("status_before", READ, method="PATCH", status=status)
    cancelled = Declined("cancelled", payment.reference)
    assert await account.gateway.cancel(payment) == cancelled
    account.approve(payment)
    assert await account.gateway.take(payment) == cancelled
    assert not account.has_taken


async def test_an_approved_order_that_cannot_be_changed_is_not_cancelled(account: Account) -> None:
    payment = await account.claimed(a_payment())
    await account.charge(payment)
    account.approve(payment)
    account.paypal.faults.add("status_before", READ, method="PATCH", status=422, times=2)
    with pytest.raises(OutcomeUnknown):
        await account.gateway.cancel(payment)
    assert isinstance(await account.gateway.find(payment), Approved)


async def test_a_capture_in_flight_during_a_cancellation_belongs_to_the_cancelled_payment(
    account: Account,
) -> None:
    payment = await account.approved(a_payment())
    account.paypal.faults.add("late", CAPTURE, seconds=60.0)
    with pytest.raises(OutcomeUnknown):
        await account.charge(payment)
    assert isinstance(await account.gateway.cancel(payment), Declined)
    account.paypal.faults.release()
    await account.late_are_executed(1)
    # Either PayPal has refused it, or it is found, so that it is given back.
    found = await account.gateway.find(payment)
    assert isinstance(found, Charged) is account.has_taken


async def test_an_order_that_is_gone_is_unknown_to_paypal(account: Account) -> None:
    payment = await account.claimed(a_payment())
    await account.charge(payment)
    del account.paypal.ledger.orders[payment.reference or ""]
    assert await account.gateway.find(payment) is None
    assert await account.gateway.cancel(payment) is None
    assert await account.gateway.take(payment) == Declined("session_unknown", payment.reference)
