"""`POST /api/payments`: every row of the contract's table, and the seed's own tests among them."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.application import DeclineLimits
from domain.identifiers import PaymentId
from domain.payment import PaymentStatus
from tests.builders import PAYER, STRANGER, after, cancelled_event, created_event, dollars
from tests.entrypoints.http.world import World, first_error, in_session, pay, signed_in


async def test_a_good_card_is_answered_201_with_the_payment(
    client: httpx.AsyncClient, world: World
) -> None:
    answer = await pay(client)

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"/api/payments/{body['id']}"
    assert body == {
        "id": "id-1",
        "orderId": "order-1",
        "status": "succeeded",
        "amount": 10000,
        "currency": "usd",
        "createdAt": "2026-11-22T12:00:00.000Z",
        "stripeId": world.order().payments[0].charge_id,
    }


async def test_a_good_card_leaves_a_payment_row_with_the_gateways_charge_id(
    client: httpx.AsyncClient, world: World
) -> None:
    await pay(client)

    (payment,) = world.order().payments
    (attempt,) = world.ledger.records[payment.id].attempts
    assert payment.status is PaymentStatus.SUCCEEDED
    assert payment.charge_id == attempt.charge_id


async def test_an_order_that_does_not_exist_is_answered_404(client: httpx.AsyncClient) -> None:
    answer = await pay(client, order_id="no-such-order")

    assert answer.status_code == 404
    assert answer.json()["errors"] == [{"message": "Not Found"}]


async def test_an_order_of_somebody_else_is_answered_401(
    client: httpx.AsyncClient, world: World
) -> None:
    answer = await pay(client, user=STRANGER)

    assert answer.status_code == 401
    assert answer.json()["errors"] == [{"message": "Not authorized"}]
    assert world.charges == 0


async def test_a_cancelled_order_is_answered_400_with_a_message_that_says_so(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.apply(cancelled_event())

    answer = await pay(client)

    assert answer.status_code == 400
    assert "cancelled" in first_error(answer)["message"]


async def test_an_expired_order_is_answered_400_with_a_message_that_says_so(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.apply(created_event("short", expires_at=after(seconds=1)))
    world.pass_time(seconds=2)

    answer = await pay(client, order_id="short")

    assert answer.status_code == 400
    assert "expired" in first_error(answer)["message"]


@pytest.mark.parametrize("name", ["session", "express:sess"])
async def test_either_cookie_signs_in(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post(
        "/api/payments",
        json={"token": "tok_visa", "orderId": "order-1"},
        headers=signed_in(PAYER, name),
    )

    assert answer.status_code == 201


async def test_a_declined_card_is_answered_402_with_its_code(
    client: httpx.AsyncClient, world: World
) -> None:
    answer = await pay(client, "tok_chargeDeclinedInsufficientFunds")

    assert answer.status_code == 402
    assert first_error(answer)["code"] == "insufficient_funds"
    assert answer.json()["payment"]["id"] == world.order().payments[0].id


async def test_an_order_can_be_paid_again_after_a_decline(client: httpx.AsyncClient) -> None:
    await pay(client, "tok_chargeDeclined")

    assert (await pay(client)).status_code == 201


async def test_an_order_that_is_paid_is_answered_409_with_that_payment(
    client: httpx.AsyncClient, world: World
) -> None:
    paid = await pay(client)

    again = await pay(client)

    assert again.status_code == 409
    assert again.json()["payment"] == paid.json()
    assert again.json()["id"] == paid.json()["id"]
    assert world.charges == 1


async def test_an_order_whose_outcome_is_unknown_is_answered_409_with_that_payment(
    client: httpx.AsyncClient, world: World
) -> None:
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    unknown = await pay(client)

    again = await pay(client)

    assert again.status_code == 409
    assert again.json()["payment"]["id"] == unknown.json()["id"]
    assert world.charges == 1


@pytest.mark.parametrize("token", ["tok_visa", "tok_threeDSecureRequired"])
async def test_who_takes_an_order_over_is_answered_409_without_the_payment_of_the_other(
    client: httpx.AsyncClient, world: World, token: str
) -> None:
    theirs = await pay(client, token)
    await world.apply(created_event(version=1, user_id=STRANGER))

    answer = await pay(client, user=STRANGER)

    assert answer.status_code == 409
    assert theirs.json()["id"] not in answer.text
    assert "payment" not in answer.json()


async def test_a_bank_that_asks_for_authentication_is_answered_202_with_what_to_do(
    client: httpx.AsyncClient,
) -> None:
    answer = await pay(client, "tok_threeDSecureRequired")

    body = answer.json()
    assert answer.status_code == 202
    assert body["status"] == "requires_action"
    assert body["clientSecret"]
    assert body["nextAction"]["type"]


async def test_asking_again_while_the_bank_waits_says_where_that_stands(
    client: httpx.AsyncClient, world: World
) -> None:
    waiting = (await pay(client, "tok_threeDSecureRequired")).json()

    again = await pay(client)
    await world.gateway.complete_authentication(PaymentId(waiting["id"]), succeeded=True)
    afterwards = await pay(client)

    assert (again.status_code, again.json()["payment"]) == (409, waiting)
    assert afterwards.status_code == 201
    assert afterwards.json()["id"] == waiting["id"]
    assert world.charges == 1


async def test_the_client_secret_is_for_whoever_pays_and_kept_nowhere(
    client: httpx.AsyncClient, world: World
) -> None:
    waiting = await pay(client, "tok_threeDSecureRequired", headers={"idempotency-key": "key"})

    shown = await client.get(f"/api/payments/{waiting.json()['id']}", headers=signed_in())

    secret = waiting.json()["clientSecret"]
    assert secret not in shown.text
    assert secret not in repr(world.database)


@pytest.mark.parametrize(
    "trouble",
    [GatewayFaultKind.REQUEST_LOST, GatewayFaultKind.REPLY_LOST, GatewayFaultKind.SERVER_ERROR],
)
async def test_an_unknown_outcome_is_answered_202_with_where_to_look(
    client: httpx.AsyncClient, world: World, kind: GatewayFaultKind
) -> None:
    world.faults.add("charge", kind)

    answer = await pay(client)

    assert answer.status_code == 202
    assert answer.json()["status"] == "processing"
    assert answer.headers["location"] == f"/api/payments/{answer.json()['id']}"


@pytest.mark.parametrize("trouble", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.RATE_LIMITED])
async def test_a_gateway_that_cannot_be_reached_is_answered_503_and_nothing_is_charged(
    client: httpx.AsyncClient, world: World, kind: GatewayFaultKind
) -> None:
    world.faults.add("charge", kind)

    answer = await pay(client)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert world.charges == 0
    assert (await pay(client)).status_code == 201


async def test_a_database_that_cannot_be_reached_is_answered_503_and_nothing_is_charged(
    client: httpx.AsyncClient, world: World
) -> None:
    world.database_is_down = True

    answer = await pay(client)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert world.charges == 0


async def test_a_database_lost_after_the_charge_is_answered_202(
    client: httpx.AsyncClient, world: World
) -> None:
    async def lose_the_database(step: str) -> None:
        world.database_is_down = step == "charge answered"

    world.gateway.checkpoint = lose_the_database

    answer = await pay(client)

    assert answer.status_code == 202
    assert answer.json()["status"] == "processing"


async def test_money_that_differs_from_what_was_asked_for_is_answered_202_review(
    client: httpx.AsyncClient, world: World
) -> None:
    world.faults.misreport(dollars("1"))

    answer = await pay(client)

    assert answer.status_code == 202
    assert answer.json()["status"] == "review"


async def test_an_order_cancelled_during_its_charge_is_answered_400_and_says_that_money_comes_back(
    client: httpx.AsyncClient, world: World
) -> None:
    async def cancel(step: str) -> None:
        if step == "charge answered":
            await world.apply(cancelled_event())

    world.gateway.checkpoint = cancel

    answer = await pay(client)

    assert answer.status_code == 400
    assert first_error(answer)["code"] == "order_cancelled"
    assert "given back" in first_error(answer)["message"]
    assert answer.json()["payment"]["status"] == "unwanted"


async def test_too_many_declines_of_a_user_are_answered_429_before_the_gateway_is_asked() -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 2}))
    await world.apply()
    async with world.client() as client:
        for _ in range(2):
            await pay(client, "tok_chargeDeclined")

        answer = await pay(client)

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "600"
    assert world.charges == 0


@pytest.mark.parametrize(
    ("trusted_proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", 429),  # anybody can claim anything
        (1, "198.51.100.1, 203.0.113.9", 201),  # the proxy says who is new
        (1, "203.0.113.9, 203.0.113.1", 429),  # what is left of the proxy's word is made up
        (2, "203.0.113.9", 429),  # shorter than our own proxies make it
    ],
)
async def test_declines_are_counted_by_the_address_that_can_be_trusted(
    trusted_proxies: int, forwarded: str, expected: int
) -> None:
    world = World(limits=DeclineLimits(max_declines={"address": 1}))
    await world.apply(created_event(), created_event("other", user_id=STRANGER))
    async with world.client(trusted_proxies=trusted_proxies) as client:
        before = {"x-forwarded-for": "203.0.113.1"} if trusted_proxies == 1 else {}
        await pay(client, "tok_chargeDeclined", headers=before)

        answer = await pay(
            client, order_id="other", user=STRANGER, headers={"x-forwarded-for": forwarded}
        )

    assert answer.status_code == expected


async def test_declines_are_counted_for_a_whole_ipv6_line() -> None:
    world = World(limits=DeclineLimits(max_declines={"address": 1}))
    await world.apply()
    async with world.client(trusted_proxies=1) as client:
        await pay(client, "tok_chargeDeclined", headers={"x-forwarded-for": "2001:db8:1:2::3"})

        answer = await pay(client, headers={"x-forwarded-for": "2001:db8:1:2:ffff::4"})

    assert answer.status_code == 429


async def test_fifty_requests_at_once_make_one_charge(world: World) -> None:
    async def take_turns(_step: str) -> None:
        await asyncio.sleep(0)

    world.gateway.checkpoint = take_turns
    async with world.client() as client:
        answers = await asyncio.gather(*(pay(client) for _ in range(50)))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201, *[409] * 49]
    assert world.charges == 1


async def test_what_is_due_may_be_agreed_to(client: httpx.AsyncClient) -> None:
    answer = await pay(client, amount=10000, currency="USD")

    assert answer.status_code == 201


@pytest.mark.parametrize("agreed", [{"amount": 9999}, {"amount": 0}, {"currency": "eur"}])
async def test_another_amount_than_what_is_due_is_answered_400_and_says_what_is_due(
    client: httpx.AsyncClient, world: World, expected: dict[str, Any]
) -> None:
    answer = await pay(client, **expected)

    assert answer.status_code == 400
    assert answer.json()["due"] == {"amount": 10000, "currency": "usd"}
    assert world.charges == 0


async def test_an_error_nobody_expects_is_answered_500_and_says_nothing_of_itself(
    client: httpx.AsyncClient, world: World, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    async def explode(_step: str) -> None:
        raise RuntimeError("the inner life of the service, and sk_live_123")

    world.gateway.checkpoint = explode

    answer = await pay(client)

    assert answer.status_code == 500
    assert answer.json()["errors"] == [{"message": "Internal Server Error"}]
    assert "inner life" not in answer.text
    error, _ = logged()
    assert "inner life" in error["exception"]
    assert "sk_live_123" not in str(error)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/api/orders", 404),
        ("GET", "/api/payments/a/b", 404),
        ("DELETE", "/api/payments", 405),
        ("POST", "/api/payments/webhooks/stripe", 404),
    ],
)
async def test_what_there_is_no_route_for_is_refused_in_the_same_form(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.json()["status"] == status
    if status == 404:
        assert answer.json()["errors"] == [{"message": "Not Found"}]


async def test_an_error_is_an_rfc_9457_problem_beside_the_seeds_errors(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/api/payments")

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "errors": [{"message": "Not authorized"}],
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
    }


async def test_every_answer_forbids_sniffing_and_storing_and_opens_nothing_to_other_sites(
    client: httpx.AsyncClient, world: World
) -> None:
    async def explode(_step: str) -> None:
        raise RuntimeError

    answers = [
        await pay(client),
        await pay(client),
        await pay(client, order_id="none"),
        await client.get("/nope", headers={"origin": "https://elsewhere.example"}),
        await client.options("/api/payments", headers={"origin": "https://elsewhere.example"}),
        await client.delete("/api/payments"),
        await client.get("/health/live"),
        await client.post("/api/payments", content=b"x" * 20_000, headers=signed_in()),
    ]
    world.database.checkpoint = explode
    answers.append(await client.get("/api/payments?orderId=order-1", headers=signed_in()))

    assert {answer.status_code for answer in answers} >= {200, 201, 404, 405, 409, 415, 500}
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_charge_goes_on_when_the_customer_hangs_up(
    client: httpx.AsyncClient, world: World
) -> None:
    reached, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait(step: str) -> None:
        if step == "charge":
            reached.set()
            await go_on.wait()
        elif step == "charge answered":
            done.set()

    world.gateway.checkpoint = wait
    request = asyncio.create_task(pay(client))
    async with asyncio.timeout(10):
        await reached.wait()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        go_on.set()
        await done.wait()
        while world.order().payments[0].is_open:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)

    assert world.order().payments[0].status is PaymentStatus.SUCCEEDED


async def test_the_trace_of_a_request_goes_on_into_its_event(
    client: httpx.AsyncClient, world: World
) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    await pay(client, headers={"traceparent": traceparent})

    (record,) = world.database.outbox.values()
    assert record.entry.traceparent == traceparent


async def test_a_session_of_somebody_else_pays_nothing(
    client: httpx.AsyncClient, world: World
) -> None:
    answer = await client.post(
        "/api/payments",
        json={"token": "tok_visa", "orderId": "order-1"},
        headers={"cookie": f"session={in_session('rubbish')}"},
    )

    assert answer.status_code == 401
    assert world.charges == 0
