"""The balance of the double, as the official SDK reads it."""

from typing import Any

import pytest
from stripe import StripeClient

from payments_kit.doubles.stripe import RunningDouble
from payments_kit.doubles.stripe.balance import totals_of
from tests.doubles.stripe.sdk import Control, failing, pay


async def test_a_transaction_names_its_source_and_has_its_fee(client: StripeClient) -> None:
    charge = await pay(client)
    listed = await client.v1.balance_transactions.list_async({"expand": ["data.source"]})
    [made] = listed.data
    assert (made.id, made.amount, made.fee, made.net) == (
        charge.balance_transaction,
        1999,
        88,
        1911,
    )
    assert (made.type, made.reporting_category, made.currency) == ("charge", "charge", "usd")
    assert made.source == charge
    assert (await client.v1.balance_transactions.retrieve_async(made.id)).fee_details[
        0
    ].amount == 88


async def test_the_balance_is_the_sum_of_all_transactions(
    client: StripeClient, control: Control, double: RunningDouble
) -> None:
    charge = await pay(client)
    await client.v1.refunds.create_async({"charge": charge.id, "amount": 999})
    await control("POST", "dispute", charge=(await pay(client)).id)
    balance = await client.v1.balance.retrieve_async()
    assert [each.amount for each in balance.pending] == [1911 - 999 + 1911 - 1999 - 1500]
    assert totals_of(double.ledger) == {"usd": balance.pending[0].amount}


async def test_an_automatic_payout_lists_what_it_contains(
    client: StripeClient, control: Control
) -> None:
    charge = await pay(client)
    payout = await control("POST", "payout", currency="usd")
    later = await pay(client)
    listed = await client.v1.balance_transactions.list_async({"payout": payout["id"]})
    own, paid = listed.data
    assert (own.id, own.net, own.source) == (payout["balance_transaction"], -1911, payout["id"])
    assert paid.source == charge.id != later.id
    [found] = (await client.v1.payouts.list_async({"status": "paid"})).data
    assert (found.id, found.amount, found.automatic) == (payout["id"], 1911, True)
    assert (await client.v1.payouts.retrieve_async(found.id)).arrival_date == payout["arrival_date"]


@pytest.mark.parametrize("payout", ["po_unknown", None])
async def test_a_payout_that_is_not_automatic_or_unknown_lists_nothing(
    client: StripeClient, control: Control, payout: str | None
) -> None:
    await pay(client)
    made = await control("POST", "payout", currency="usd", automatic=False, amount=500)
    match = "No such payout" if payout else "can only be filtered on automatic transfers"
    with failing(match=match):
        await client.v1.balance_transactions.list_async({"payout": payout or made["id"]})


async def test_a_payout_that_fails_is_in_the_balance_again(
    client: StripeClient, control: Control, double: RunningDouble
) -> None:
    await pay(client)
    payout = await control("POST", "payout", currency="usd")
    assert totals_of(double.ledger) == {"usd": 0}
    await control("POST", "fail_payout", payout=payout["id"])
    assert totals_of(double.ledger) == {"usd": 1911}
    await control("POST", "fail_payout", 400, payout=payout["id"])


async def test_a_conversion_has_an_exchange_rate(client: StripeClient, control: Control) -> None:
    await control("POST", "convert", **{"from": "eur", "to": "usd", "rate": 1.234})
    await pay(client, amount=1000, currency="eur")
    [made] = (await client.v1.balance_transactions.list_async()).data
    assert (made.amount, made.currency, made.exchange_rate) == (1234, "usd", 1.234)


async def test_a_parameter_that_it_does_not_know_is_refused(client: StripeClient) -> None:
    unknown: Any = {"colour": "red"}
    with failing(match="Received unknown parameter: colour"):
        await client.v1.balance_transactions.list_async(unknown)


@pytest.mark.parametrize("currency", ["isk", "ugx"])
async def test_a_fee_is_an_amount_that_its_currency_has(
    client: StripeClient, currency: str
) -> None:
    charge = await client.v1.charges.create_async(
        {"amount": 1_234_500, "currency": currency, "source": "tok_visa"}
    )
    [made] = (await client.v1.balance_transactions.list_async({"source": charge.id})).data
    assert made.fee % 100 == 0
    assert made.net == made.amount - made.fee
