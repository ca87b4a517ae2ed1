"""A PayPal-Request-Id works as PayPal's documentation of idempotency says."""

import asyncio

from payments_kit.doubles.paypal import RunningDouble
from tests.doubles.paypal.api import ORDERS, PAYMENTS, SECONDS, Api, an_order, until, usd

KEY: dict[str, str] = {"PayPal_Request_Id": "payment-1"}


async def test_a_repeated_request_shows_the_latest_state_of_the_first(
    api: Api, double: RunningDouble
) -> None:
    first = await api("POST", ORDERS, 201, an_order(), **KEY)
    await api.control("POST", "approve", order=first["id"])
    again = await api("POST", ORDERS, 200, an_order(), **KEY)
    assert (again["id"], again["status"]) == (first["id"], "APPROVED")
    path = f"{ORDERS}/{first['id']}/capture"
    captured = await api("POST", path, 201, **KEY)
    assert await api("POST", path, 200, **KEY) == captured
    assert len(double.ledger.orders) == len(double.ledger.captures) == 1
    capture = captured["purchase_units"][0]["payments"]["captures"][0]
    refund, part = f"{PAYMENTS}/captures/{capture['id']}/refund", {"amount": usd("1.00")}
    refunded = await api("POST", refund, 201, part, **KEY)
    assert await api("POST", refund, 201, part, **KEY) == refunded
    assert len(double.ledger.refunds) == 1
    # Without a key, each request is a new one.
    await api("POST", refund, 201, part)
    assert len(double.ledger.refunds) == 2


async def test_a_key_with_another_request_is_refused(api: Api) -> None:
    order = await api("POST", ORDERS, 201, an_order(), **KEY)
    error = await api("POST", ORDERS, 400, an_order(amount=usd("1.00")), **KEY)
    assert error["name"] == "DUPLICATE_REQUEST_ID"
    await api.control("POST", "approve", order=order["id"])
    await api("POST", f"{ORDERS}/{order['id']}/capture", 201, **KEY)
    other = await api.approved()
    error = await api("POST", f"{ORDERS}/{other}/capture", 400, **KEY)
    assert error["name"] == "DUPLICATE_REQUEST_ID"


async def test_a_key_whose_request_is_in_progress_is_a_conflict(
    api: Api, double: RunningDouble
) -> None:
    path = f"{ORDERS}/{await api.approved()}/capture"
    double.faults.add("slow", "/capture", seconds=SECONDS)
    first = asyncio.create_task(api("POST", path, 201, **KEY))
    await until(lambda: double.faults.happened["slow"] == 1)
    error = await api("POST", path, 409, **KEY)
    assert error["name"] == "RESOURCE_CONFLICT"
    assert error["details"][0]["issue"] == "PREVIOUS_REQUEST_IN_PROGRESS"
    double.faults.release()
    captured = await first
    assert await api("POST", path, 200, **KEY) == captured


async def test_a_refused_request_does_not_use_its_key(api: Api) -> None:
    order = await api.order()
    path = f"{ORDERS}/{order['id']}/capture"
    assert (await api.issue("POST", path, 422, **KEY))[0] == "ORDER_NOT_APPROVED"
    await api.control("POST", "approve", order=order["id"], instrument="declined")
    assert (await api.issue("POST", path, 422, **KEY))[0] == "INSTRUMENT_DECLINED"
    await api.control("POST", "approve", order=order["id"])
    await api("POST", path, 201, **KEY)


async def test_a_key_is_kept_for_six_hours(api: Api, double: RunningDouble) -> None:
    path = f"{ORDERS}/{await api.approved()}/capture"
    await api("POST", path, 201, **KEY)
    await api.control("POST", "advance", seconds=6 * 3600 - 1)
    await api("POST", path, 200, **KEY)
    await api.control("POST", "advance", seconds=1)
    assert (await api.issue("POST", path, 422, **KEY))[0] == "ORDER_ALREADY_CAPTURED"
    await api("POST", ORDERS, 201, an_order(), **KEY)
    assert await api.control("POST", "forget_keys", key="payment-1") == {"forgotten": 1}
    await api("POST", ORDERS, 201, an_order(), **KEY)
    assert len(double.ledger.orders) == 3
