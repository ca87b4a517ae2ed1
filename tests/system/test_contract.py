"""The contract's table for `POST /api/payments` and its neighbours, asked as the seed's client does."""

import asyncio
import json
import re
from datetime import datetime

import jwt
import pytest

from tests.system.comparison import holds
from tests.system.customers import PAY, Answer, bearer, cookie
from tests.system.shop import in_seconds, new_name, of_kind
from tests.system.site import JWT_KEY, Runtime
from tests.system.waiting import until

# As DECLINES_PER_USER has it by default.
MAX_DECLINES = 20


@pytest.fixture
def user() -> str:
    """Somebody new."""
    return new_name("user")


def says(answer: Answer, status: int, message: str) -> None:
    """Check an error: the seed's `errors`, and a problem of RFC 9457."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.body["errors"][0]["message"] == message
    assert answer.body["status"] == status
    assert answer.body["title"]
    assert answer.body["type"]


async def test_an_order_is_paid_and_announced_in_the_seeds_shapes(
    runtime: Runtime, user: str
) -> None:
    order_id = await runtime.order(user)

    answer = await runtime.customers.pay(order_id, user)

    assert answer.status == 201, answer
    payment = answer.body
    assert (payment["orderId"], payment["status"]) == (order_id, "succeeded")
    assert (payment["amount"], payment["currency"]) == (1000, "usd")
    [charge] = await runtime.gateway.charges(order_id)
    assert payment["stripeId"] == charge["id"]
    found = await holds(runtime, [order_id], [answer])
    assert len(found.seen) == 1
    [event] = of_kind("payment:created", await runtime.shop.heard([order_id]))
    assert (
        event.body.items()
        >= {
            "id": payment["id"],
            "orderId": order_id,
            "stripeId": charge["id"],
            "amount": 1000,
            "currency": "usd",
            "gateway": "stripe",
        }.items()
    )
    assert datetime.fromisoformat(event.body["createdAt"]).tzinfo is not None
    assert event.headers["Nats-Msg-Id"] == event.headers["ce-id"]
    assert event.headers["ce-type"] == "payment:created"
    assert event.headers["ce-source"]
    assert datetime.fromisoformat(event.headers["ce-time"]).tzinfo is not None
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", event.headers["traceparent"])


async def test_every_answer_is_guarded_against_browsers_and_caches(
    runtime: Runtime, user: str
) -> None:
    order_id = await runtime.order(user)
    origin = {"Origin": "https://elsewhere.example"}
    for answer in (
        await runtime.customers.pay(order_id, user),
        await runtime.customers.pay("no-such-order", user),
        await runtime.customers.ask("POST", PAY, None, b"{}", origin),
        await runtime.customers.ask("GET", "/no/such/route", user, headers=origin),
        await runtime.customers.ask("GET", "/health/live", headers=origin),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff", answer
        assert answer.headers["Cache-Control"] == "no-store", answer
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert not re.search(r"\d", answer.headers.get("Server", "")), answer.headers


@pytest.mark.parametrize("place", ["session", "express:sess", "bearer"])
async def test_a_user_is_known_by_either_cookie_and_by_a_bearer_token(
    runtime: Runtime, user: str, place: str
) -> None:
    order_id = await runtime.order(user)
    if place == "bearer":
        headers = {"Authorization": f"Bearer {bearer(user, JWT_KEY)}"}
    else:
        headers = {"Cookie": cookie(user, JWT_KEY, place)}
    body = json.dumps({"token": "tok_visa", "orderId": order_id}).encode()
    assert (await runtime.customers.ask("POST", PAY, None, body, headers)).status == 201


async def test_nobody_pays_without_a_token_of_ours(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user)
    body = json.dumps({"token": "tok_visa", "orderId": order_id}).encode()
    unsigned = jwt.encode({"id": user, "email": "a@b.c", "iat": 1}, "", algorithm="none")
    for headers in (
        {},
        {"Cookie": "session=not base64"},
        {"Cookie": "session=W10="},
        {"Cookie": cookie(user, "another-key-of-enough-length-to-be-taken")},
        {"Cookie": cookie(user, JWT_KEY, exp=1_700_000_000)},
        {"Authorization": f"Bearer {unsigned}"},
        {"Authorization": "Bearer "},
    ):
        answer = await runtime.customers.ask("POST", PAY, None, body, headers)
        says(answer, 401, "Not authorized")
    says(await runtime.customers.pay(order_id, new_name("stranger")), 401, "Not authorized")
    assert await runtime.gateway.charges(order_id) == []


async def test_what_does_not_exist_is_not_found(runtime: Runtime, user: str) -> None:
    says(await runtime.customers.pay(new_name("order"), user), 404, "Not Found")
    says(await runtime.customers.ask("GET", "/api/nothing", user), 404, "Not Found")
    says(await runtime.customers.show(new_name("payment"), user), 404, "Not Found")


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b"{}", ["token", "orderId"]),
        (b"{", ["token", "orderId"]),
        (b'"text"', ["token", "orderId"]),
        (b'{"token": "", "orderId": "x"}', ["token"]),
        (b'{"token": 7, "orderId": ["x"]}', ["token", "orderId"]),
        (b'{"token": "tok_visa", "orderId": "a\\u0000b"}', ["orderId"]),
        (b'{"token": "tok_visa", "orderId": "\\ud800"}', None),
        (b'{"token": "tok_visa", "orderId": "\xff"}', None),
        (b'{"token": "tok_visa", "orderId": "' + b"x" * 10_000 + b'"}', ["orderId"]),
        (b'{"token": "tok_visa", "orderId": "x", "amount": "10"}', ["amount"]),
        (b'{"token": "tok_visa", "orderId": "x", "amount": 10.5}', ["amount"]),
    ],
)
async def test_a_bad_body_is_answered_with_every_bad_field(
    runtime: Runtime, user: str, content: bytes, fields: list[str] | None
) -> None:
    answer = await runtime.customers.ask("POST", PAY, user, content)
    assert answer.status == 400, answer
    if fields is not None:
        assert [each["field"] for each in answer.body["errors"]] == fields


async def test_only_json_of_ordinary_size_is_read(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user)
    body = json.dumps({"token": "tok_visa", "orderId": order_id}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/x-msgpack"):
        answer = await runtime.customers.ask("POST", PAY, user, body, {"Content-Type": kind})
        assert answer.status == 415, answer
    huge = json.dumps({"token": "tok_visa", "orderId": "x" * 1_000_000}).encode()
    assert (await runtime.customers.ask("POST", PAY, user, huge)).status == 413
    assert await runtime.gateway.charges(order_id) == []


async def test_a_cancelled_or_expired_order_is_not_paid(runtime: Runtime, user: str) -> None:
    cancelled, expired = [
        await runtime.order(user),
        await runtime.order(user, expiresAt=in_seconds(-1)),
    ]
    await runtime.shop.cancel(cancelled)

    async def both_are_refused() -> None:
        answer = await runtime.customers.pay(cancelled, user, amount=1)
        assert answer.error["code"] == "order_cancelled", answer
        says(answer, 400, "Cannot pay for a cancelled order")

    await until(both_are_refused)
    says(await runtime.customers.pay(expired, user), 400, "Cannot pay for an expired order")
    await holds(runtime, [cancelled, expired])


async def test_a_declined_order_can_be_paid_with_another_card(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user)
    declined = await runtime.customers.pay(
        order_id, user, "tok_chargeDeclinedInsufficientFunds", replica=1
    )
    assert (declined.status, declined.error["code"]) == (402, "insufficient_funds")
    paid = await runtime.customers.pay(order_id, user, replica=0)
    assert paid.status == 201
    await holds(runtime, [order_id], [declined, paid])
    kinds = [each.subject for each in await runtime.shop.heard([order_id])]
    assert kinds == ["payment:failed", "payment:created"]


async def test_a_paid_order_is_not_paid_again(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user)
    paid = await runtime.customers.pay(order_id, user)
    again = await runtime.customers.pay(order_id, user, "tok_mastercard", replica=1)
    assert again.status == 409, again
    assert again.body["payment"]["id"] == paid.payment_id
    await holds(runtime, [order_id], [paid])
    assert len(await runtime.gateway.charges(order_id)) == 1


async def test_a_payment_under_way_is_shown_to_who_pays_again(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user)
    await runtime.gateway.fail("slow", seconds=2)
    first = asyncio.create_task(runtime.customers.pay(order_id, user, key="k"))
    await runtime.gateway.struck("slow")
    again = await runtime.customers.pay(order_id, user, replica=1)
    assert (again.status, again.error["code"]) == (409, "payment_under_way"), again
    assert again.body["payment"]["status"] == "processing"
    same_key = await runtime.customers.pay(order_id, user, replica=1, key="k")
    assert (same_key.status, same_key.error["code"]) == (409, "request_under_way")
    assert (await first).status == 201
    await holds(runtime, [order_id], [await first])


async def test_a_repeated_key_gives_the_first_answer_again(runtime: Runtime, user: str) -> None:
    order_id, key = await runtime.order(user), new_name("key")
    first = await runtime.customers.pay(order_id, user, key=key)
    again = await runtime.customers.pay(order_id, user, key=key, replica=1)
    assert (again.status, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = await runtime.customers.pay(order_id, user, "tok_mastercard", key=key)
    assert other.status == 422, other
    stranger = await runtime.customers.pay(order_id, new_name("stranger"), key=key)
    assert stranger.status == 401, "a key belongs to its user"
    await asyncio.to_thread(runtime.site.serve[0].kill)
    await asyncio.to_thread(runtime.site.serve[0].start)
    later = await runtime.customers.pay(order_id, user, key=key)
    assert (later.status, later.content) == (201, first.content), "it survives a restart"
    await holds(runtime, [order_id], [first, again, later])


async def test_one_key_at_two_replicas_at_once_is_one_request(runtime: Runtime, user: str) -> None:
    order_id, key = await runtime.order(user), new_name("key")
    answers = await asyncio.gather(
        *(runtime.customers.pay(order_id, user, key=key, replica=n % 2) for n in range(10))
    )
    assert {answer.status for answer in answers} <= {201, 409}
    assert [each for each in answers if each.status == 201]
    await holds(runtime, [order_id], answers)
    assert len(await runtime.gateway.charges(order_id)) == 1


async def test_the_amount_agreed_to_must_be_the_amount_due(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user, price=19.99)
    for more in ({"amount": 2000}, {"amount": 19}, {"currency": "eur"}):
        answer = await runtime.customers.pay(order_id, user, **more)
        assert (answer.status, answer.error["code"]) == (400, "amount_differs"), answer
    paid = await runtime.customers.pay(order_id, user, amount=1999, currency="USD")
    assert paid.status == 201
    await holds(runtime, [order_id], [paid])


async def test_who_tries_card_after_card_is_stopped_at_every_replica(
    runtime: Runtime, user: str
) -> None:
    order_id = await runtime.order(user)
    answers = [
        await runtime.customers.pay(order_id, user, "tok_chargeDeclined", replica=n % 2)
        for n in range(MAX_DECLINES)
    ]
    assert {answer.status for answer in answers} == {402}
    for replica in (0, 1):
        stopped = await runtime.customers.pay(order_id, user, replica=replica)
        assert stopped.status == 429, stopped
        assert int(stopped.headers["Retry-After"]) > 0
    assert await runtime.gateway.charges(order_id) == []
    other = new_name("user")
    paid = await runtime.customers.pay(await runtime.order(other), other)
    assert paid.status == 201, "others are not stopped"


async def test_a_user_sees_their_own_payments_only(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user)
    paid = await runtime.customers.pay(order_id, user)
    shown = await runtime.customers.show(paid.payment_id, user, replica=1)
    assert (shown.status, shown.body["stripeId"]) == (200, paid.body["stripeId"])
    of_order = f"{PAY}?orderId={order_id}"
    listed = await runtime.customers.ask("GET", of_order, user)
    assert [each["id"] for each in listed.body] == [paid.payment_id]
    stranger = new_name("stranger")
    says(await runtime.customers.show(paid.payment_id, stranger), 404, "Not Found")
    strange = await runtime.customers.ask("GET", of_order, stranger)
    unknown = await runtime.customers.ask("GET", f"{PAY}?orderId={new_name('order')}", stranger)
    assert (strange.status, strange.content) == (unknown.status, unknown.content)


async def test_the_operator_gives_money_back(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user, price=100)
    paid = await runtime.customers.pay(order_id, user)
    path = f"{PAY}/{paid.payment_id}/refunds"
    assert (await runtime.customers.ask("POST", path, user, b"{}")).status == 401
    part = await runtime.customers.refund(paid.payment_id, 3000, key="a-part")
    assert part.status == 201, part
    assert part.body["amount"] == 3000
    again = await runtime.customers.refund(paid.payment_id, 3000, key="a-part", replica=1)
    assert (again.status, again.body["id"]) == (201, part.body["id"])
    too_much = await runtime.customers.refund(paid.payment_id, 7001)
    assert too_much.status == 400, too_much
    rest = await runtime.customers.refund(paid.payment_id)
    assert (rest.status, rest.body["amount"]) == (201, 7000)
    await holds(runtime, [order_id], [paid])
    refunded = of_kind("payment:refunded", await runtime.shop.heard([order_id]))
    assert [each.body["amount"] for each in refunded] == [3000, 7000]
    assert refunded[0].body.keys() >= {"id", "refundId", "orderId", "stripeId", "reason"}


async def test_a_cancelled_order_gets_its_money_back(runtime: Runtime, user: str) -> None:
    order_id = await runtime.order(user)
    paid = await runtime.customers.pay(order_id, user)
    await runtime.shop.cancel(order_id)

    async def is_refunded() -> None:
        assert [each["amount"] for each in await runtime.gateway.refunds(order_id)] == [1000]

    await until(is_refunded)
    await holds(runtime, [order_id], [paid])
    again = await runtime.customers.pay(order_id, user)
    assert (again.status, again.error["code"]) == (400, "order_cancelled"), again


async def test_a_cancellation_that_comes_before_its_order_is_not_lost(
    runtime: Runtime, user: str
) -> None:
    order_id = new_name("order")
    await runtime.shop.cancel(order_id)

    async def is_cancelled() -> None:
        assert (await runtime.orders(order_id))[:1], "not heard of yet"

    await until(is_cancelled)
    await runtime.order(user, order_id=order_id)
    says(await runtime.customers.pay(order_id, user), 400, "Cannot pay for a cancelled order")
    await holds(runtime, [order_id])


async def test_an_order_that_others_tell_is_paid_is_complete_and_a_cancelled_one_is_not(
    runtime: Runtime, user: str
) -> None:
    await asyncio.to_thread(runtime.site.new_worker("complete").start)
    paid, cancelled = await runtime.order(user), await runtime.order(user)
    await runtime.shop.cancel(cancelled)
    for order_id in (paid, cancelled, paid):
        body = {"id": new_name("payment"), "orderId": order_id, "stripeId": "ch_elsewhere"}
        await runtime.shop.publish("payment:created", json.dumps(body).encode())

    async def is_complete() -> None:
        assert (await runtime.bill(paid)).order.status.value == "complete"
        assert (await runtime.bill(cancelled)).order.status.value == "cancelled"

    await until(is_complete)
    again = await runtime.customers.pay(paid, user)
    assert (again.status, again.error["code"]) == (409, "already_paid"), again
    says(await runtime.customers.pay(cancelled, user), 400, "Cannot pay for a cancelled order")
    assert await runtime.gateway.charges(paid) == []


async def test_the_surroundings_can_be_asked_how_it_is(runtime: Runtime) -> None:
    for path in ("/health/live", "/health/ready", "/schema"):
        assert (await runtime.customers.ask("GET", path)).status == 200
    metrics = await runtime.customers.ask("GET", "/metrics")
    assert b"payments_http_requests_total" in metrics.content
