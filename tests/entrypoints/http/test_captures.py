"""`POST /api/payments/{id}/captures` and `/void`: operators capture or release what is held."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.alerts import AlertKind
from domain.capture import CaptureFailed, CaptureMode
from domain.outcome import Outcome
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.http.replies import operator_body, payment_body
from tests.builders import NOW, a_payment
from tests.entrypoints.http.world import (
    OPERATOR,
    Client,
    HttpWorld,
    a_token,
    error_fields,
    first_error,
    pay,
    signed_in,
)
from tests.world import GatewayWithoutChargeList

ROUTES = pytest.mark.parametrize("route", ["captures", "void"])


async def act(
    client: Client, payment_id: str, route: str, body: Any = None, key: str | None = None
) -> httpx.Response:
    headers = OPERATOR if key is None else {**OPERATOR, "idempotency-key": key}
    return await client.post(
        f"/api/payments/{payment_id}/{route}", json=body or {}, headers=headers
    )


async def capture(
    client: Client, payment_id: str, body: Any = None, key: str | None = None
) -> httpx.Response:
    return await act(client, payment_id, "captures", body, key)


async def void(
    client: Client, payment_id: str, body: Any = None, key: str | None = None
) -> httpx.Response:
    return await act(client, payment_id, "void", body, key)


class RefusesCaptures(GatewayWithoutChargeList):
    """A gateway that captures nothing."""

    async def capture(self, payment: Payment) -> Outcome | CaptureFailed:
        return CaptureFailed("capture_not_possible", "The account acct_1 may not capture")


@pytest.fixture
async def world() -> HttpWorld:
    world = HttpWorld(capture_mode=CaptureMode.MANUAL)
    await world.create_order()
    return world


@pytest.fixture
async def held(client: Client) -> str:
    """Return the id of a payment with $100 authorized."""
    return str((await pay(client)).json()["id"])


async def test_all_is_captured_once_however_often_it_is_requested(
    client: Client, world: HttpWorld, held: str
) -> None:
    first = await client.post(f"/api/payments/{held}/captures", headers=OPERATOR)
    again = await capture(client, held, {"amount": 10000, "currency": "USD"})

    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["status"], first.json()["id"]) == ("succeeded", held)
    assert first.json() == again.json()
    assert "capturedAmount" not in first.json()
    (charge,) = world.charges
    assert (charge.id, charge.amount) == (first.json()["chargeId"], world.payment().amount)


async def test_a_part_is_captured_and_the_rest_released(
    client: Client, world: HttpWorld, held: str
) -> None:
    part = await capture(client, held, {"amount": 2500})
    rest = await capture(client, held, {"amount": 7500})

    assert (part.status_code, part.json()["capturedAmount"]) == (200, 2500)
    assert (rest.status_code, first_error(rest)["code"]) == (409, "nothing_authorized")
    assert rest.json()["id"] == held
    (charge,) = world.charges
    assert charge.amount.minor_units == 2500


async def test_more_than_is_authorized_gets_400_with_what_is(
    client: Client, world: HttpWorld, held: str
) -> None:
    response = await capture(client, held, {"amount": 10001})

    assert response.status_code == 400
    assert first_error(response)["code"] == "capture_exceeds_authorization"
    assert error_fields(response) == {"amount"}
    assert response.json()["authorized"] == {"amount": 10000, "currency": "usd"}
    assert world.payment().waits_for_capture


async def test_another_currency_gets_400_with_what_is_authorized(
    client: Client, world: HttpWorld, held: str
) -> None:
    response = await capture(client, held, {"amount": 100, "currency": "eur"})

    assert (response.status_code, error_fields(response)) == (400, {"currency"})
    assert first_error(response)["code"] == "currency_mismatch"
    assert response.json()["authorized"] == {"amount": 10000, "currency": "usd"}
    assert world.payment().waits_for_capture


async def test_the_authorization_is_released_and_its_order_can_be_paid_again(
    client: Client, world: HttpWorld, held: str
) -> None:
    released = await void(client, held, {"reason": "out of stock"})
    again = await void(client, held)
    late = await capture(client, held)
    paid = await pay(client)

    assert (released.status_code, again.status_code) == (200, 200)
    body = released.json()
    assert (body["status"], body["code"]) == ("cancelled", "voided")
    assert body["releaseReason"] == "out of stock"
    assert again.json() == released.json()
    shown = await client.get(f"/api/payments/{held}", headers=signed_in())
    assert shown.json()["code"] == "voided"
    assert "releaseReason" not in shown.json(), "an operator's words are not for the payer"
    assert (late.status_code, first_error(late)["code"]) == (409, "nothing_authorized")
    assert (paid.status_code, paid.json()["status"]) == (201, "authorized")


async def test_a_release_without_a_body_has_a_reason(client: Client, held: str) -> None:
    response = await client.post(f"/api/payments/{held}/void", headers=OPERATOR)

    assert (response.status_code, response.json()["code"]) == (200, "voided")


async def test_a_captured_payment_cannot_be_released(client: Client, held: str) -> None:
    await capture(client, held)

    response = await void(client, held)

    assert (response.status_code, first_error(response)["code"]) == (409, "nothing_authorized")
    assert "succeeded" in first_error(response)["message"]


async def test_a_capture_with_an_unknown_outcome_gets_202_and_ends_by_itself(
    client: Client, world: HttpWorld, held: str
) -> None:
    world.faults.add("capture", GatewayFaultKind.REPLY_LOST)

    response = await capture(client, held, {"amount": 500})
    other = await capture(client, held)
    released = await void(client, held)
    world.advance(minutes=2)
    await world.recover()

    assert (response.status_code, response.json()["status"]) == (202, "authorized")
    assert response.headers["location"] == f"/api/payments/{held}"
    assert (other.status_code, first_error(other)["code"]) == (409, "being_captured")
    assert (released.status_code, first_error(released)["code"]) == (409, "being_captured")
    assert other.json()["id"] == held
    assert world.payment().status is PaymentStatus.SUCCEEDED
    (charge,) = world.charges
    assert charge.amount.minor_units == 500


async def test_a_release_with_an_unknown_outcome_gets_202_and_ends_by_itself(
    client: Client, world: HttpWorld, held: str
) -> None:
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)

    response = await void(client, held)
    captured = await capture(client, held)
    world.advance(minutes=2)
    await world.recover()

    assert (response.status_code, response.json()["status"]) == (202, "authorized")
    assert response.json()["code"] == "voided"
    assert response.headers["location"] == f"/api/payments/{held}"
    assert (captured.status_code, first_error(captured)["code"]) == (409, "being_released")
    assert world.payment().status is PaymentStatus.CANCELLED
    assert not world.charges


async def test_a_capture_that_the_gateway_refuses_gets_502_and_may_be_requested_again(
    client: Client, world: HttpWorld, held: str, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    world.gateway_type = RefusesCaptures
    async with world.client() as other:
        refused = await capture(other, held, key="key")
    again = await capture(client, held, key="key")

    assert refused.status_code == 502
    assert first_error(refused)["code"] == "capture_not_possible"
    assert "acct_1" not in refused.text
    assert (refused.json()["payment"]["status"], refused.json()["id"]) == ("authorized", held)
    assert again.status_code == 200
    assert "idempotent-replayed" not in again.headers
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.CAPTURE_FAILED, held)
    assert alert.text.endswith("capture_not_possible: The account acct_1 may not capture")
    assert any(line["event"] == alert.text for line in logged())


async def test_a_capture_of_what_the_gateway_has_released_gets_409_with_the_payment(
    client: Client, world: HttpWorld, held: str
) -> None:
    await world.gateway.cancel(world.payment())

    response = await capture(client, held)

    assert (response.status_code, first_error(response)["code"]) == (409, "not_captured")
    assert response.json()["payment"]["status"] == "cancelled"


async def test_a_release_of_what_was_captured_in_the_dashboard_gets_409_with_the_payment(
    client: Client, world: HttpWorld, held: str
) -> None:
    payment = world.payment().request_capture(world.payment().amount, world.now())
    await world.gateway.capture(payment)

    response = await void(client, held)

    assert (response.status_code, first_error(response)["code"]) == (409, "not_released")
    assert response.json()["payment"]["status"] == "reversed"


async def test_after_its_end_nothing_is_captured(
    client: Client, world: HttpWorld, held: str
) -> None:
    world.advance(hours=8 * 24)

    response = await capture(client, held)

    assert response.status_code == 409
    assert not world.charges


@ROUTES
@pytest.mark.parametrize("token", ["tok_chargeDeclined", "tok_threeDSecureRequired"])
async def test_a_payment_without_an_authorization_gets_409(
    client: Client, route: str, token: str
) -> None:
    body = (await pay(client, token)).json()

    response = await act(client, body["id"], route)

    assert (response.status_code, first_error(response)["code"]) == (409, "nothing_authorized")


@ROUTES
@pytest.mark.parametrize("payment_id", ["none", "x" * 300, "%00"])
async def test_a_payment_that_does_not_exist_gets_404(
    client: Client, route: str, payment_id: str
) -> None:
    assert (await act(client, payment_id, route)).status_code == 404


@pytest.mark.parametrize(
    ("route", "content", "name"),
    [
        ("captures", b'{"amount": null}', "amount"),
        ("captures", b'{"amount": 0}', "amount"),
        ("captures", b'{"amount": -1}', "amount"),
        ("captures", b'{"amount": "1"}', "amount"),
        ("captures", b'{"amount": 1.5}', "amount"),
        ("captures", b'{"amount": true}', "amount"),
        ("captures", b'{"currency": null}', "currency"),
        ("captures", b'{"currency": "us"}', "currency"),
        ("captures", b'{"amuont": 100}', "amuont"),
        ("captures", b'{"amount": 1, "amount": 1000}', "amount"),
        ("captures", b'{"amount": 1, "reason": "x"}', "reason"),
        ("void", b'{"reason": null}', "reason"),
        ("void", b'{"reason": ""}', "reason"),
        ("void", b'{"reason": 1}', "reason"),
        ("void", b'{"reason": "a\\u0000b"}', "reason"),
        ("void", b'{"reason": "%s"}' % (b"x" * 256), "reason"),
        ("void", b'{"reason": "a", "reason": "b"}', "reason"),
        ("void", b'{"amount": 100}', "amount"),
    ],
)
async def test_a_field_that_is_invalid_doubled_or_unknown_is_named_and_nothing_is_moved(
    client: Client, world: HttpWorld, held: str, route: str, content: bytes, name: str
) -> None:
    headers = {**OPERATOR, "content-type": "application/json"}
    path = f"/api/payments/{held}/{route}"
    response = await client.post(path, content=content, headers=headers)

    assert (response.status_code, error_fields(response)) == (400, {name})
    assert world.payment().waits_for_capture


@ROUTES
@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        *((content, "application/json", 400) for content in (b"{", b"[]", b"7", b"\xff")),
        (b"{}", None, 415),
        (b"", "text/plain", 415),
        (b" " * 20_000, "application/json", 413),
    ],
)
async def test_a_body_that_is_not_a_json_object_is_rejected(
    client: Client, held: str, route: str, content: bytes, content_type: str | None, status: int
) -> None:
    headers = OPERATOR if content_type is None else {**OPERATOR, "content-type": content_type}
    path = f"/api/payments/{held}/{route}"

    assert (await client.post(path, content=content, headers=headers)).status_code == status


@ROUTES
async def test_it_has_no_query(client: Client, world: HttpWorld, held: str, route: str) -> None:
    path = f"/api/payments/{held}/{route}"
    response = await client.post(path, params={"amount": "100"}, headers=OPERATOR)

    assert (response.status_code, error_fields(response)) == (400, {"amount"})
    assert world.payment().waits_for_capture


@ROUTES
@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {a_token()}"}, signed_in()],
    ids=["none", "wrong", "token", "cookie"],
)
async def test_only_an_operator_may_do_it(
    client: Client, world: HttpWorld, held: str, route: str, headers: dict[str, str]
) -> None:
    odd = {**headers, "idempotency-key": "a b", "content-type": "text/plain"}
    path = f"/api/payments/{held}/{route}"
    replies = [
        await client.post(path, content=b"{", headers=odd),
        await client.post(path, json={}, headers=headers),
        await client.post(f"/api/payments/absent/{route}", json={}, headers=headers),
    ]

    assert {reply.status_code for reply in replies} == {401}
    assert len({reply.content for reply in replies}) == 1
    assert world.payment().waits_for_capture


@ROUTES
async def test_there_is_no_route_without_an_operator(world: HttpWorld, route: str) -> None:
    async with world.client(operator_key=None) as client:
        held = (await pay(client)).json()["id"]

        assert (await act(client, held, route)).status_code == 404


@ROUTES
async def test_a_repeat_with_the_same_key_gets_the_first_reply(
    client: Client, world: HttpWorld, held: str, route: str
) -> None:
    bodies: dict[str, list[dict[str, object]]] = {
        "captures": [{"amount": 500}, {"amount": 501}, {"amount": 500, "currency": "usd"}, {}],
        "void": [{"reason": "a"}, {"reason": "b"}, {}],
    }
    body, *changed = bodies[route]

    first = await act(client, held, route, body, key="key")
    again = await act(client, held, route, body, key="key")
    others = [await act(client, held, route, each, key="key") for each in changed]
    invalid = await act(client, held, route, body, key="a key")

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert "location" not in again.headers
    assert {each.status_code for each in others} == {422}
    assert (invalid.status_code, error_fields(invalid)) == (400, {"Idempotency-Key"})


async def test_the_same_key_on_another_route_is_another_request(client: Client, held: str) -> None:
    assert (await capture(client, held, key="key")).status_code == 200
    decision = {"decision": "accept", "reason": "checked"}
    replies = [
        await act(client, held, route, body, key="key")
        for route, body in (("void", None), ("review", decision), ("refunds", None))
    ]
    assert [each.status_code for each in replies] == [409, 409, 201]
    assert not [each for each in replies if "idempotent-replayed" in each.headers]


@ROUTES
async def test_what_is_unknown_is_asked_again_under_the_same_key(
    client: Client, world: HttpWorld, held: str, route: str
) -> None:
    step = {"captures": "capture", "void": "cancel"}[route]
    world.faults.add(step, GatewayFaultKind.REPLY_LOST)

    first = await act(client, held, route, key="key")
    again = await act(client, held, route, key="key")

    assert (first.status_code, again.status_code) == (202, 200)
    assert len(world.charges) == (1 if route == "captures" else 0)


@ROUTES
@pytest.mark.parametrize("step", ["database", "committed"])
async def test_while_the_database_is_away_it_gets_503_and_a_repeat_ends_it(
    client: Client, world: HttpWorld, held: str, route: str, step: str
) -> None:
    world.failing.add(step)
    away = await act(client, held, route, key="key")
    world.failing.clear()

    back = await act(client, held, route, key="key")

    assert away.status_code == 503
    assert back.status_code == 200
    assert back.json()["status"] == {"captures": "succeeded", "void": "cancelled"}[route]


@ROUTES
async def test_the_log_names_the_operator_and_the_payment(
    client: Client, held: str, route: str, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    await act(client, held, route)

    line = logged()[-1]
    assert (line["operator"], line["payment_id"]) == ("operator", held)


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [
        (PaymentStatus.CANCELLED, "fraudulent", "voided"),
        (PaymentStatus.CANCELLED, "authorization_expired", "authorization_expired"),
        (PaymentStatus.CANCELLED, "order_cancelled", "order_cancelled"),
        (PaymentStatus.FAILED, "insufficient_funds", "insufficient_funds"),
    ],
)
def test_why_the_gateway_released_the_money_is_for_operators_only(
    status: PaymentStatus, code: str, shown: str
) -> None:
    payment = evolve(a_payment(), status=status, code=code, authorized_until=NOW)
    assert payment_body(payment).code == shown
    assert operator_body(payment).code == code
