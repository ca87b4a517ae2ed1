"""`Idempotency-Key`: a request is executed once, and a repeat gets the same reply."""

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.unit_of_work import StorageUnavailable
from domain.identifiers import UserId
from domain.outcome import RequiresAction
from domain.payment_status import PaymentStatus
from entrypoints.http.idempotency import reply_to_store
from entrypoints.http.replies import json_reply, payment_body
from tests.builders import a_payment
from tests.checkpoints import Checkpoint, FailAt, proceed
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
    ("token", "before", "status", "charges"),
    [
        ("tok_visa", None, 201, 1),
        ("tok_chargeDeclined", None, 402, 0),
        ("tok_threeDSecureRequired", None, 202, 0),
        ("tok_visa", "the reply will be lost", 202, 1),
        ("tok_visa", "the order is paid", 409, 1),
    ],
)
async def test_a_repeated_request_gets_the_first_reply(
    client: Client, world: HttpWorld, token: str, before: str | None, status: int, charges: int
) -> None:
    if before == "the order is paid":
        await pay(client)
    elif before == "the reply will be lost":
        world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    first = await pay(client, token, headers=KEY)

    again = await pay(client, token, headers=KEY)

    assert (first.status_code, again.status_code) == (status, status)
    assert again.json() == first.json()
    assert again.headers[REPLAYED] == "true"
    assert REPLAYED not in first.headers
    for name in ("location", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)
    assert len(world.charges) == charges
    assert token not in repr(world.database)
    assert "_secret_" not in repr(world.database)


async def test_a_repeat_gets_the_client_secret_again_while_the_customer_must_authenticate(
    client: Client, world: HttpWorld
) -> None:
    first = (await pay(client, "tok_threeDSecureRequired", headers=KEY)).json()
    assert first["clientSecret"]
    assert (await pay(client, "tok_threeDSecureRequired", headers=KEY)).json() == first

    await world.gateway.complete_authentication(world.payment().id, succeeded=True)
    again = await pay(client, "tok_threeDSecureRequired", headers=KEY)
    assert again.status_code == 202
    assert "clientSecret" not in again.json()
    assert world.payment().status is PaymentStatus.SUCCEEDED


def test_a_reply_is_stored_without_the_address_of_a_gateway_that_only_redirects() -> None:
    address = "https://bank.example/?session=secret"
    action = RequiresAction("pi_1", redirect_url=address)
    body = payment_body(a_payment(status=PaymentStatus.REQUIRES_ACTION), action=action)
    assert address.encode() in json_reply(202, body).content
    stored = reply_to_store(json_reply(202, body)).content
    assert b"nextAction" not in stored
    assert address.encode() not in stored


async def test_a_repeat_gets_409_while_the_client_secret_cannot_be_fetched(
    client: Client, world: HttpWorld
) -> None:
    first = await pay(client, "tok_threeDSecureRequired", headers=KEY)
    world.faults.add("find", GatewayFaultKind.UNREACHABLE)
    again = await pay(client, "tok_threeDSecureRequired", headers=KEY)
    assert again.status_code == 409
    assert again.json()["payment"]["id"] == first.json()["id"]
    assert again.headers["retry-after"]
    assert (await pay(client, "tok_threeDSecureRequired", headers=KEY)).json() == first.json()


async def test_a_repeat_never_says_that_nothing_was_charged_because_the_database_is_away(
    client: Client, world: HttpWorld
) -> None:
    await pay(client, "tok_threeDSecureRequired", headers=KEY)
    world.checkpoint = FailAt(0, StorageUnavailable("down"), {"read orders"})
    again = await pay(client, "tok_threeDSecureRequired", headers=KEY)
    assert (again.status_code, first_error(again)["code"]) == (409, "payment_in_progress")


async def test_a_quoted_key_and_reformatted_json_are_the_same_request(client: Client) -> None:
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
    repeats = []

    async def repeat(step: str) -> None:
        if step == "charge":
            repeats.append(await pay(client, headers=KEY))

    world.checkpoint = repeat
    first = await pay(client, headers=KEY)

    (second,) = repeats
    assert (second.status_code, first_error(second)["code"]) == (409, "request_in_progress")
    assert first.status_code == 201


