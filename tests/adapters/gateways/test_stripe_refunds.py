"""What Stripe's adapters send for a refund, and how they translate each reply."""

from typing import Any

import pytest
from attrs import evolve

from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import RefundId
from domain.money import Currency, Money
from domain.outcome import Charged
from domain.payment import Payment
from domain.refund import Refund, Refunded, RefundFailed, RefundPending
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.stripe import disputes, refunds
from payments_kit.doubles.stripe.ledger import Plan
from tests.adapters.gateways.stripe_account import Account

REFUNDS = "/v1/refunds"


async def to_refund(
    account: Account, minor_units: int | None = None, token: str = "tok_visa"
) -> tuple[Payment, Refund]:
    """Charge $10; return a refund of it that was not sent yet."""
    payment = a_payment(1000)
    charged = await account.intents.charge(payment, CardToken(token))
    assert isinstance(charged, Charged)
    return payment, a_refund(payment, charged, minor_units)


def refund_externally(account: Account, refund: Refund, minor_units: int) -> dict[str, Any]:
    params = {"charge": refund.charge_id, "amount": minor_units}
    return refunds.create(account.stripe.ledger, params)


async def test_a_refund_has_its_key_and_our_labels(account: Account) -> None:
    payment, refund = await to_refund(account, 400)
    await account.intents.refund(payment, refund)
    (request,) = account.sent(REFUNDS)
    assert request["key"] == refund.key
    assert request["params"]["amount"] == "400"
    assert request["params"]["metadata"] == {
        "payment_id": payment.id,
        "order_id": payment.order_id,
        "refund_id": refund.id,
        "refund_key": refund.key,
    }


async def test_a_pending_refund_stays_pending_until_the_bank_completes_it(account: Account) -> None:
    payment, refund = await to_refund(account, token="tok_pendingRefund")
    pending = await account.intents.refund(payment, refund)
    assert isinstance(pending, RefundPending)
    assert await account.intents.find_refund(payment, refund) == pending
    made = account.stripe.ledger.refunds[pending.reference]
    refunds.finish(account.stripe.ledger, made, succeeded=True)
    found = await account.intents.find_refund(payment, refund)
    assert found == Refunded(pending.reference, refund.amount)


async def test_a_refund_that_the_bank_returns_has_failed(account: Account) -> None:
    payment, refund = await to_refund(account)
    refunded = await account.intents.refund(payment, refund)
    assert isinstance(refunded, Refunded)
    made = account.stripe.ledger.refunds[refunded.reference]
    refunds.finish(account.stripe.ledger, made, succeeded=False)
    found = await account.intents.find_refund(payment, refund)
    assert found == RefundFailed("expired_or_canceled_card", refunded.reference)


async def test_a_refund_that_fails_at_once_has_its_reference(account: Account) -> None:
    account.stripe.ledger.next_refunds.append(Plan("failed"))
    payment, refund = await to_refund(account)
    failed = await account.intents.refund(payment, refund)
    assert isinstance(failed, RefundFailed)
    assert failed.reference in account.stripe.ledger.refunds
    assert account.stripe.ledger.charges[refund.charge_id]["amount_refunded"] == 0


async def test_an_external_refund_of_the_same_amount_counts_as_the_refund(account: Account) -> None:
    payment, refund = await to_refund(account)
    external = refund_externally(account, refund, 1000)
    outcome = await account.intents.refund(payment, refund)
    assert outcome == Refunded(external["id"], refund.amount)


@pytest.mark.parametrize(
    ("external", "code"),
    [((300, 700), "charge_already_refunded"), ((300,), "invalid_amount")],
)
async def test_external_refunds_of_other_amounts_do_not_count(
    account: Account, external: tuple[int, ...], code: str
) -> None:
    payment, refund = await to_refund(account, 1000)
    for minor_units in external:
        refund_externally(account, refund, minor_units)
    assert await account.intents.refund(payment, refund) == RefundFailed(code)


async def test_an_attempt_that_has_failed_does_not_hide_what_used_the_rest(
    account: Account,
) -> None:
    account.stripe.ledger.next_refunds.append(Plan("failed"))
    payment, refund = await to_refund(account)
    assert isinstance(await account.intents.refund(payment, refund), RefundFailed)
    external = refund_externally(account, refund, 1000)
    outcome = await account.intents.refund(payment, evolve(refund, attempt=1))
    assert outcome == Refunded(external["id"], refund.amount)


async def test_an_external_refund_that_has_failed_is_none(account: Account) -> None:
    payment, refund = await to_refund(account)
    account.stripe.ledger.next_refunds.append(Plan("failed"))
    for minor_units in (1000, 300, 700):
        refund_externally(account, refund, minor_units)
    outcome = await account.intents.refund(payment, refund)
    assert outcome == RefundFailed("charge_already_refunded")


async def test_another_refund_of_ours_does_not_count_as_this_one(account: Account) -> None:
    payment, refund = await to_refund(account)
    await account.intents.refund(payment, refund)
    other = evolve(refund, id=RefundId("another"))
    outcome = await account.intents.refund(payment, other)
    assert outcome == RefundFailed("charge_already_refunded")


async def test_a_disputed_charge_is_not_refunded(account: Account) -> None:
    payment, refund = await to_refund(account)
    ledger = account.stripe.ledger
    disputes.open_dispute(ledger, ledger.charges[refund.charge_id])
    assert await account.intents.refund(payment, refund) == RefundFailed("charge_disputed")


async def test_an_amount_stripe_cannot_express_fails_before_a_request(account: Account) -> None:
    payment, refund = await to_refund(account)
    odd = evolve(refund, amount=Money(1234, Currency("kwd")))
    assert await account.intents.refund(payment, odd) == RefundFailed("amount_not_supported")
    assert account.sent(REFUNDS) == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, GatewayUnavailable) for status in (401, 429)),
        *((status, OutcomeUnknown) for status in (409, 500)),
    ],
)
async def test_a_status_means_what_stripe_documents(
    account: Account, status: int, error: type[Exception]
) -> None:
    payment, refund = await to_refund(account)
    account.stripe.faults.add("status_before", f"^{REFUNDS}$", status=status)
    with pytest.raises(error):
        await account.intents.refund(payment, refund)
    assert not account.stripe.ledger.refunds


async def test_a_stored_error_stays_unknown_while_the_list_cannot_be_read(account: Account) -> None:
    payment, refund = await to_refund(account)
    account.stripe.faults.add("status_after", f"^{REFUNDS}$", status=500)
    account.stripe.faults.add("truncate", f"^{REFUNDS}$", method="GET")
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await account.intents.refund(payment, refund)
    assert isinstance(await account.intents.refund(payment, refund), Refunded)


async def test_a_refund_is_found_after_its_key_has_expired(account: Account) -> None:
    payment, refund = await to_refund(account)
    refunded = await account.intents.refund(payment, refund)
    account.stripe.double.keys.forget()
    assert await account.intents.find_refund(payment, refund) == refunded
    assert await account.intents.refund(payment, refund) == refunded
    assert len(account.stripe.ledger.refunds) == 1
