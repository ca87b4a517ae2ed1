"""Transaction search, balances and disputes list what has happened, page by page."""

from decimal import Decimal
from typing import Any

import pytest

from payments_kit.doubles.paypal import RunningDouble
from payments_kit.doubles.paypal.ledger import written
from tests.doubles.paypal.api import PAYMENTS, Api, usd

HOUR, DAY = 3600, 86_400
DISPUTES = "/v1/customer/disputes"


def period(double: RunningDouble, days: float = 1, **more: Any) -> str:
    now = double.ledger.time()
    query = {"start_date": written(now - days * DAY), "end_date": written(now + 60), **more}
    return "/v1/reporting/transactions?" + "&".join(f"{k}={v}" for k, v in query.items())


def rows(found: Any) -> list[Any]:
    return [each["transaction_info"] for each in found["transaction_details"]]


async def test_each_movement_is_a_transaction(api: Api, double: RunningDouble) -> None:
    await api.control("POST", "settings", reporting_lag=0)
    capture = await api.captured(custom_id="payment-1", invoice_id="order-1")
    refund = await api(
        "POST", f"{PAYMENTS}/captures/{capture['id']}/refund", 201, {"amount": usd("30.00")}
    )
    dispute = await api.control("POST", "dispute", capture=capture["id"], value="5.00")
    await api.control("POST", "resolve_dispute", dispute=dispute["dispute_id"])
    await api.control("POST", "withdraw", amount=usd("20.00"))
    found = await api("GET", period(double))
    assert (found["total_items"], found["total_pages"], found["page"]) == (4, 1, 1)
    paid, refunded, reversed_, withdrawn = rows(found)
    assert paid["transaction_id"] == capture["id"]
    assert (paid["transaction_event_code"], paid["transaction_status"]) == ("T0006", "S")
    assert (paid["transaction_amount"], paid["fee_amount"]) == (usd("100.00"), usd("-3.98"))
    assert (paid["custom_field"], paid["invoice_id"]) == ("payment-1", "order-1")
    assert paid["ending_balance"] == usd("96.02")
    assert refunded["transaction_id"] == refund["id"]
    assert refunded["transaction_event_code"] == "T1107"
    assert refunded["paypal_reference_id"] == capture["id"]
    assert refunded["transaction_amount"] == usd("-30.00")
    assert (reversed_["transaction_event_code"], reversed_["transaction_amount"]) == (
        "T1106",
        usd("-5.00"),
    )
    assert (withdrawn["transaction_event_code"], withdrawn["ending_balance"]) == (
        "T0400",
        usd("41.02"),
    )
    total = sum(
        Decimal(row[name]["value"])
        for row in rows(found)
        for name in ("transaction_amount", "fee_amount")
        if name in row
    )
    balances = (await api("GET", "/v1/reporting/balances"))["balances"]
    assert [(each["currency"], each["total_balance"]) for each in balances] == [
        ("USD", usd(f"{total}"))
    ]


async def test_transactions_appear_later_and_pending_ones_on_demand(
    api: Api, double: RunningDouble
) -> None:
    await api.captured(instrument="echeck")
    await api.authorized()
    await api.captured()
    assert rows(await api("GET", period(double))) == []
    await api.control("POST", "advance", seconds=3 * HOUR + 1)
    assert len(rows(await api("GET", period(double)))) == 1
    everything = rows(await api("GET", period(double, balance_affecting_records_only="N")))
    assert sorted(
        (row["transaction_event_code"], row["transaction_status"]) for row in everything
    ) == [
        ("T0006", "P"),
        ("T0006", "S"),
        ("T1300", "S"),
    ]
    assert all("ending_balance" not in row for row in everything)


async def test_pages_do_not_overlap(api: Api, double: RunningDouble) -> None:
    await api.control("POST", "settings", reporting_lag=0)
    ids = [(await api.captured())["id"] for _ in range(3)]
    pages = [await api("GET", period(double, page_size=2, page=page)) for page in (1, 2, 3)]
    assert [len(rows(page)) for page in pages] == [2, 1, 0]
    assert [page["total_pages"] for page in pages] == [2, 2, 2]
    assert {row["transaction_id"] for page in pages for row in rows(page)} == set(ids)
    only = await api("GET", period(double, transaction_id=ids[1], fields="all"))
    assert rows(only)[0]["transaction_id"] == ids[1]
    assert only["transaction_details"][0]["payer_info"]["account_id"] == "PAYER23456789"
    await api.control("POST", "misreport", transaction=ids[0], fields={"invoice_id": "?"})
    assert rows(await api("GET", period(double, transaction_id=ids[0])))[0]["invoice_id"] == "?"
    await api.control("POST", "settings", max_reported=2)
    issue = await api.issue("GET", period(double), 400)
    assert issue == ("RESULTSET_TOO_LARGE", "start_date")


