"""Every line that is logged on a payment's way has the ids of its order and its payment."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.log_context import MAX_ID, current_ids, log_context, note
from application.ports.gateway_notifications import ExternalRefundNotification
from domain.identifiers import ChargeId
from domain.refund import Refunded, ReportedRefund
from tests.builders import GATEWAY, dollars
from tests.entrypoints.http.test_create_refund import refund
from tests.entrypoints.http.test_webhooks import PlainNotificationReader, notify
from tests.entrypoints.http.world import HttpWorld, pay, signed_in

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(logged: Lines) -> Lines:
    """Return the lines since the last call, without those of the test's own event loop."""
    seen = 0

    def new() -> list[dict[str, Any]]:
        nonlocal seen
        found, seen = logged()[seen:], len(logged())
        return [line for line in found if line["logger"] != "asyncio"]

    return new


@pytest.fixture
async def world() -> HttpWorld:
    world = HttpWorld(notification_readers={GATEWAY: PlainNotificationReader()})
    await world.create_order()
    return world


def assert_ids(lines: list[dict[str, Any]], payment_id: str, order_id: str = "order-1") -> None:
    assert lines
    for line in lines:
        ids = (line.get("order_id"), line.get("payment_id"))
        assert ids == (order_id, payment_id), line


async def test_of_requests_recovery_webhooks_and_refunds(world: HttpWorld, lines: Lines) -> None:
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    world.faults.add("find", GatewayFaultKind.UNREACHABLE)
    async with world.client() as client:
        response = await pay(client, headers={"idempotency-key": "key"})
        payment_id = response.json()["id"]
        assert response.status_code == 202
        assert_ids(lines(), payment_id)

        assert (await pay(client)).status_code == 409
        assert (await pay(client, headers={"idempotency-key": "key"})).status_code == 202
        assert_ids(lines(), payment_id)

        world.advance(seconds=10)
        await world.recover()
        unknown = lines()
        assert "is still unknown" in unknown[0]["event"]
        assert_ids(unknown, payment_id)

        assert await notify(client, f"evt_1 {payment_id}".encode()) == 200
        assert_ids(lines(), payment_id)

        for path in (f"/api/payments/{payment_id}", "/api/payments?orderId=order-1"):
            assert (await client.get(path, headers=signed_in())).status_code == 200
            assert_ids(lines(), payment_id)

        world.faults.add("refund", GatewayFaultKind.REQUEST_LOST)
        world.faults.add("find_refund", GatewayFaultKind.UNREACHABLE)
        assert (await refund(client, payment_id, key="key")).status_code == 201
        assert (await refund(client, payment_id, key="key")).status_code == 201
        assert_ids(lines(), payment_id)

        world.advance(seconds=60)
        await world.recover()
        unknown = lines()
        assert "refund" in unknown[0]["event"]
        assert_ids(unknown, payment_id)


async def test_of_a_refusal_of_the_shop(world: HttpWorld, lines: Lines) -> None:
    world.faults.add("charge", GatewayFaultKind.REFUSED)
    async with world.client() as client:
        assert (await pay(client)).status_code == 502
    refused = lines()
    assert {line["event"] for line in refused} > {"needs attention", "request"}
    assert_ids(refused, world.payment().id)


async def test_of_a_notification_that_arrives_before_its_charge_is_known(
    world: HttpWorld, lines: Lines
) -> None:
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    payment = (await world.pay()).payment
    [charge] = world.charges
    amount = dollars("1")
    reported = ReportedRefund("re_1", amount, Refunded("re_1", amount))
    await world.receive(ExternalRefundNotification("evt_1", ChargeId(charge.id), reported))
    world.advance(seconds=10)
    await world.recover()
    lines()
    await world.use_cases().apply_deferred_notifications.run_once()
    applied = lines()
    assert "was applied" in applied[0]["event"]
    assert_ids(applied, payment.id)


def test_ids_are_bounded_in_one_line_and_end_with_their_context(lines: Lines) -> None:
    note(order_id="outside")  # no context: nothing happens
    with log_context(order_id="o\nrder"):
        note(payment_id="p" * 1000)
        with log_context(request="r"):
            note(order_id="inner")
            logging.getLogger("ours").warning("inside")
        logging.getLogger("ours").warning("between")
    logging.getLogger("ours").warning("after")
    inside, between, after = lines()
    assert (inside["order_id"], inside["request"]) == ("inner", "r")
    assert (between["order_id"], between["payment_id"]) == ("o\\nrder", "p" * MAX_ID)
    assert "request" not in between
    assert "order_id" not in after
    assert current_ids() == {}
