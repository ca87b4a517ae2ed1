"""What moves on Stripe's balance, as it lists it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.gateways.stripe import movements
from application.ports.gateway_movements import GatewayMovements
from application.ports.gateway_records import Period
from application.ports.payment_gateway import LookupRefused, OutcomeUnknown
from domain.movement import Movement, MovementKind, Payout
from domain.signed_amount import SignedAmount
from payments_kit.doubles.stripe import captures, charges, disputes, payouts, refunds
from payments_kit.doubles.stripe.balance import record
from tests.adapters.gateways.stripe_account import Account

HOUR = timedelta(hours=1)
Json = dict[str, Any]


def charge(account: Account, amount: int = 1999, currency: str = "usd") -> Json:
    """Charge a card at Stripe."""
    params = {"amount": amount, "currency": currency, "source": "tok_visa"}
    return charges.create(account.stripe.ledger, params)


def give_back(account: Account, made: Json, **more: Any) -> Json:
    return refunds.create(account.stripe.ledger, {"charge": made["id"], **more})


def now() -> Period:
    at = datetime.now(UTC)
    return Period(at - HOUR, at + HOUR)


async def listed(account: Account, payout: str | None = None) -> list[Movement]:
    """Return all movements, or those of a payout, oldest first."""
    lists, found, cursor = GatewayMovements.of(account.gateway), list[Movement](), None
    assert lists.list_movements is not None
    assert lists.list_payout_movements is not None
    while True:
        if payout is None:
            page = await lists.list_movements(now(), cursor)
        else:
            page = await lists.list_payout_movements(payout, cursor)
        found += page.records
        if (cursor := page.cursor) is None:
            return found[::-1]


async def one(account: Account) -> Movement:
    [movement] = await listed(account)
    return movement


async def payout_of(account: Account, made: Json) -> Payout:
    found = await account.gateway.find_payout(made["id"])
    assert found is not None
    return found


async def test_a_charge_has_a_fee_of_its_own_currency(account: Account) -> None:
    made = charge(account, 1999)
    movement = await one(account)
    # 2.9 % of $19.99 is 57.971 cents, and 30 cents.
    assert (movement.amount, movement.fee, movement.net) == (1999, 88, 1911)
    assert (movement.type, movement.source, movement.charge_id) == (
        "charge",
        made["id"],
        made["id"],
    )
    assert movement.id == made["balance_transaction"]


@pytest.mark.parametrize(
    ("currency", "amount", "ours"),
    [("jpy", 1999, 1999), ("kwd", 19990, 19990), ("huf", 199900, 199900), ("mga", 1999, 199900)],
)
async def test_amounts_are_in_minor_units_of_iso_4217(
    account: Account, currency: str, amount: int, ours: int
) -> None:
    charge(account, amount, currency)
    assert (await one(account)).amount == ours


async def test_a_refund_keeps_the_fee_and_its_failure_brings_it_back(account: Account) -> None:
    made = charge(account)
    back = give_back(account, made, amount=999)
    refunds.finish(account.stripe.ledger, back, succeeded=False)
    _, refund, failure = await listed(account)
    assert (refund.type, refund.amount, refund.fee) == ("refund", -999, 0)
    assert (failure.type, failure.amount) == ("refund_failure", 999)
    for each in (refund, failure):
        assert (each.source, each.charge_id) == (back["id"], made["id"])


async def test_a_dispute_costs_a_fee_and_may_come_back(account: Account) -> None:
    made = charge(account)
    dispute = disputes.open_dispute(account.stripe.ledger, made)
    disputes.close_dispute(account.stripe.ledger, dispute, "won")
    _, taken, back = await listed(account)
    assert (taken.type, taken.amount, taken.net) == ("dispute", -1999, -3499)
    assert (back.type, back.net) == ("dispute_reversal", 1999)
    assert taken.charge_id == back.charge_id == made["id"]


async def test_a_converted_charge_says_what_was_paid(account: Account) -> None:
    account.stripe.ledger.conversions["eur"] = ("usd", 1.234)
    made = charge(account, 1000, "eur")
    give_back(account, made, amount=500)
    paid, back = await listed(account)
    assert (paid.amount, paid.currency.code) == (1234, "usd")
    assert str(paid.original) == "10.00 eur"
    assert (back.amount, str(back.original)) == (-617, "-5.00 eur")
    assert isinstance(paid.original, SignedAmount)


async def test_what_was_paid_has_the_sign_of_each_movement_also_if_it_comes_back(
    account: Account,
) -> None:
    ledger = account.stripe.ledger
    ledger.conversions["eur"] = ("usd", 1.25)
    made = charge(account, 1000, "eur")
    refunds.finish(ledger, give_back(account, made, amount=500), succeeded=False)
    disputes.close_dispute(ledger, disputes.open_dispute(ledger, made), "won")
    assert {each.type: (each.amount, str(each.original)) for each in await listed(account)} == {
        "charge": (1250, "10.00 eur"),
        "refund": (-625, "-5.00 eur"),
        "refund_failure": (625, "5.00 eur"),
        "dispute": (-1250, "-10.00 eur"),
        "dispute_reversal": (1250, "10.00 eur"),
    }


async def test_what_was_not_captured_of_a_converted_charge_was_not_paid(account: Account) -> None:
    account.stripe.ledger.conversions["eur"] = ("usd", 1.25)
    params = {"amount": 1000, "currency": "eur", "source": "tok_visa", "capture": False}
    held = charges.create(account.stripe.ledger, params)
    captures.capture(account.stripe.ledger, held["id"], {"amount": 400})
    paid = await one(account)
    assert (paid.amount, str(paid.original)) == (500, "4.00 eur")


async def test_an_unknown_kind_is_told_in_stripe_s_own_word(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    record(account.stripe.ledger, "climate_order_purchase", None, -100, "usd")
    movement = await one(account)
    assert (movement.kind, movement.type) == (MovementKind.OTHER, "climate_order_purchase")
    assert movement.source is None
    assert "unknown kind 'climate_order_purchase'" in caplog.text


async def test_a_net_that_is_not_amount_less_fee_is_not_believed(account: Account) -> None:
    made = charge(account)
    account.stripe.ledger.reports[made["balance_transaction"]] = {"net": 1}
    with pytest.raises(OutcomeUnknown, match="is not its amount less its fee"):
        await listed(account)


async def test_every_page_of_a_long_list_is_read(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movements, "PAGE", 2)
    made = [charge(account)["balance_transaction"] for _ in range(5)]
    assert [each.id for each in await listed(account)] == made
    payouts.pay_out(account.stripe.ledger, "usd")
    [payout] = account.stripe.ledger.payouts
    assert [each.id for each in await listed(account, payout)][:5] == made


async def test_a_failed_payout_is_a_part_of_the_next_one(account: Account) -> None:
    ledger = account.stripe.ledger
    charge(account)
    first = payouts.pay_out(ledger, "usd")
    payouts.fail(ledger, first)
    second = await payout_of(account, payouts.pay_out(ledger, "usd"))
    back, own = await listed(account, second.id)
    assert (back.type, back.net, back.source) == ("payout_reversal", 1911, first["id"])
    assert back.payout_id == second.id
    assert (own.type, own.net) == ("payout", -1911)
    assert second.amount == 1911


async def test_a_payout_by_hand_or_in_progress_is_not_itemized(account: Account) -> None:
    ledger = account.stripe.ledger
    charge(account)
    by_hand = payouts.pay_out(ledger, "usd", automatic=False, amount=500)
    found = await payout_of(account, by_hand)
    assert (found.is_itemized, found.amount) == (False, 500)
    assert found.arrives_on == datetime.fromtimestamp(by_hand["arrival_date"], UTC).date()
    with pytest.raises(LookupRefused):
        await listed(account, found.id)
    automatic = payouts.pay_out(ledger, "usd")
    assert (await payout_of(account, automatic)).is_itemized
    automatic["reconciliation_status"] = "in_progress"
    assert not (await payout_of(account, automatic)).is_itemized
