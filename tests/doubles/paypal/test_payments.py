"""Captures, authorizations and refunds follow PayPal's rules."""

from typing import Any

import pytest

from tests.doubles.paypal.api import ORDERS, PAYMENTS, Api, usd

DAY = 86_400
EUROS = {"amount": {"currency_code": "EUR", "value": "1.00"}}


def of_capture(capture: Any) -> str:
    return f"{PAYMENTS}/captures/{capture['id']}"


def of_authorization(authorization: Any) -> str:
    return f"{PAYMENTS}/authorizations/{authorization['id']}"


async def test_a_capture_tells_its_fee_and_its_order(api: Api) -> None:
    capture = await api("GET", of_capture(await api.captured(custom_id="payment-1")))
    order_id = capture["supplementary_data"]["related_ids"]["order_id"]
    assert (await api("GET", f"{ORDERS}/{order_id}"))["status"] == "COMPLETED"
    assert capture["seller_receivable_breakdown"] == {
        "gross_amount": usd("100.00"),
        "paypal_fee": usd("3.98"),
        "net_amount": usd("96.02"),
    }
    assert capture["final_capture"] is True
    yen = await api.captured("CAPTURE", {"currency_code": "JPY", "value": "1000"})
    assert yen["amount"]["value"] == "1000"
    assert yen["seller_receivable_breakdown"]["paypal_fee"]["value"] == "84"


async def test_a_refund_is_part_or_all_of_a_capture(api: Api) -> None:
    path = of_capture(await api.captured())
    part = await api(
        "POST", f"{path}/refund", 201, {"amount": usd("30.00"), "custom_id": "refund-1"}
    )
    assert (part["status"], part["amount"], part["custom_id"]) == (
        "COMPLETED",
        usd("30.00"),
        "refund-1",
    )
    assert part["links"][1] == {"href": f"{api.url}{path}", "rel": "up", "method": "GET"}
    assert (await api("GET", path))["status"] == "PARTIALLY_REFUNDED"
    too_much = {"amount": usd("70.01")}
    issue = await api.issue("POST", f"{path}/refund", 422, too_much)
    assert issue == ("REFUND_AMOUNT_EXCEEDED", "/amount/value")
    rest = await api("POST", f"{path}/refund", 201, {})
    assert rest["amount"] == usd("70.00")
    assert rest["seller_payable_breakdown"]["total_refunded_amount"] == usd("100.00")
    assert (await api("GET", path))["status"] == "REFUNDED"
    assert await api.issue("POST", f"{path}/refund", 422) == ("CAPTURE_FULLY_REFUNDED", None)
    assert await api("GET", f"{PAYMENTS}/refunds/{rest['id']}") == rest
    refunds = (await api.control("GET", "ledger"))["refunds"]
    assert [refund["amount"]["value"] for refund in refunds] == ["30.00", "70.00"]


