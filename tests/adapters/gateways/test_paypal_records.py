"""PayPal's reports, page by page: what they contain, and what PayPal cannot be asked for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateways.paypal.windows import MAX_DAYS, Window, first_window
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import (
    PaymentNotification,
    RefundNotification,
    UnusableNotification,
)
from application.ports.gateway_records import GatewayRecords, Page, Period
from application.ports.payment_gateway import LookupRefused
from domain.identifiers import UserId
from domain.money import Money
from domain.outcome import Authorized, Charged
from domain.refund import Refunded, RefundFailed, RefundOutcome, RefundPending
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.paypal.ledger import Plan
from tests.adapters.gateways.paypal_account import Account, manual, paypal_account

Record = TypeVar("Record")
DAY = timedelta(days=1)


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with paypal_account() as account:
        account.paypal.ledger.reporting_lag = 0.0
        yield account


async def pages_of(
    pages: Callable[[Period, str | None], Awaitable[Page[Record]]] | None, period: Period
) -> list[Page[Record]]:
    """Return all pages of a period."""
    assert pages is not None
    found = [await pages(period, None)]
    while (cursor := found[-1].cursor) is not None:
        found.append(await pages(period, cursor))
    return found


def today() -> Period:
    """Return a period around now."""
    now = datetime.now(UTC)
    return Period(now - DAY, now + DAY)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(), timedelta(days=400)),
)
def test_the_windows_of_a_period_cover_it_once_and_are_short_enough(
    since: datetime, length: timedelta
) -> None:
    period = Period(since, since + length)
    window, before = first_window(period), since
    while window is not None:
        assert window.until - window.since <= MAX_DAYS
        assert window.since <= before
        assert window.since < window.until
        assert Window.read(window.text, period) == window
        assert (half := window.half()) is None or half.since == window.since
        before, window = window.until, window.after(period)
    assert before >= period.until or length == timedelta()


@pytest.mark.parametrize("cursor", ["", "x", "1-2", "1-2-3", "9" * 30 + "-1-1", "-1-2-3"])
def test_a_cursor_of_another_period_is_refused(cursor: str) -> None:
    with pytest.raises(LookupRefused):
        Window.read(cursor, today())


async def test_a_year_is_asked_for_in_parts_and_the_charges_of_others_are_counted(
    account: Account,
) -> None:
    payment = await account.approved(a_payment())
    await account.charge(payment)
    foreign = await account.approved(a_payment())
    account.order(foreign)["purchase_units"][0]["custom_id"] = "basket 7"
    await account.gateway.api.post(f"/v2/checkout/orders/{foreign.reference}/capture", 5)
    held = await account.approved(manual(a_payment()))  # is counted once it is captured
    account.order(held)["purchase_units"][0]["custom_id"] = "basket 8"
    await account.gateway.api.post(f"/v2/checkout/orders/{held.reference}/authorize", 5)
    now = datetime.now(UTC)
    records = GatewayRecords.of(account.gateway)
    pages = await pages_of(records.charges, Period(now - 360 * DAY, now + DAY))
    assert len(pages) > 11
    [charge] = [each for page in pages for each in page.records]
    assert isinstance(charge, ListedCharge)
    assert charge.payment.id == payment.id
    assert sum(page.foreign for page in pages) == 1
    assert records.delay >= timedelta(hours=3)


async def test_too_many_transactions_are_asked_for_in_shorter_times(account: Account) -> None:
    for _ in range(2):
        await account.charge(await account.approved(a_payment()))
    account.paypal.ledger.max_reported = 1
    [first, second] = account.paypal.ledger.captures.values()
    assert second is not first
    second["create_time"] = (datetime.now(UTC) - DAY / 2).strftime("%Y-%m-%dT%H:%M:%SZ")
    pages = await pages_of(GatewayRecords.of(account.gateway).charges, today())
    assert len([each for page in pages for each in page.records]) == 2


async def test_what_is_too_new_for_the_reports_is_on_no_page_yet(account: Account) -> None:
    await account.charge(await account.approved(a_payment()))
    account.paypal.ledger.reporting_lag = 3 * 3600.0
    pages = await pages_of(GatewayRecords.of(account.gateway).charges, today())
    assert not [each for page in pages for each in page.records]
    error = {"details": [{"issue": "Data for the given start date is not available."}]}
    account.paypal.faults.add("status_before", "/reporting/", method="GET", status=400, error=error)
    now = datetime.now(UTC)
    recent = Period(now - timedelta(hours=1), now)
    assert await pages_of(GatewayRecords.of(account.gateway).charges, recent) == [Page([])]


async def test_a_refused_list_is_not_empty_because_its_end_is_too_new(account: Account) -> None:
    error = {"details": [{"issue": "INVALID_REQUEST"}]}
    account.paypal.faults.add("status_before", "/reporting/", method="GET", status=400, error=error)
    with pytest.raises(LookupRefused):
        await pages_of(GatewayRecords.of(account.gateway).charges, today())


async def test_an_authorization_is_a_record_until_it_is_captured_or_released(
    account: Account,
) -> None:
    held = await account.approved(manual(a_payment()))
    outcome = await account.charge(held)
    assert isinstance(outcome, Authorized)
    charges = GatewayRecords.of(account.gateway).charges
    [page] = await pages_of(charges, today())
    [record] = page.records
    assert isinstance(record, ListedCharge)
    assert record.outcome == outcome
    await account.gateway.cancel(held)
    assert await pages_of(charges, today()) == [Page([])]
    captured = await account.approved(manual(a_payment()))
    outcome = await account.charge(captured)
    assert isinstance(outcome, Authorized)
    body = {"amount": {"currency_code": "USD", "value": "4.00"}}
    await account.gateway.api.post(
        f"/v2/payments/authorizations/{outcome.charge_id}/capture", 5, body=body
    )
    [page] = await pages_of(charges, today())
    [record] = page.records
    assert isinstance(record, ListedCharge)
    assert isinstance(record.outcome, Charged)


async def test_what_is_on_its_way_back_counts_as_refunded_and_what_has_failed_does_not(
    account: Account,
) -> None:
    payment = await account.approved(a_payment(1000))
    charged = await account.charge(payment)
    assert isinstance(charged, Charged)
    account.paypal.ledger.next_refunds += [Plan(status="PENDING"), Plan(status="FAILED")]
    for minor_units in (400, 100):
        await account.gateway.refund(payment, a_refund(payment, charged, minor_units))
    [page] = await pages_of(GatewayRecords.of(account.gateway).charges, today())
    [record] = page.records
    assert isinstance(record, ListedCharge)
    assert record.refunded == Money(400, payment.amount.currency)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *(("COMPLETED", Refunded), ("PENDING", RefundPending)),
        *(("FAILED", RefundFailed), ("CANCELLED", RefundFailed)),
    ],
)
async def test_a_refund_is_listed_with_what_has_become_of_it(
    account: Account, status: str, outcome: type[RefundOutcome]
) -> None:
    payment = await account.approved(a_payment(1000))
    charged = await account.charge(payment)
    assert isinstance(charged, Charged)
    await account.gateway.refund(payment, a_refund(payment, charged, 400))
    [made] = account.paypal.ledger.refunds.values()
    made["status"] = status
    [page] = await pages_of(GatewayRecords.of(account.gateway).refunds, today())
    [record] = page.records
    assert isinstance(record.notification, RefundNotification)
    assert type(record.notification.reported.outcome) is outcome


async def test_a_charge_whose_label_is_too_short_is_listed_as_a_webhook_would_report_it(
    account: Account,
) -> None:
    payment = await account.approved(evolve(a_payment(), user_id=UserId("u" * 60)))
    charged = await account.charge(payment)
    [page] = await pages_of(GatewayRecords.of(account.gateway).charges, today())
    [record] = page.records
    assert isinstance(record, UnreadableCharge)
    assert isinstance(record.notification, PaymentNotification)
    assert record.notification.payment_id == payment.id
    assert record.notification.outcome == charged  # it is in the reports of our own account
    assert record.notification.claimed is None


async def test_an_order_with_an_invented_label_adopts_no_payment(account: Account) -> None:
    seen = await account.approved(a_payment())
    await account.charge(seen)
    label = account.order(seen)["purchase_units"][0]["custom_id"]
    forged = await account.approved(a_payment(1))
    # With the client id, a customer can do this in the browser.
    account.order(forged)["purchase_units"][0]["custom_id"] = label
    await account.gateway.api.post(f"/v2/checkout/orders/{forged.reference}/capture", 5)
    [page] = await pages_of(GatewayRecords.of(account.gateway).charges, today())
    listed = {type(each): each for each in page.records}
    strange = listed[UnreadableCharge]
    assert isinstance(strange, UnreadableCharge)
    assert isinstance(strange.notification, PaymentNotification)
    assert strange.notification.claimed is None
    assert len(listed) == len(page.records) == 2


async def test_a_transaction_that_paypal_does_not_show_is_kept(account: Account) -> None:
    payment = await account.approved(a_payment())
    await account.charge(payment)
    account.paypal.faults.add(
        "status_before",
        "/payments/captures/",
        method="GET",
        status=404,
        error={"issue": "INVALID_RESOURCE_ID"},
    )
    [page] = await pages_of(GatewayRecords.of(account.gateway).charges, today())
    [record] = page.records
    assert isinstance(record, UnreadableCharge)
    assert isinstance(record.notification, UnusableNotification)
    assert record.notification.payment_id == payment.id


async def test_a_missing_right_is_refused(account: Account) -> None:
    records = GatewayRecords.of(account.gateway)
    for pages, path in (
        (records.charges, "/reporting/"),
        (records.refunds, "/reporting/"),
        (records.disputes, "/disputes"),
    ):
        account.paypal.faults.add("status_before", path, method="GET", status=403)
        assert pages is not None
        with pytest.raises(LookupRefused):
            await pages(today(), None)


async def test_disputes_of_more_than_half_a_year_ago_are_not_asked_for(account: Account) -> None:
    now = datetime.now(UTC)
    pages = await pages_of(
        GatewayRecords.of(account.gateway).disputes, Period(now - 700 * DAY, now)
    )
    assert pages == [Page([])]
