"""Replies with 409 for other reasons than a key in use: what they mean for money."""

from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from application.ports.payment_gateway import CardToken, OutcomeUnknown
from domain.outcome import Approved, Charged
from domain.refund import Refunded
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.faults import Kind
from tests.adapters.gateways.paypal_account import Account as PayPalAccount
from tests.adapters.gateways.paypal_account import paypal_account
from tests.adapters.gateways.stripe_account import CHARGES, INTENTS, Account, stripe_account

VISA = CardToken("tok_visa")
REFUNDS = "/v1/refunds"

# Codes that prove a decline, a refusal or a result with the statuses that Stripe documents.
OF_STRIPE = [
    {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"},
    *(
        {"type": "invalid_request_error", "code": code}
        for code in (
            *("resource_already_exists", "payment_intent_unexpected_state", "resource_missing"),
            *("charge_already_refunded", "amount_too_large", "a_code_of_tomorrow"),
        )
    ),
    {"type": "api_error"},
    {"type": "a_type_of_tomorrow", "code": "lock_timeout"},
]

# The same of PayPal, whose documented statuses for them are 400 and 422.
OF_PAYPAL = [
    {"name": "RESOURCE_CONFLICT"},
    *(
        {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue}]}
        for issue in (
            *("PREVIOUS_REQUEST_IN_PROGRESS", "INSTRUMENT_DECLINED", "ORDER_ALREADY_CAPTURED"),
            *("PAYEE_ACCOUNT_RESTRICTED", "CAPTURE_FULLY_REFUNDED", "AN_ISSUE_OF_TOMORROW"),
        )
    ),
]


@pytest.fixture(params=[CHARGES, INTENTS])
async def stripe(request: pytest.FixtureRequest) -> AsyncIterator[Account]:
    async with stripe_account(request.param) as account:
        yield account


@pytest.fixture
async def paypal() -> AsyncIterator[PayPalAccount]:
    async with paypal_account() as account:
        yield account


@pytest.mark.parametrize("kind", ["status_before", "status_after"])
async def test_a_charge_that_stripe_answers_with_409_is_unknown_and_is_looked_up(
    stripe: Account, kind: Kind
) -> None:
    for error in OF_STRIPE:
        payment = a_payment()
        stripe.stripe.faults.add(kind, f"^{stripe.path}$", status=409, error=error)
        with pytest.raises(OutcomeUnknown):
            await stripe.gateway.charge(payment, VISA)
        found = await stripe.gateway.find(payment)
        assert isinstance(found, Charged) is (kind == "status_after"), error
    assert stripe.stripe.faults.happened[kind] == len(OF_STRIPE)


@pytest.mark.parametrize("kind", ["status_before", "status_after"])
async def test_a_refund_that_stripe_answers_with_409_is_unknown_and_made_once(
    stripe: Account, kind: Kind
) -> None:
    for error in OF_STRIPE:
        payment = a_payment()
        charged = await stripe.gateway.charge(payment, VISA)
        assert isinstance(charged, Charged)
        refund = a_refund(payment, charged)
        stripe.stripe.faults.add(kind, f"^{REFUNDS}$", status=409, error=error)
        with pytest.raises(OutcomeUnknown):
            await stripe.gateway.refund(payment, refund)
        found = await stripe.gateway.find_refund(payment, refund)
        assert (found is not None) is (kind == "status_after"), error
        assert isinstance(found or await stripe.gateway.refund(payment, refund), Refunded), error
    assert len(stripe.stripe.ledger.refunds) == len(OF_STRIPE)


@pytest.mark.parametrize("kind", ["status_before", "status_after"])
async def test_a_capture_that_paypal_answers_with_409_is_unknown_and_is_looked_up(
    paypal: PayPalAccount, kind: Kind
) -> None:
    for error in OF_PAYPAL:
        payment = await paypal.approved(a_payment())
        paypal.paypal.faults.add(kind, "/capture$", status=409, error=error)
        with pytest.raises(OutcomeUnknown):
            await paypal.charge(payment)
        found = await paypal.gateway.find(payment)
        assert isinstance(found, Charged if kind == "status_after" else Approved), error
    assert paypal.paypal.faults.happened[kind] == len(OF_PAYPAL)


@pytest.mark.parametrize("kind", ["status_before", "status_after"])
async def test_a_refund_that_paypal_answers_with_409_is_unknown_and_made_once(
    paypal: PayPalAccount, kind: Kind
) -> None:
    for error in OF_PAYPAL:
        payment = await paypal.approved(a_payment())
        charged = await paypal.charge(payment)
        assert isinstance(charged, Charged)
        payment = evolve(payment, charge_id=charged.charge_id)
        refund = a_refund(payment, charged)
        paypal.paypal.faults.add(kind, "/refund$", status=409, error=error)
        with pytest.raises(OutcomeUnknown):
            await paypal.gateway.refund(payment, refund)
        found = await paypal.gateway.find_refund(payment, refund)
        assert (found is not None) is (kind == "status_after"), error
        assert isinstance(found or await paypal.gateway.refund(payment, refund), Refunded), error
    assert len(paypal.paypal.ledger.refunds) == len(OF_PAYPAL)
