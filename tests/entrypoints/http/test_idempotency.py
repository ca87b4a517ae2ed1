"""`Idempotency-Key`: a request is executed once, and a repeat gets the same reply."""

import asyncio

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from domain.identifiers import UserId
from tests.entrypoints.http.world import (
    OPERATOR,
    Client,
    HttpWorld,
    error_fields,
    first_error,
    pay,
    signed_in,
)

KEY = {"idempotency-key": "a-key"}
REPLAYED = "idempotent-replayed"


@pytest.mark.parametrize(
    ("token", "fault", "status", "charges"),
    [
        ("tok_visa", None, 201, 1),
        ("tok_chargeDeclined", None, 402, 0),
        ("tok_threeDSecureRequired", None, 202, 0),
        ("tok_visa", GatewayFaultKind.REPLY_LOST, 202, 1),
    ],
)
async def test_a_repeated_request_gets_the_first_reply(
    client: Client,
    world: HttpWorld,
    token: str,
    fault: GatewayFaultKind | None,
    status: int,
    charges: int,
) -> None:
    if fault is not None:
        world.faults.add("charge", fault)
    first = await pay(client, token, headers=KEY)

    again = await pay(client, token, headers=KEY)

    body = first.json()
    body.pop("clientSecret", None)  # never stored
    body.pop("nextAction", None)
    assert (first.status_code, again.status_code) == (status, status)
    assert again.json() == body
    assert again.headers[REPLAYED] == "true"
    assert REPLAYED not in first.headers
    for name in ("location", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)
    assert len(world.charges) == charges
    assert token not in repr(world.database)


async def test_the_reply_that_the_order_is_already_paid_is_repeated(client: Client) -> None:
    await pay(client)
    await pay(client, headers=KEY)

    again = await pay(client, headers=KEY)

    assert (again.status_code, again.headers[REPLAYED]) == (409, "true")


async def test_a_quoted_key_and_another_form_of_the_same_json_are_the_same_request(
    client: Client,
) -> None:
    await pay(client, headers=KEY)

    quoted = await pay(client, headers={"idempotency-key": '"a-key"'})
    reformatted = await client.post(
        "/api/payments",
        content=b'{ "orderId":"order-1" ,"token":"tok_\\u0076isa"}',
        headers={**signed_in(), **KEY, "content-type": "application/json"},
    )

    assert quoted.headers[REPLAYED] == reformatted.headers[REPLAYED] == "true"


@pytest.mark.parametrize(
    "other",
    [{"token": "tok_mastercard"}, {"order_id": "order-2"}, {"amount": 10000}, {"currency": "usd"}],
    ids=str,
)
async def test_another_request_with_the_same_key_gets_422(
    client: Client, world: HttpWorld, other: dict[str, str]
) -> None:
    await world.create_order("order-2")
    await pay(client, headers=KEY)

    response = await pay(client, headers=KEY, **other)

    assert (response.status_code, first_error(response)["code"]) == (422, "key_reused")
    assert len(world.charges) == 1


async def test_a_repeat_while_the_first_request_is_in_progress_gets_409(
    client: Client, world: HttpWorld
) -> None:
    reached, proceed = asyncio.Event(), asyncio.Event()

    async def wait(step: str) -> None:
        if step == "charge":
            reached.set()
            await proceed.wait()

    world.checkpoint = wait
    first = asyncio.create_task(pay(client, headers=KEY))
    async with asyncio.timeout(10):
        await reached.wait()
        second = await pay(client, headers=KEY)
        proceed.set()
        finished = await first

    assert (second.status_code, first_error(second)["code"]) == (409, "request_in_progress")
    assert finished.status_code == 201


async def test_keys_of_different_users_and_of_the_operator_are_independent(
    client: Client, world: HttpWorld
) -> None:
    await world.create_order("theirs", user_id=UserId("operator"))
    await pay(client, headers=KEY)

    paid = await pay(client, order_id="theirs", user="operator", headers=KEY)
    path = f"/api/payments/{paid.json()['id']}/refunds"
    refunded = await client.post(path, headers={**OPERATOR, **KEY})

    assert (paid.status_code, refunded.status_code) == (201, 201)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (GatewayFaultKind.UNREACHABLE, 503),
        (GatewayFaultKind.RATE_LIMITED, 503),
        (None, 404),  # the order is created later
    ],
)
async def test_a_request_that_did_nothing_may_be_repeated(
    client: Client, world: HttpWorld, fault: GatewayFaultKind | None, status: int
) -> None:
    if fault is not None:
        world.faults.add("charge", fault)
        await world.create_order("late")
    first = await pay(client, order_id="late", headers=KEY)
    await world.create_order("late")

    again = await pay(client, order_id="late", headers=KEY)

    assert (first.status_code, again.status_code) == (status, 201)
    assert REPLAYED not in again.headers


async def test_a_reply_is_sent_even_if_it_cannot_be_stored_but_not_without_a_reserved_key(
    client: Client, world: HttpWorld
) -> None:
    world.failing = {"begin request", "finish request"}
    assert (await pay(client, headers=KEY)).status_code == 503
    assert not world.charges

    world.failing.remove("begin request")
    assert (await pay(client, headers=KEY)).status_code == 201
    world.advance(minutes=2)
    assert (await pay(client, headers=KEY)).status_code == 409
    assert len(world.charges) == 1


@pytest.mark.parametrize(
    "keys",
    [[b""], [b'""'], [b"a b"], [b"x" * 256], ["schlüssel".encode()], [b"\x7f"], [b"a", b"b"]],
    ids=lambda keys: repr(keys)[:12],
)
async def test_an_invalid_key_or_two_keys_get_400(
    client: Client, world: HttpWorld, keys: list[bytes]
) -> None:
    signed = [(name.encode(), value.encode()) for name, value in signed_in().items()]

    response = await client.post(
        "/api/payments",
        json={"token": "tok_visa", "orderId": "order-1"},
        headers=[*signed, *((b"idempotency-key", key) for key in keys)],
    )

    assert response.status_code == 400
    assert error_fields(response) == {"Idempotency-Key"}
    assert not world.charges