async def test_keys_of_different_users_and_of_the_operator_are_independent(
    client: Client, world: HttpWorld
) -> None:
    await world.create_order("theirs", user_id=UserId("operator"))
    await pay(client, headers=KEY)

    paid = await pay(client, order_id="theirs", user="operator", headers=KEY)
    path = f"/api/payments/{paid.json()['id']}/refunds"
    refunded = await client.post(path, headers={**OPERATOR, **KEY})

    assert (paid.status_code, refunded.status_code) == (201, 201)


async def test_the_same_key_may_be_used_again_when_the_order_was_unknown(
    client: Client, world: HttpWorld
) -> None:
    first = await pay(client, order_id="late", headers=KEY)
    await world.create_order("late")

    again = await pay(client, order_id="late", headers=KEY)

    assert (first.status_code, again.status_code) == (404, 201)
    assert REPLAYED not in again.headers


async def test_nothing_is_charged_if_the_key_cannot_be_reserved(
    client: Client, world: HttpWorld
) -> None:
    for step in ("read charge", "commit"):
        world.failing = {step}
        assert (await pay(client, headers=KEY)).status_code == 503
        assert not world.charges
    world.failing.clear()
    assert (await pay(client, headers=KEY)).status_code == 201


def fail_after_the_charge(world: HttpWorld) -> None:
    """Let the database fail as soon as the gateway has replied."""

    async def fail(step: str) -> None:
        if step == "charge replied":
            world.failing.add("database")

    world.checkpoint = fail


async def test_a_reply_is_sent_even_if_it_cannot_be_stored(
    client: Client, world: HttpWorld
) -> None:
    fail_after_the_charge(world)
    first = await pay(client, headers=KEY)
    assert (first.status_code, first.json()["status"]) == (202, "processing")

    world.failing.clear()
    assert first_error(await pay(client, headers=KEY))["code"] == "request_in_progress"
    world.advance(minutes=2)
    assert (await pay(client, headers=KEY)).status_code == 409
    assert len(world.charges) == 1


async def test_no_reply_is_stored_for_an_outcome_that_was_not_committed(
    client: Client, world: HttpWorld
) -> None:
    world.checkpoint = one_commit_fails(world)
    first = await pay(client, headers=KEY)
    again = await pay(client, headers=KEY)

    assert (first.status_code, first.json()["status"]) == (202, "processing")
    assert (again.status_code, again.json()) == (202, first.json())
    assert world.payment().status is PaymentStatus.PROCESSING


def one_commit_fails(world: HttpWorld) -> Checkpoint:
    """Let only the commit that settles a payment fail, for as long as it is tried."""
    steps = []

    async def fail(step: str) -> None:
        steps.append(step)
        if step == "commit" and steps[-2:] == ["charge replied", "commit"]:
            raise StorageUnavailable("the connection was lost")

    return fail


async def test_a_reply_that_was_stored_without_a_confirmation_is_sent(
    client: Client, world: HttpWorld
) -> None:
    steps = []

    async def lose_confirmation(step: str) -> None:
        steps.append(step)
        if step == "committed" and "charge replied" in steps and steps.count(step) == 2:
            raise StorageUnavailable("the connection was lost")

    world.checkpoint = lose_confirmation
    first = await pay(client, headers=KEY)
    again = await pay(client, headers=KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()


async def test_a_request_whose_process_crashed_gets_409_and_is_never_charged_twice(
    client: Client, world: HttpWorld
) -> None:
    async def crash(step: str) -> None:
        if step == "charge replied":
            raise ZeroDivisionError("a bug")

    world.checkpoint = crash
    assert (await pay(client, headers=KEY)).status_code == 500

    world.checkpoint = proceed
    assert first_error(await pay(client, headers=KEY))["code"] == "request_in_progress"
    world.advance(minutes=2)
    await world.recover()
    paid = await pay(client, headers=KEY)
    assert (paid.status_code, first_error(paid)["code"]) == (409, "already_paid")
    assert len(world.charges) == 1


async def test_the_same_key_may_be_used_again_when_nothing_was_sent(
    client: Client, world: HttpWorld
) -> None:
    world.faults.add("charge", GatewayFaultKind.UNREACHABLE)
    assert (await pay(client, headers=KEY)).status_code == 503
    again = await pay(client, headers=KEY)
    assert (again.status_code, REPLAYED in again.headers) == (201, False)


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
