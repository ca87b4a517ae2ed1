"""What moves on PayPal's balance, as its reports say it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.gateways.paypal import movements as paypal_movements
from application.ports.gateway_movements import GatewayMovements
from application.ports.gateway_records import Period
from application.ports.payment_gateway import OutcomeUnknown
from domain.movement import Movement, MovementKind
from domain.outcome import Charged
from domain.payment import Payment
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.paypal import amounts, reporting
from tests.adapters.gateways.paypal_account import Account, paypal_account

HOUR = timedelta(hours=1)


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with paypal_account() as account:
        account.paypal.ledger.reporting_lag = 0.0
        yield account


async def charge(account: Account, minor_units: int = 1999, code: str = "usd") -> Payment:
    """Take the money of an order that its customer has approved."""
    payment = await account.approved(a_payment(minor_units, code))
    outcome = await account.gateway.take(payment)
    assert isinstance(outcome, Charged)
    return payment.succeed(outcome)


async def listed(account: Account) -> list[Movement]:
    lists, now = GatewayMovements.of(account.gateway), datetime.now(UTC)
    assert lists.list_movements is not None
    assert not lists.has_payouts
    found, cursor = list[Movement](), None
    while True:
        page = await lists.list_movements(Period(now - HOUR, now + HOUR), cursor)
        found += page.records
        if (cursor := page.cursor) is None:
            return found


def move(account: Account, code: str, value: str, currency: str = "USD") -> dict[str, Any]:
    """Let so much leave the balance."""
    return reporting.move(account.paypal.ledger, code, amounts.money(currency, Decimal(value)))


async def test_a_charge_names_its_capture_and_its_fee(account: Account) -> None:
    paid = await charge(account)
    [movement] = await listed(account)
    assert (movement.kind, movement.amount) == (MovementKind.CHARGE, 1999)
    assert 0 < movement.fee < 1999
    assert movement.source == movement.charge_id == paid.charge_id


async def test_a_refund_names_the_capture(account: Account) -> None:
    paid = await charge(account)
    assert paid.charge_id is not None
    charged = Charged(paid.charge_id, paid.amount, livemode=False)
    await account.gateway.refund(paid, a_refund(paid, charged, 999))
    _, back = await listed(account)
    assert (back.kind, back.amount, back.charge_id) == (MovementKind.REFUND, -999, paid.charge_id)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("T1106", MovementKind.DISPUTE),
        ("T1201", MovementKind.DISPUTE),
        ("T0106", MovementKind.FEE),
        ("T0200", MovementKind.CONVERSION),
        ("T0400", MovementKind.PAYOUT),
        ("T1208", MovementKind.ADJUSTMENT),
        ("T0006", MovementKind.OTHER),
        ("T9999", MovementKind.OTHER),
    ],
)
async def test_every_code_that_we_know_is_a_kind(
    account: Account, code: str, kind: MovementKind
) -> None:
    made = move(account, code, "5.00")
    [movement] = await listed(account)
    assert (movement.kind, movement.word, movement.net) == (kind, code, -500)
    is_payout = kind is MovementKind.PAYOUT
    assert movement.payout_id == (made["transaction_id"] if is_payout else None)


async def test_an_amount_without_decimals_is_in_minor_units(account: Account) -> None:
    move(account, "T0400", "500", "JPY")
    move(account, "T0400", "500", "HUF")
    assert [each.net for each in await listed(account)] == [-500, -50000]


async def test_what_cannot_be_read_is_not_guessed(account: Account) -> None:
    paid = await charge(account)
    unknown = {"transaction_amount": {"currency_code": "XXX", "value": "19.99"}}
    account.paypal.ledger.transaction_reports[str(paid.charge_id)] = unknown
    with pytest.raises(OutcomeUnknown, match="PayPal's transaction_amount"):
        await listed(account)


async def test_every_page_is_read_and_years_before_paypal_s_reports_are_not_asked_for(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paypal_movements, "_PAGE", 2)
    made = [move(account, "T0400", "1.00")["transaction_id"] for _ in range(5)]
    assert [each.id for each in await listed(account)] == made
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    asked = len(account.sent("/v1/reporting/transactions", "GET"))
    page = await account.gateway.list_movements(Period(long_ago, long_ago + HOUR), None)
    assert (page.records, page.cursor) == ([], None)
    assert len(account.sent("/v1/reporting/transactions", "GET")) == asked