@pytest.mark.parametrize(
    ("query", "issue", "field"),
    [
        ("start_date=2026-01-01T00:00:00Z", "MISSING_REQUIRED_PARAMETER", "end_date"),
        (
            "start_date=2026-01-01&end_date=2026-01-02T00:00:00Z",
            "INVALID_PARAMETER_SYNTAX",
            "start_date",
        ),
        (
            "start_date=2026-01-01T00:00:00Z&end_date=2026-02-01T00:00:01Z",
            "DATE_RANGE_EXCEEDED",
            "end_date",
        ),
        (
            "start_date=2026-01-02T00:00:00Z&end_date=2026-01-01T00:00:00Z",
            "END_DATE_BEFORE_START_DATE",
            "end_date",
        ),
    ],
)
async def test_a_wrong_period_is_refused(api: Api, query: str, issue: str, field: str) -> None:
    path = f"/v1/reporting/transactions?{query}"
    assert await api.issue("GET", path, 400) == (issue, field)


@pytest.mark.parametrize(
    ("query", "field"),
    [("page_size=501", "page_size"), ("page=0", "page"), ("fields=shoe_size", "fields")],
)
async def test_a_wrong_page_is_refused(
    api: Api, double: RunningDouble, query: str, field: str
) -> None:
    assert (await api.issue("GET", f"{period(double)}&{query}", 400))[1] == field


async def test_disputes_are_shown_and_listed(api: Api) -> None:
    capture = await api.captured(custom_id="payment-1")
    opened = await api.control(
        "POST", "dispute", capture=capture["id"], reason="UNAUTHORISED", stage="CHARGEBACK"
    )
    path = f"{DISPUTES}/{opened['dispute_id']}"
    dispute = await api("GET", path)
    assert dispute["disputed_transactions"][0]["seller_transaction_id"] == capture["id"]
    assert dispute["disputed_transactions"][0]["custom"] == "payment-1"
    assert (dispute["reason"], dispute["dispute_life_cycle_stage"]) == (
        "UNAUTHORISED",
        "CHARGEBACK",
    )
    assert dispute["dispute_amount"] == usd("100.00")
    issue = await api.issue("POST", f"{PAYMENTS}/captures/{capture['id']}/refund", 422)
    assert issue[0] == "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"
    await api.control("POST", "update_dispute", dispute=opened["dispute_id"])
    assert (await api("GET", path))["status"] == "UNDER_REVIEW"
    await api.control(
        "POST", "resolve_dispute", dispute=opened["dispute_id"], outcome="RESOLVED_SELLER_FAVOUR"
    )
    resolved = await api("GET", path)
    assert resolved["dispute_outcome"] == {"outcome_code": "RESOLVED_SELLER_FAVOUR"}
    await api.control("POST", "resolve_dispute", 400, dispute=opened["dispute_id"])
    assert (await api.issue("GET", f"{DISPUTES}/PP-D-0", 404))[0] == "INVALID_RESOURCE_ID"


async def test_disputes_are_listed_in_pages_and_filtered(api: Api, double: RunningDouble) -> None:
    captures = [await api.captured() for _ in range(3)]
    ids = [
        (await api.control("POST", "dispute", capture=capture["id"]))["dispute_id"]
        for capture in captures
    ]
    first = await api("GET", f"{DISPUTES}?page_size=2")
    assert [each["dispute_id"] for each in first["items"]] == [ids[2], ids[1]]
    assert "disputed_transactions" not in first["items"][0]
    assert first["items"][0]["dispute_state"] == "OPEN_INQUIRIES"
    rest = await api("GET", first["links"][1]["href"].removeprefix(api.url))
    assert [each["dispute_id"] for each in rest["items"]] == [ids[0]]
    assert [link["rel"] for link in rest["links"]] == ["self"]
    one = await api("GET", f"{DISPUTES}?disputed_transaction_id={captures[1]['id']}")
    assert [each["dispute_id"] for each in one["items"]] == [ids[1]]
    await api.control("POST", "resolve_dispute", dispute=ids[0])
    resolved = await api("GET", f"{DISPUTES}?dispute_state=RESOLVED")
    assert [each["dispute_id"] for each in resolved["items"]] == [ids[0]]
    later = written(double.ledger.time() + HOUR)
    assert (await api("GET", f"{DISPUTES}?update_time_after={later}"))["items"] == []
    both = f"{DISPUTES}?start_time={later}&disputed_transaction_id=X"
    assert (await api.issue("GET", both, 400))[0] == "INCOMPATIBLE_PARAMETER_VALUE"
    assert (await api.issue("GET", f"{DISPUTES}?page_size=51", 400))[1] == "page_size"


async def test_a_partial_refund_waits_for_an_open_dispute(api: Api) -> None:
    capture = await api.captured()
    await api.control("POST", "dispute", capture=capture["id"])
    path = f"{PAYMENTS}/captures/{capture['id']}/refund"
    issue = await api.issue("POST", path, 422, {"amount": usd("1.00")})
    assert issue[0] == "TRANSACTION_DISPUTED"
    await api("POST", path, 201)
