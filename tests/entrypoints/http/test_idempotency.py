"""`Idempotency-Key`: the same request with the same key is carried out once and answered alike."""

import asyncio

import httpx
import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from domain.identifiers import UserId
from tests.builders import STRANGER, created_event
from tests.entrypoints.http.world import OPERATOR, World, first_error, pay, signed_in

KEY = {"idempotency-key": "a-key"}


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("tok_visa", 201),
        ("tok_chargeDeclined", 402),
        ("tok_threeDSecureRequired", 202),
    ],
)
async def test_the_same_request_is_answered_as_the_first_time(
    client: httpx.AsyncClient, token: str, status: int
) -> None:
    first = await pay(client, token, headers=KEY)

    again = await pay(client, token, headers=KEY)

    body = first.json()
    body.pop("clientSecret", None)  # kept nowhere
    body.pop("nextAction", None)
    assert (first.status_code, again.status_code) == (status, status)
    assert again.json() == body
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    for name in ("location", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)


async def test_an_unknown_outcome_stays_the_first_answer(
    client: httpx.AsyncClient, world: World
) -> None:
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    first = await pay(client, headers=KEY)

    again = await pay(client, headers=KEY)

    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert world.charges == 1


async def test_that_the_order_is_paid_already_stays_the_answer(client: httpx.AsyncClient) -> None:
    await pay(client)
    await pay(client, headers=KEY)

    again = await pay(client, headers=KEY)

    assert again.status_code == 409
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_key_that_is_quoted_as_the_draft_has_it_is_the_same_key(
    client: httpx.AsyncClient,
) -> None:
    await pay(client, headers=KEY)

    again = await pay(client, headers={"idempotency-key": '"a-key"'})

    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    "other",
    [{"token": "tok_mastercard"}, {"order_id": "order-2"}, {"amount": 10000}, {"currency": "usd"}],
    ids=str,
)
async def test_another_request_with_the_key_is_answered_422(
    client: httpx.AsyncClient, world: World, other: dict[str, str]
) -> None:
    await world.apply(created_event("order-2"))
    await pay(client, headers=KEY)

    answer = await pay(client, headers=KEY, **other)

    assert answer.status_code == 422
    assert world.charges == 1


async def test_the_same_json_written_otherwise_is_the_same_request(
    client: httpx.AsyncClient,
) -> None:
    await pay(client, headers=KEY)

    again = await client.post(
        "/api/payments",
        content=b'{ "orderId":"order-1" ,"token":"tok_\\u0076isa"}',
        headers={**signed_in(), **KEY, "content-type": "application/json"},
    )

    assert again.headers["idempotent-replayed"] == "true"


async def test_a_request_whose_first_is_still_running_is_answered_409(
    client: httpx.AsyncClient, world: World
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait(step: str) -> None:
        if step == "charge":
            reached.set()
            await go_on.wait()

    world.gateway.checkpoint = wait
    first = asyncio.create_task(pay(client, headers=KEY))
    async with asyncio.timeout(10):
        await reached.wait()
        second = await pay(client, headers=KEY)
        go_on.set()
        answered = await first

    assert second.status_code == 409
    assert first_error(second)["code"] == "request_under_way"
    assert answered.status_code == 201


async def test_keys_of_different_users_have_nothing_to_do_with_each_other(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.apply(created_event("theirs", user_id=STRANGER))
    await pay(client, headers=KEY)

    answer = await pay(client, order_id="theirs", user=STRANGER, headers=KEY)

    assert answer.status_code == 201


async def test_a_user_called_operator_shares_no_key_with_the_operator(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.apply(created_event("operators", user_id=UserId("operator")))
    paid = await pay(client, order_id="operators", user="operator", headers=KEY)

    answer = await client.post(
        f"/api/payments/{paid.json()['id']}/refunds", headers={**OPERATOR, **KEY}
    )

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(GatewayFaultKind.UNREACHABLE, 503), (GatewayFaultKind.RATE_LIMITED, 503)],
)
async def test_a_request_that_did_nothing_may_be_tried_again(
    client: httpx.AsyncClient, world: World, kind: GatewayFaultKind, status: int
) -> None:
    world.faults.add("charge", kind)
    first = await pay(client, headers=KEY)

    again = await pay(client, headers=KEY)

    assert first.status_code == status
    assert again.status_code == 201
    assert "idempotent-replayed" not in again.headers


async def test_an_order_that_is_heard_of_later_may_be_paid_with_the_same_key(
    client: httpx.AsyncClient, world: World
) -> None:
    early = await pay(client, order_id="late", headers=KEY)
    await world.apply(created_event("late"))

    answer = await pay(client, order_id="late", headers=KEY)

    assert early.status_code == 404
    assert answer.status_code == 201


async def test_an_answer_that_could_not_be_kept_is_given_all_the_same(
    client: httpx.AsyncClient, world: World
) -> None:
    world.database_fails_at = "finish answer"

    answer = await pay(client, headers=KEY)

    assert answer.status_code == 201
    world.pass_time(minutes=2)
    assert (await pay(client, headers=KEY)).status_code == 409
    assert world.charges == 1


async def test_a_database_that_is_down_is_answered_503(
    client: httpx.AsyncClient, world: World
) -> None:
    world.database_fails_at = "begin answer"

    assert (await pay(client, headers=KEY)).status_code == 503
    assert world.charges == 0


async def test_no_card_token_is_kept(client: httpx.AsyncClient, world: World) -> None:
    await pay(client, "tok_visa", headers=KEY)

    assert "tok_visa" not in repr(world.database)


@pytest.mark.parametrize(
    "key",
    ["", '""', "a b", "x" * 256, "schlüssel".encode(), b"\x7f"],
    ids=lambda key: repr(key[:9]),
)
async def test_what_is_no_key_is_answered_400(
    client: httpx.AsyncClient, world: World, key: str | bytes
) -> None:
    headers = [("idempotency-key", key), *signed_in().items()]

    answer = await client.post(
        "/api/payments",
        json={"token": "tok_visa", "orderId": "order-1"},
        headers=headers,  # type: ignore[arg-type]  # text and bytes, as they come
    )

    assert answer.status_code == 400
    assert first_error(answer)["field"] == "Idempotency-Key"
    assert world.charges == 0


async def test_two_keys_at_once_are_answered_400(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/payments",
        json={"token": "tok_visa", "orderId": "order-1"},
        headers=[*signed_in().items(), ("idempotency-key", "a"), ("idempotency-key", "b")],
    )

    assert answer.status_code == 400
