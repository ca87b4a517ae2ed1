"""Each fault affects a client as the network or PayPal would."""

import asyncio
import json

import aiohttp
import pytest

from payments_kit.doubles.paypal import CLIENT_ID, CLIENT_SECRET, RunningDouble
from tests.doubles.paypal.api import ORDERS, SECONDS, Api, until

KEY: dict[str, str] = {"PayPal_Request_Id": "payment-1"}


@pytest.mark.parametrize(
    ("kind", "captures", "error"),
    [
        ("timeout_before", 0, TimeoutError),
        ("timeout_after", 1, TimeoutError),
        ("reset_before", 0, aiohttp.ClientError),
        ("reset_after", 1, aiohttp.ClientError),
        ("truncate", 1, aiohttp.ClientPayloadError),
        ("garbage", 1, (json.JSONDecodeError, aiohttp.ContentTypeError, AssertionError)),
    ],
)
async def test_a_broken_reply_leaves_the_outcome_unknown_until_the_key_is_used_again(
    api: Api, double: RunningDouble, kind: str, captures: int, error: type[Exception]
) -> None:
    path = f"{ORDERS}/{await api.approved()}/capture"
    await api.control("POST", "faults", kind=kind, path="/capture$")
    with pytest.raises(error):
        async with asyncio.timeout(0.3 if kind.startswith("timeout") else SECONDS):
            await api("POST", path, 201, **KEY)
    await until(lambda: double.faults.happened == {kind: 1})
    assert len(double.ledger.captures) == captures
    await api("POST", path, 200 if captures else 201, **KEY)
    assert len(double.ledger.captures) == 1


@pytest.mark.parametrize(
    ("kind", "status", "captures"),
    [
        ("status_before", 500, 0),
        ("status_after", 500, 1),
        ("status_before", 503, 0),
        ("status_before", 429, 0),
        ("status_before", 401, 0),
    ],
)
async def test_an_error_reply_has_paypals_form_and_the_request_may_be_repeated(
    api: Api, double: RunningDouble, kind: str, status: int, captures: int
) -> None:
    path = f"{ORDERS}/{await api.approved()}/capture"
    await api.control("POST", "faults", kind=kind, path="/capture$", status=status)
    error = await api("POST", path, status, **KEY)
    assert error.keys() >= {"name", "message", "debug_id"}
    assert len(double.ledger.captures) == captures
    await api("POST", path, 200 if captures else 201, **KEY)
    assert len(double.ledger.captures) == 1


async def test_a_fault_may_send_any_issue_or_html(api: Api) -> None:
    path = f"{ORDERS}/{await api.approved()}/capture"
    await api.control(
        "POST", "faults", kind="status_before", error={"issue": "PAYER_ACCOUNT_LOCKED_OR_CLOSED"}
    )
    assert (await api.issue("POST", path, 422))[0] == "PAYER_ACCOUNT_LOCKED_OR_CLOSED"
    await api.control("POST", "faults", kind="status_before", status=503, html=True)
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    async with api.session.post(f"{api.url}{path}", headers=headers) as reply:
        assert (reply.status, reply.content_type) == (503, "text/html")
    await api.control("POST", "faults", 400, kind="earthquake")


async def test_the_token_endpoint_fails_too(api: Api) -> None:
    await api.control("POST", "faults", kind="status_before", path="oauth2", status=503)
    await api.ask_for_token(CLIENT_ID, CLIENT_SECRET, 503)
    await api.ask_for_token(CLIENT_ID, CLIENT_SECRET)


async def test_a_late_request_is_executed_after_its_client_has_given_up(
    api: Api, double: RunningDouble
) -> None:
    path = f"{ORDERS}/{await api.approved()}/capture"
    double.faults.add("late", "/capture", seconds=SECONDS)
    with pytest.raises(aiohttp.ClientError):
        await api("POST", path, 201, **KEY)
    assert double.ledger.captures == {}
    double.faults.release()
    await until(lambda: double.faults.happened["late_executed"] == 1)
    assert len(double.ledger.captures) == 1


async def test_requests_are_recorded_without_secrets(api: Api) -> None:
    path = f"{ORDERS}/{await api.approved()}"
    await api("GET", path)
    requests = await api.control("GET", "requests")
    assert requests["counts"]["GET /v2/checkout/orders/{id}"] == 1
    assert requests["recent"][-1]["path"] == path
    assert requests["recent"][-1]["status"] == 200
    assert CLIENT_SECRET not in json.dumps(requests)
    assert api.token not in json.dumps(requests)
