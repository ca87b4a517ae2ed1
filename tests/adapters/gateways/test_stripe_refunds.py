"""What Stripe's adapters send for a refund, and what they make of each answer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import evolve

from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import RefundId
from domain.money import Currency, Money
from domain.outcome import Charged
from domain.payment import Payment
from domain.refund import Refund, Refunded, RefundFailed, RefundPending
from payments_kit.conformance.promises import a_payment, a_refund
from payments_kit.doubles.stripe import charges, refunds
from payments_kit.doubles.stripe.ledger import Plan
from tests.adapters.gateways.stripe import AtStripe, at_stripe

REFUNDS = "/v1/refunds"


@pytest.fixture
async def at() -> AsyncIterator[AtStripe]:
    async with at_stripe() as at:
        yield at


async def to_refund(
    at: AtStripe, minor_units: int | None = None, token: str = "tok_visa"
) -> tuple[Payment, Refund]:
    """A payment of $10, and a refund of it not yet sent."""
    payment = a_payment(1000)
    charged = await at.intents.charge(payment, CardToken(token))
    assert isinstance(charged, Charged)
    return payment, a_refund(payment, charged, minor_units)


def externally(at: AtStripe, refund: Refund, minor_units: int) -> dict[str, Any]:
    """Somebody gives money back at Stripe's own pages."""
    return refunds.create(at.stripe.ledger, {"charge": refund.charge_id, "amount": minor_units})


async def test_a_refund_carries_its_key_and_whose_it_is(at: AtStripe) -> None:
    payment, refund = await to_refund(at, 400)
    await at.intents.refund(payment, refund)
    (request,) = at.sent(REFUNDS)
    assert request["key"] == refund.key
    assert request["params"]["amount"] == "400"
    assert request["params"]["metadata"] == {
        "payment_id": payment.id,
        "order_id": payment.order_id,
        "refund_id": refund.id,
        "refund_key": refund.key,
    }


async def test_a_refund_that_waits_for_the_bank_is_under_way_until_it_ends(at: AtStripe) -> None:
    payment, refund = await to_refund(at, token="tok_pendingRefund")
    under_way = await at.intents.refund(payment, refund)
    assert isinstance(under_way, RefundPending)
    assert await at.intents.find_refund(payment, refund) == under_way
    made = at.stripe.ledger.refunds[under_way.reference]
    refunds.finish(at.stripe.ledger, made, succeeded=True)
    found = await at.intents.find_refund(payment, refund)
    assert found == Refunded(under_way.reference, refund.amount)


async def test_a_refund_that_the_bank_sends_back_is_refused(at: AtStripe) -> None:
    payment, refund = await to_refund(at)
    given = await at.intents.refund(payment, refund)
    assert isinstance(given, Refunded)
    made = at.stripe.ledger.refunds[given.reference]
    refunds.finish(at.stripe.ledger, made, succeeded=False)
    found = await at.intents.find_refund(payment, refund)
    assert found == RefundFailed("expired_or_canceled_card", given.reference)


async def test_a_refund_that_fails_at_once_is_refused_with_its_name(at: AtStripe) -> None:
    at.stripe.ledger.next_refunds.append(Plan("failed"))
    payment, refund = await to_refund(at)
    refused = await at.intents.refund(payment, refund)
    assert isinstance(refused, RefundFailed)
    assert refused.reference in at.stripe.ledger.refunds


async def test_money_given_back_by_hand_already_counts_as_the_refund(at: AtStripe) -> None:
    payment, refund = await to_refund(at)
    theirs = externally(at, refund, 1000)
    outcome = await at.intents.refund(payment, refund)
    assert outcome == Refunded(theirs["id"], refund.amount)


async def test_another_refund_of_ours_does_not_count_as_this_one(at: AtStripe) -> None:
    payment, refund = await to_refund(at)
    await at.intents.refund(payment, refund)
    other = evolve(refund, id=RefundId("another"))
    assert await at.intents.refund(payment, other) == RefundFailed("charge_already_refunded")


async def test_less_given_back_by_hand_does_not_count(at: AtStripe) -> None:
    payment, refund = await to_refund(at, 1000)
    for minor_units in (300, 700):
        externally(at, refund, minor_units)
    assert await at.intents.refund(payment, refund) == RefundFailed("charge_already_refunded")


async def test_a_refund_of_more_than_is_left_is_refused(at: AtStripe) -> None:
    payment, refund = await to_refund(at, 1000)
    externally(at, refund, 300)
    assert await at.intents.refund(payment, refund) == RefundFailed("invalid_amount")


async def test_a_disputed_charge_is_not_refunded(at: AtStripe) -> None:
    payment, refund = await to_refund(at)
    charges.dispute(at.stripe.ledger, at.stripe.ledger.charges[refund.charge_id])
    assert await at.intents.refund(payment, refund) == RefundFailed("charge_disputed")


async def test_what_stripe_cannot_express_is_refused_before_anything_is_sent(
    at: AtStripe,
) -> None:
    payment, refund = await to_refund(at)
    odd = evolve(refund, amount=Money(1234, Currency("kwd")))
    assert await at.intents.refund(payment, odd) == RefundFailed("amount_not_supported")
    assert at.sent(REFUNDS) == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, GatewayUnavailable),
        (429, GatewayUnavailable),
        (409, OutcomeUnknown),
        (500, OutcomeUnknown),
    ],
)
async def test_a_status_means_what_stripe_says_it_means(
    at: AtStripe, status: int, error: type[Exception]
) -> None:
    payment, refund = await to_refund(at)
    at.stripe.faults.add("status_before", f"^{REFUNDS}$", status=status)
    with pytest.raises(error):
        await at.intents.refund(payment, refund)
    assert not at.stripe.ledger.refunds


async def test_a_stored_error_whose_list_cannot_be_read_stays_unknown(at: AtStripe) -> None:
    payment, refund = await to_refund(at)
    at.stripe.faults.add("status_after", f"^{REFUNDS}$", status=500)
    with pytest.raises(OutcomeUnknown):
        await at.intents.refund(payment, refund)
    at.stripe.faults.add("truncate", f"^{REFUNDS}$", method="GET")
    with pytest.raises(OutcomeUnknown):
        await at.intents.refund(payment, refund)
    assert isinstance(await at.intents.refund(payment, refund), Refunded)


async def test_a_refund_forgotten_by_stripe_after_a_day_is_still_found(at: AtStripe) -> None:
    payment, refund = await to_refund(at)
    given = await at.intents.refund(payment, refund)
    at.stripe.double.keys.forget()
    assert await at.intents.find_refund(payment, refund) == given
    assert await at.intents.refund(payment, refund) == given
    assert len(at.stripe.ledger.refunds) == 1
