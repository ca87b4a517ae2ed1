"""Orders are as strict as PayPal's documentation says."""

from typing import Any

import pytest

from payments_kit.doubles.paypal import CLIENT_ID, RunningDouble
from tests.doubles.paypal.api import CANCEL_URL, ORDERS, Api, an_order, usd

EUR = {"currency_code": "EUR", "value": "1.00"}


def with_unit(**fields: Any) -> dict[str, Any]:
    """An order without a payment source, so that it needs no request id."""
    unit: dict[str, Any] = {"amount": usd("100.00"), **fields}
    return {"intent": "CAPTURE", "purchase_units": [unit]}


def with_amount(value: Any, currency: Any = "USD") -> dict[str, Any]:
    return with_unit(amount={"currency_code": currency, "value": value})


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def with_units(*units: Any, intent: str = "CAPTURE") -> dict[str, Any]:
    return {"intent": intent, "purchase_units": list(units)}


def with_context(**context: Any) -> dict[str, Any]:
    return {**with_unit(), "application_context": context}


UNIT, VALUE = "/purchase_units/0", "/purchase_units/0/amount/value"
SYNTAX, LENGTH = "INVALID_PARAMETER_SYNTAX", "INVALID_STRING_LENGTH"


@pytest.mark.parametrize(
    ("body", "status", "issue", "field"),
    [
        (b"{", 400, "MALFORMED_REQUEST_JSON", "/"),
        (b"[]", 400, SYNTAX, "/"),
        (without(with_unit(), "intent"), 400, "MISSING_REQUIRED_PARAMETER", "/intent"),
        ({**with_unit(), "intent": "SALE"}, 400, "INVALID_PARAMETER_VALUE", "/intent"),
        ({**with_unit(), "intend": "CAPTURE"}, 400, "NOT_SUPPORTED", "/intend"),
        (with_units(), 400, "INVALID_ARRAY_MIN_ITEMS", "/purchase_units"),
        (with_units(*[{}] * 11), 400, "INVALID_ARRAY_MAX_ITEMS", "/purchase_units"),
        (with_units({}), 400, "MISSING_REQUIRED_PARAMETER", f"{UNIT}/amount"),
        (with_amount(10), 400, SYNTAX, VALUE),
        (with_amount("1,00"), 400, SYNTAX, VALUE),
        (with_amount("1" * 33), 400, LENGTH, VALUE),
        (with_amount("1.00", "US"), 400, LENGTH, f"{UNIT}/amount/currency_code"),
        (with_unit(custom_id="x" * 128), 400, LENGTH, f"{UNIT}/custom_id"),
        (with_unit(invoice_id="x" * 128), 400, LENGTH, f"{UNIT}/invoice_id"),
        (with_unit(reference_id="x" * 257), 400, LENGTH, f"{UNIT}/reference_id"),
        (with_unit(custom_id=""), 400, LENGTH, f"{UNIT}/custom_id"),
        (with_context(return_url="shop"), 400, SYNTAX, "/application_context/return_url"),
        (with_amount("1.00", "RUR"), 422, "INVALID_CURRENCY_CODE", f"{UNIT}/amount/currency_code"),
        (with_amount("1.001"), 422, "DECIMAL_PRECISION", VALUE),
        (with_amount("100.50", "JPY"), 422, "DECIMALS_NOT_SUPPORTED", VALUE),
        (with_amount("0.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE", VALUE),
        (with_amount("-1.00"), 422, "CANNOT_BE_ZERO_OR_NEGATIVE", VALUE),
        (with_amount("1000000000000000.00"), 422, "MAX_VALUE_EXCEEDED", VALUE),
        (
            with_units({"amount": usd("1")}, {"amount": EUR}),
            422,
            "MULTI_CURRENCY_ORDER",
            f"{UNIT}/amount/currency_code",
        ),
        (
            with_units({"amount": usd("1")}, {"amount": usd("1")}),
            422,
            "REFERENCE_ID_REQUIRED",
            "/purchase_units",
        ),
        (
            with_units(*[{"amount": usd("1"), "reference_id": "a"}] * 2),
            422,
            "DUPLICATE_REFERENCE_ID",
            "/purchase_units",
        ),
        (
            with_units(*[{"amount": usd("1")}] * 2, intent="AUTHORIZE"),
            422,
            "UNSUPPORTED_INTENT",
            "/intent",
        ),
        (
            with_unit(amount=usd("3.00") | {"breakdown": {"shipping": usd("2.00")}}),
            422,
            "AMOUNT_MISMATCH",
            f"{UNIT}/amount",
        ),
        (
            with_unit(items=[{"name": "Socks", "quantity": "2", "unit_amount": usd("50.00")}]),
            422,
            "ITEM_TOTAL_REQUIRED",
            f"{UNIT}/amount/breakdown/item_total",
        ),
    ],
)
async def test_a_wrong_order_is_refused(
    api: Api, double: RunningDouble, body: Any, status: int, issue: str, field: str
) -> None:
    assert await api.issue("POST", ORDERS, status, body) == (issue, field)
    assert double.ledger.orders == {}


async def test_an_error_has_paypals_form(api: Api) -> None:
    error = await api("POST", ORDERS, 400, {"intent": "CAPTURE"})
    assert error == {
        "name": "INVALID_REQUEST",
        "message": "Request is not well-formed, syntactically incorrect, or violates schema.",
        "debug_id": api.headers["Paypal-Debug-Id"],
        "details": [
            {
                "field": "/purchase_units",
                "location": "body",
                "issue": "MISSING_REQUIRED_PARAMETER",
                "description": "A required field / parameter is missing.",
            }
        ],
        "links": [],
    }


async def test_headers_are_strict(api: Api) -> None:
    refused = await api("POST", ORDERS, 415, with_unit(), Content_Type="text/plain")
    assert refused["name"] == "UNSUPPORTED_MEDIA_TYPE"
    order = await api.order()
    await api("POST", f"{ORDERS}/{order['id']}/capture", 415, b"", Content_Type="text/plain")
    issue = await api.issue("POST", ORDERS, 400, with_unit(), Prefer="return=all")
    assert issue == ("INVALID_PARAMETER_VALUE", "Prefer")
    issue = await api.issue("POST", ORDERS, 400, an_order())
    assert issue == ("PAYPAL_REQUEST_ID_REQUIRED", "PayPal-Request-Id")
    issue = await api.issue("POST", ORDERS, 400, an_order(), PayPal_Request_Id="x" * 109)
    assert issue == ("INVALID_STRING_LENGTH", "PayPal-Request-Id")
    assert (await api("GET", "/v2/checkout/nothing", 404))["name"] == "RESOURCE_NOT_FOUND"


async def test_an_order_waits_for_its_customer_and_is_then_captured(api: Api) -> None:
    order = await api.order(custom_id="payment-1", invoice_id="order-1")
    assert order["status"] == "PAYER_ACTION_REQUIRED"
    assert [link["rel"] for link in order["links"]] == ["self", "payer-action"]
    path = f"{ORDERS}/{order['id']}"
    issue = await api.issue("POST", f"{path}/capture", 422)
    assert issue == ("ORDER_NOT_APPROVED", None)
    await api.control("POST", "approve", order=order["id"])
    assert (await api("GET", path))["status"] == "APPROVED"
    captured = await api("POST", f"{path}/capture", 201)
    assert captured["status"] == "COMPLETED"
    unit = captured["purchase_units"][0]
    assert (unit["custom_id"], unit["invoice_id"]) == ("payment-1", "order-1")
    capture = unit["payments"]["captures"][0]
    assert capture["status"] == "COMPLETED"
    assert capture["amount"] == usd("100.00")
    assert (capture["custom_id"], capture["invoice_id"]) == ("payment-1", "order-1")
    assert await api("GET", path) == captured
    assert await api.issue("POST", f"{path}/capture", 422) == ("ORDER_ALREADY_CAPTURED", None)


async def test_a_minimal_reply_has_the_id_the_status_and_the_links(api: Api) -> None:
    order = await api("POST", ORDERS, 201, with_unit(), Prefer="")
    assert order.keys() == {"id", "status", "links"}
    assert [link["rel"] for link in order["links"]] == ["self", "approve", "update", "capture"]
    await api.control("POST", "approve", order=order["id"])
    captured = await api("POST", f"{ORDERS}/{order['id']}/capture", 201, {}, Prefer="")
    assert captured.keys() == {"id", "status", "links"}


async def test_a_customer_may_pay_in_every_way_that_an_instrument_has(api: Api) -> None:
    declined = await api.approved(instrument="declined")
    path = f"{ORDERS}/{declined}"
    error = await api("POST", f"{path}/capture", 422)
    assert error["details"][0]["issue"] == "INSTRUMENT_DECLINED"
    assert error["links"][0]["rel"] == "redirect"
    await api.control("POST", "approve", order=declined, instrument="echeck")
    order = await api("POST", f"{path}/capture", 201)
    assert order["status"] == "COMPLETED"
    capture = order["purchase_units"][0]["payments"]["captures"][0]
    assert (capture["status"], capture["status_details"]) == ("PENDING", {"reason": "ECHECK"})
    denied = await api.captured(instrument="denied")
    assert denied["status"] == "DECLINED"
    await api.control("POST", "approve", 400, order=declined, instrument="a bag of coins")


async def test_an_invoice_is_paid_once(api: Api) -> None:
    await api.captured(invoice_id="order-1")
    again = await api.approved(invoice_id="order-1")
    issue = await api.issue("POST", f"{ORDERS}/{again}/capture", 422)
    assert issue == ("DUPLICATE_INVOICE_ID", None)
    await api.control("POST", "settings", unique_invoices=False)
    await api("POST", f"{ORDERS}/{again}/capture", 201)


async def test_the_intent_of_an_order_says_what_can_be_done(api: Api) -> None:
    to_capture, to_authorize = await api.approved(), await api.approved("AUTHORIZE")
    issue = await api.issue("POST", f"{ORDERS}/{to_capture}/authorize", 422)
    assert issue == ("ACTION_DOES_NOT_MATCH_INTENT", None)
    issue = await api.issue("POST", f"{ORDERS}/{to_authorize}/capture", 422)
    assert issue == ("ACTION_DOES_NOT_MATCH_INTENT", None)


async def test_each_purchase_unit_is_captured(api: Api) -> None:
    units = [{"amount": usd(f"{n}.00"), "reference_id": f"unit-{n}"} for n in (1, 2)]
    order = await api("POST", ORDERS, 201, with_units(*units))
    await api.control("POST", "approve", order=order["id"])
    captured = await api("POST", f"{ORDERS}/{order['id']}/capture", 201)
    values = [
        [capture["amount"]["value"] for capture in unit["payments"]["captures"]]
        for unit in captured["purchase_units"]
    ]
    assert values == [["1.00"], ["2.00"]]


def change(what: str, value: Any = None, op: str = "replace", unit: str = "default") -> Any:
    path = f"/purchase_units/@reference_id=='{unit}'/{what}" if unit else what
    return [{"op": op, "path": path} | ({} if value is None else {"value": value})]


async def test_an_order_is_changed_until_it_is_completed(api: Api) -> None:
    order = await api("POST", ORDERS, 201, with_unit(custom_id="session"))
    path = f"{ORDERS}/{order['id']}"
    await api("PATCH", path, 204, change("amount", usd("5")) + change("custom_id", "payment"))
    await api("PATCH", path, 204, change("invoice_id", "order", "add"))
    await api("PATCH", path, 204, change("/intent", "AUTHORIZE", unit=""))
    changed = await api("GET", path)
    unit = changed["purchase_units"][0]
    assert changed["intent"] == "AUTHORIZE"
    assert (unit["amount"], unit["custom_id"], unit["invoice_id"]) == (
        usd("5.00"),
        "payment",
        "order",
    )
    await api("PATCH", path, 204, change("/intent", "CAPTURE", unit=""))
    await api("PATCH", path, 204, change("invoice_id", op="remove"))
    await api.control("POST", "approve", order=order["id"])
    await api("POST", f"{path}/capture", 201)
    issue = await api.issue("PATCH", path, 422, change("amount", usd("1")))
    assert issue[0] == "ORDER_ALREADY_COMPLETED"


@pytest.mark.parametrize(
    ("body", "status", "issue"),
    [
        (change("amount", usd("0")), 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        (change("amount", op="remove"), 422, "NOT_PATCHABLE"),
        (change("payee", {}), 422, "NOT_PATCHABLE"),
        (change("custom_id", "x" * 128), 400, "INVALID_STRING_LENGTH"),
        (change("custom_id", "again", "add"), 400, "INVALID_PATCH_OPERATION"),
        (change("invoice_id", "none yet"), 400, "INVALID_PATCH_OPERATION"),
        (change("custom_id"), 422, "PATCH_VALUE_REQUIRED"),
        (change("amount", usd("1"), unit="other"), 422, "REFERENCE_ID_NOT_FOUND"),
        (change("intent", "CAPTURE", unit=""), 422, "INVALID_JSON_POINTER_FORMAT"),
        ([{"op": "replace"}], 422, "PATCH_PATH_REQUIRED"),
        (change("custom_id", "x", "set"), 400, "INVALID_PARAMETER_VALUE"),
        (change("custom_id", "y") + change("invoice_id"), 400, "INVALID_PATCH_OPERATION"),
    ],
)
async def test_a_wrong_change_changes_nothing(api: Api, body: Any, status: int, issue: str) -> None:
    order = await api("POST", ORDERS, 201, with_unit(custom_id="session"))
    path = f"{ORDERS}/{order['id']}"
    assert (await api.issue("PATCH", path, status, body))[0] == issue
    assert await api("GET", path) == order


async def test_an_order_that_awaits_its_customers_action_is_not_changed(api: Api) -> None:
    order = await api.order()
    body = change("amount", usd("1"))
    assert (await api.issue("PATCH", f"{ORDERS}/{order['id']}", 422, body))[0] == "NOT_PATCHABLE"


async def test_an_expired_order_is_gone(api: Api) -> None:
    order_id = await api.approved()
    await api.control("POST", "expire", order=order_id)
    for method, path in (("GET", ""), ("POST", "/capture")):
        issue = await api.issue(method, f"{ORDERS}/{order_id}{path}", 404)
        assert issue == ("INVALID_RESOURCE_ID", "/orders")


async def test_a_customer_approves_on_a_page_or_goes_back(api: Api) -> None:
    order = await api.order()
    page = order["links"][1]["href"]
    async with api.session.get(page) as reply:
        text = await reply.text()
    assert "Pay 100.00 USD?" in text
    assert "result=approved&amp;instrument=echeck" in text
    for result, location in (
        ("cancelled", f"{CANCEL_URL}?token={order['id']}"),
        (
            "approved",
            f"https://shop.example/return?order=1&token={order['id']}&PayerID=PAYER23456789",
        ),
    ):
        async with api.session.get(f"{page}&result={result}", allow_redirects=False) as reply:
            assert (reply.status, reply.headers["Location"]) == (302, location)
        status = (await api("GET", f"{ORDERS}/{order['id']}"))["status"]
        assert status == ("APPROVED" if result == "approved" else "PAYER_ACTION_REQUIRED")
    async with api.session.get(f"{page}1") as reply:
        assert reply.status == 410


async def test_a_token_is_needed_and_expires(api: Api, double: RunningDouble) -> None:
    wrong = await api.ask_for_token(CLIENT_ID, "wrong", 401)
    assert wrong["error"] == "invalid_client"
    wrong = await api.ask_for_token(CLIENT_ID, "double-secret", 400, grant="password")
    assert wrong["error"] == "unsupported_grant_type"
    for authorization in ("Bearer nonsense", "Basic x", ""):
        error = await api("GET", f"{ORDERS}/X", 401, Authorization=authorization)
        assert error["name"] == "AUTHENTICATION_FAILURE"
    await api("GET", f"{ORDERS}/X", 404)
    await api.control("POST", "advance", seconds=32_400)
    await api("GET", f"{ORDERS}/X", 401)
    await api.control("POST", "settings", token_seconds=60)
    given = await api.ask_for_token(CLIENT_ID, "double-secret")
    assert (given["expires_in"], given["token_type"]) == (60, "Bearer")
    await api.sign_in()
    await api("GET", f"{ORDERS}/X", 404)
    await api.control("POST", "expire_tokens")
    await api("GET", f"{ORDERS}/X", 401)
