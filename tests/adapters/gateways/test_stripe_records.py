"""Stripe's charges, refunds and disputes, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.stripe.client import PAGE
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import DisputeNotification, UnusableNotification
from application.ports.gateway_records import FailedCharge, GatewayRecords, Page, Period
from application.ports.payment_gateway import CardToken, LookupRefused, OutcomeUnknown
from domain.capture import CaptureMode
from domain.dispute import DisputeStatus
from domain.outcome import Charged
from payments_kit.conformance.samples import a_payment
from payments_kit.doubles.stripe import disputes, lifecycle, refunds
from tests.adapters.gateways.stripe_account import CHARGES, INTENTS, Account, stripe_account

HOUR = timedelta(hours=1)
VISA = CardToken("tok_visa")


def period() -> Period:
    now = datetime.now(UTC)
    return Period(now - HOUR, now + HOUR)


async def charge(account: Account) -> Any:
    """Charge a payment; return Stripe's charge, which may be changed."""
    charged = await account.gateway.charge(a_payment(1000), VISA)
    assert isinstance(charged, Charged)
    return account.stripe.ledger.charges[charged.charge_id]


async def charges(account: Account) -> Page[Any]:
    pages = GatewayRecords.of(account.gateway).charges
    assert pages is not None
    return await pages(period(), None)


async def test_a_page_is_followed_by_the_next_one_also_if_a_charge_is_made_meanwhile(
    each: Account,
) -> None:
    made = await charge(each)
    ledger = each.stripe.ledger
    for _ in range(PAGE + 20):
        another = ledger.new_id("ch")
        ledger.charges[another] = {**made, "id": another}
    first = await charges(each)
    new = ledger.new_id("ch")
    ledger.charges[new] = {**made, "id": new}
    pages = GatewayRecords.of(each.gateway).charges
    assert pages is not None
    second, again = [await pages(period(), first.cursor) for _ in range(2)]
    assert second == again
    assert (len(first.records), len(second.records), second.cursor) == (PAGE, 21, None)
    listed = [record.outcome.charge_id for page in (first, second) for record in page.records]  # type: ignore[union-attr]
    assert len(set(listed)) == PAGE + 21


async def test_a_period_may_begin_and_end_within_the_second_of_a_charge(each: Account) -> None:
    at = datetime.fromtimestamp((await charge(each))["created"], UTC)
    within, pages = at + timedelta(milliseconds=500), GatewayRecords.of(each.gateway).charges
    assert pages is not None
    # Stripe does not say whether the charge was before or after.
    for found in (Period(at - HOUR, within), Period(within, at + HOUR)):
        assert len((await pages(found, None)).records) == 1, found
    assert not (await pages(Period(at - HOUR, at), None)).records


async def test_charges_of_others_are_counted(each: Account) -> None:
    made = await charge(each)
    made["metadata"] = {"order_id": "another application's"}
    page = await charges(each)
    assert (page.records, page.foreign) == ([], 1)


async def test_a_charge_whose_labels_are_incomplete_is_unreadable(each: Account) -> None:
    del (await charge(each))["metadata"]["user_id"]
    page = await charges(each)
    [found] = page.records
    assert isinstance(found, UnreadableCharge)
    assert page.foreign == 0


async def test_a_declined_card_is_a_failed_charge(each: Account) -> None:
    payment = a_payment(1000)
    await each.gateway.charge(payment, CardToken("tok_chargeDeclined"))
    page = await charges(each)
    assert [type(record) for record in page.records] == [FailedCharge]
    assert page.records[0].payment.id == payment.id
    assert page.foreign == 0


async def test_a_failed_charge_whose_labels_are_incomplete_is_not_of_others(each: Account) -> None:
    await each.gateway.charge(a_payment(1000), CardToken("tok_chargeDeclined"))
    [declined] = each.stripe.ledger.charges.values()
    del declined["metadata"]["user_id"]
    assert await charges(each) == Page([], None, 0)


async def test_a_charge_that_waits_for_its_customer_is_no_record(account: Account) -> None:
    await account.intents.charge(a_payment(1000), CardToken("tok_threeDSecure2Required"))
    assert await charges(account) == Page([], None, 0)


async def test_a_released_authorization_is_no_record_and_none_of_others(each: Account) -> None:
    payment = evolve(a_payment(1000), capture_mode=CaptureMode.MANUAL)
    await each.gateway.charge(payment, VISA)
    [held] = (await charges(each)).records
    assert isinstance(held, ListedCharge)
    await each.gateway.cancel(payment)
    assert await charges(each) == Page([], None, 0)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("needs_response", DisputeStatus.OPEN),
        ("won", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
        ("warning_closed", DisputeStatus.WON),
        ("under_consideration", DisputeStatus.OPEN),
    ],
)
async def test_a_dispute_is_listed_as_a_webhook_would_report_it(
    account: Account, word: str, status: DisputeStatus
) -> None:
    dispute = disputes.open_dispute(account.stripe.ledger, await charge(account))
    dispute["status"] = word
    [found] = (await account.intents.dispute_records(period(), None)).records
    assert isinstance(found.notification, DisputeNotification)
    assert found.notification.status is status
    assert found.created_at is not None
    closed = found.notification.id
    dispute["status"] = "under_review"
    [changed] = (await account.intents.dispute_records(period(), None)).records
    assert (changed.notification.id == closed) == (word == "under_review")


async def test_a_refund_that_cannot_be_read_names_its_payment(account: Account) -> None:
    made = await charge(account)
    ours = {"payment_id": made["metadata"]["payment_id"]}
    refund = refunds.create(
        account.stripe.ledger, {"charge": made["id"], "amount": 5, "metadata": ours}
    )
    refund["currency"] = "xxx"
    [found] = (await account.intents.refund_records(period(), None)).records
    assert isinstance(found.notification, UnusableNotification)
    assert found.notification.payment_id == made["metadata"]["payment_id"]


async def test_a_failed_debit_is_a_failed_charge(account: Account) -> None:
    payment = a_payment(1000)
    await account.intents.charge(payment, CardToken("pm_usBankAccount_processing"))
    [made] = account.stripe.ledger.charges.values()
    lifecycle.finish(account.stripe.ledger, made, succeeded=False)
    [found] = (await charges(account)).records
    assert isinstance(found, FailedCharge)


async def test_a_key_that_may_not_list_disputes_is_refused_and_fails_the_check() -> None:
    async with stripe_account(INTENTS, "rk_test_shop") as account:
        account.stripe.double.forbidden = {"GET /v1/disputes": "rak_dispute_read"}
        pages = GatewayRecords.of(account.gateway).disputes
        assert pages is not None
        with pytest.raises(LookupRefused):
            await pages(period(), None)
        with pytest.raises(LookupRefused, match=r"/v1/disputes: .*rak_dispute_read"):
            await account.gateway.check()


@pytest.mark.parametrize("path", [CHARGES, "/v1/refunds", "/v1/disputes"])
async def test_a_list_that_is_cut_off_is_unknown(account: Account, path: str) -> None:
    account.stripe.faults.add("truncate", f"^{path}$", method="GET")
    records, name = GatewayRecords.of(account.gateway), path.rpartition("/")[2]
    pages = {"charges": records.charges, "refunds": records.refunds, "disputes": records.disputes}
    asked: Any = pages[name]
    with pytest.raises(OutcomeUnknown):
        await asked(period(), None)