@pytest.mark.parametrize(
    ("body", "status", "issue"),
    [
        (EUROS, 422, "REFUND_CAPTURE_CURRENCY_MISMATCH"),
        ({"amount": usd("0")}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ({"amount": usd("1.001")}, 422, "DECIMAL_PRECISION"),
        ({"amount": {"value": "1.00"}}, 400, "MISSING_REQUIRED_PARAMETER"),
        ({"note_to_payer": "x" * 256}, 400, "INVALID_STRING_LENGTH"),
        ({"reason": "fraud"}, 400, "NOT_SUPPORTED"),
    ],
)
async def test_a_wrong_refund_is_refused(api: Api, body: Any, status: int, issue: str) -> None:
    path = of_capture(await api.captured())
    assert (await api.issue("POST", f"{path}/refund", status, body))[0] == issue
    assert (await api("GET", path))["status"] == "COMPLETED"


async def test_a_refund_ends_later_or_fails(api: Api) -> None:
    path = of_capture(await api.captured())
    await api.control("POST", "next_refund", status="PENDING")
    pending = await api("POST", f"{path}/refund", 201, {"amount": usd("10.00")})
    assert (pending["status"], pending["status_details"]) == ("PENDING", {"reason": "ECHECK"})
    await api.control("POST", "finish", refund=pending["id"], result="succeeded")
    assert (await api("GET", f"{PAYMENTS}/refunds/{pending['id']}"))["status"] == "COMPLETED"
    await api.control("POST", "finish", refund=pending["id"], result="failed")
    assert (await api("GET", f"{PAYMENTS}/refunds/{pending['id']}"))["status"] == "FAILED"
    assert (await api("GET", path))["status"] == "COMPLETED"
    await api.control("POST", "next_refund", issue="REFUND_FAILED_INSUFFICIENT_FUNDS")
    assert (await api.issue("POST", f"{path}/refund", 422))[0] == "REFUND_FAILED_INSUFFICIENT_FUNDS"
    await api.control("POST", "next_refund", status="FAILED")
    assert (await api("POST", f"{path}/refund", 201))["status"] == "FAILED"
    await api("POST", f"{path}/refund", 201, {"amount": usd("1"), "invoice_id": "i-1"})
    again = {"amount": usd("1"), "invoice_id": "i-1"}
    assert (await api.issue("POST", f"{path}/refund", 422, again))[0] == "DUPLICATE_INVOICE_ID"
    await api.control("POST", "advance", seconds=181 * DAY)
    await api.sign_in()
    assert (await api.issue("POST", f"{path}/refund", 422))[0] == "REFUND_TIME_LIMIT_EXCEEDED"


@pytest.mark.parametrize(("result", "status"), [("succeeded", "COMPLETED"), ("failed", "DECLINED")])
async def test_a_pending_capture_ends_later(api: Api, result: str, status: str) -> None:
    capture = await api.captured(instrument="echeck")
    path = of_capture(capture)
    assert "seller_receivable_breakdown" not in capture
    assert (await api.issue("POST", f"{path}/refund", 422))[0] == "PENDING_CAPTURE"
    await api.control("POST", "finish", capture=capture["id"], result=result)
    ended = await api("GET", path)
    assert ended["status"] == status
    assert "status_details" not in ended
    if result == "failed":
        assert (await api.issue("POST", f"{path}/refund", 422))[0] == "REFUND_NOT_ALLOWED"
    await api.control("POST", "finish", 400, capture=capture["id"], result=result)


async def test_an_authorization_is_captured_in_parts(api: Api) -> None:
    held = await api.authorized(invoice_id="order-1")
    path = of_authorization(held)
    assert held["status"] == "CREATED"
    first = await api("POST", f"{path}/capture", 201, {"amount": usd("40.00")})
    assert (first["final_capture"], first["invoice_id"]) == (False, "order-1")
    assert (await api("GET", path))["status"] == "PARTIALLY_CAPTURED"
    # 115% of what was authorized is the most, over all captures.
    issue = await api.issue("POST", f"{path}/capture", 422, {"amount": usd("75.01")})
    assert issue[0] == "MAX_CAPTURE_AMOUNT_EXCEEDED"
    body = {"amount": usd("10.00"), "final_capture": True}
    second = await api("POST", f"{path}/capture", 201, body)
    assert second["supplementary_data"]["related_ids"]["authorization_id"] == held["id"]
    assert (await api("GET", path))["status"] == "CAPTURED"
    assert (await api.issue("POST", f"{path}/capture", 422))[0] == "AUTHORIZATION_ALREADY_CAPTURED"
    assert (await api.issue("POST", f"{path}/void", 422))[0] == "PREVIOUSLY_CAPTURED"


async def test_an_authorization_is_voided(api: Api) -> None:
    path = of_authorization(await api.authorized())
    await api("POST", f"{path}/void", 204, Prefer="")
    voided = await api("GET", path)
    assert voided["status"] == "VOIDED"
    order = voided["supplementary_data"]["related_ids"]["order_id"]
    assert (await api("GET", f"{ORDERS}/{order}"))["status"] == "VOIDED"
    assert (await api.issue("POST", f"{path}/capture", 422))[0] == "AUTHORIZATION_VOIDED"
    assert (await api.issue("POST", f"{path}/void", 422))[0] == "PREVIOUSLY_VOIDED"
    other = of_authorization(await api.authorized())
    assert (await api("POST", f"{other}/void", 200))["status"] == "VOIDED"


async def test_an_authorization_runs_out(api: Api) -> None:
    held = await api.authorized()
    await api.control("POST", "expire", authorization=held["id"])
    path = of_authorization(held)
    assert (await api("GET", path))["status"] == "VOIDED"
    assert (await api.issue("POST", f"{path}/capture", 422))[0] == "AUTHORIZATION_EXPIRED"
    old = of_authorization(await api.authorized())
    await api.control("POST", "advance", seconds=30 * DAY)
    await api.sign_in()
    assert (await api.issue("POST", f"{old}/capture", 422))[0] == "AUTHORIZATION_EXPIRED"


@pytest.mark.parametrize(("result", "status"), [("succeeded", "CREATED"), ("failed", "DENIED")])
async def test_an_authorization_is_reviewed(api: Api, result: str, status: str) -> None:
    held = await api.authorized(instrument="review")
    path = of_authorization(held)
    assert (held["status"], held["status_details"]["reason"]) == ("PENDING", "PENDING_REVIEW")
    await api.control("POST", "finish", authorization=held["id"], result=result)
    assert (await api("GET", path))["status"] == status
    if status == "DENIED":
        issue = await api.issue("POST", f"{path}/capture", 422)
        assert issue[0] == "AUTHORIZATION_DENIED"


async def test_an_authorization_is_renewed_once(api: Api) -> None:
    held = await api.authorized()
    path = of_authorization(held)
    issue = await api.issue("POST", f"{path}/reauthorize", 422, EUROS)
    assert issue[0] == "AUTH_CURRENCY_MISMATCH"
    again = await api("POST", f"{path}/reauthorize", 201, {"amount": usd("110.00")})
    assert again["amount"] == usd("110.00")
    path = of_authorization(again)
    issue = await api.issue("POST", f"{path}/reauthorize", 422, {})
    assert issue[0] == "REAUTHORIZATION_NOT_SUPPORTED"
    assert (await api.issue("POST", f"{path}/void", 422))[0] == "CANNOT_BE_VOIDED"


async def test_a_capture_reports_what_the_control_says(api: Api) -> None:
    await api.control("POST", "next_capture", report={"amount": usd("99.00")})
    capture = await api.captured()
    assert (await api("GET", of_capture(capture)))["amount"] == usd("99.00")
    recorded = (await api.control("GET", "ledger"))["captures"][0]
    assert recorded["amount"] == usd("100.00")
    assert recorded["misreported"] == {"amount": usd("99.00")}
    await api.control("POST", "next_capture", 400, issue="BAD_MOOD")
    await api.control("POST", "reset")
    assert (await api.control("GET", "ledger"))["captures"] == []
