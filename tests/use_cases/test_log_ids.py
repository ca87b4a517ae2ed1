"""Each use case says which order and payment its log lines are about, also if it fails early."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from application.application import UseCases
from application.log_context import current_ids, log_context
from application.ports.gateway_notifications import PaymentNotification
from application.use_cases.create_session import OpenSession
from application.use_cases.pay_order import PayOrder
from domain.capture import CaptureMode
from domain.claim import ExpectedAmount
from domain.order import Order
from domain.order_reviews import ReviewDecision
from tests.builders import ORDER, PAYER, charged
from tests.checkpoints import FailAt
from tests.use_cases.test_sessions import CANCEL, RETURN
from tests.world import AUTHENTICATING, VISA, World

Call = Callable[[UseCases, Order], Awaitable[Any]]


async def ids_after(world: World, call: Call) -> dict[str, str]:
    order = world.order()
    with log_context():
        with suppress(Exception):
            await call(world.use_cases(), order)
        return dict(current_ids())


def pay(use_cases: UseCases, _order: Order) -> Awaitable[Any]:
    return use_cases.create_charge(PayOrder(ORDER, PAYER, VISA, ExpectedAmount()))


BY_ORDER: dict[str, Call] = {
    "charge": pay,
    "create session": lambda u, _: u.create_session(
        OpenSession(ORDER, PAYER, "in_memory", RETURN, CANCEL)
    ),
    "options": lambda u, _: u.list_options(ORDER, PAYER),
    "read payments of order": lambda u, _: u.read_payments.of_order(ORDER, PAYER),
}
BY_PAYMENT: dict[str, Call] = {
    "refund": lambda u, o: u.refund_payment(o.payments[0].id),
    "capture": lambda u, o: u.capture_payment(o.payments[0].id),
    "void": lambda u, o: u.void_payment(o.payments[0].id),
    "review": lambda u, o: u.review_payment(o.payments[0].id, ReviewDecision.ACCEPT, "because"),
    "read payment": lambda u, o: u.read_payments.one(o.payments[0].id, PAYER),
    "report": lambda u, o: u.receive_notification.settle.known(
        o.payments[0].id, charged(), "in_memory"
    ),
}


async def a_world() -> World:
    """Return a world with an authorized payment."""
    world = World(capture_mode=CaptureMode.MANUAL)
    await world.create_order()
    await world.pay()
    return world


@pytest.mark.parametrize("call", BY_ORDER.values(), ids=BY_ORDER)
async def test_of_an_order_although_the_database_is_away(call: Call) -> None:
    world = await a_world()
    world.failing.add("database")
    assert await ids_after(world, call) == {"order_id": ORDER}


@pytest.mark.parametrize("call", BY_PAYMENT.values(), ids=BY_PAYMENT)
async def test_of_a_payment_although_the_database_is_away(call: Call) -> None:
    world = await a_world()
    world.failing.add("database")
    assert await ids_after(world, call) == {"payment_id": world.payment().id}


@pytest.mark.parametrize("call", [*BY_PAYMENT.values(), pay], ids=[*BY_PAYMENT, "charge"])
async def test_of_a_payment_and_its_order(call: Call) -> None:
    world = await a_world()
    assert await ids_after(world, call) == {"order_id": ORDER, "payment_id": world.payment().id}


async def test_of_an_order_with_its_only_payment() -> None:
    world = await a_world()
    of_order = BY_ORDER["read payments of order"]
    expected = {"order_id": ORDER, "payment_id": world.payment().id}
    assert await ids_after(world, of_order) == expected


async def test_of_a_charge_whose_claim_is_the_last_that_is_known() -> None:
    world = World()
    await world.create_order()
    world.checkpoint = FailAt(0, ZeroDivisionError(), {"charge"})
    ids = await ids_after(world, pay)
    assert ids == {"order_id": ORDER, "payment_id": world.payment().id}


@pytest.mark.parametrize("step", ["find", "commit"])
async def test_of_a_check_that_fails(step: str) -> None:
    world = World()
    await world.create_order()
    await world.pay(AUTHENTICATING)
    payment = world.payment()
    world.checkpoint = FailAt(0, ZeroDivisionError(), {step})
    ids = await ids_after(world, lambda use_cases, _: use_cases.recover_payments.check(payment))
    assert ids == {"order_id": ORDER, "payment_id": payment.id}


@pytest.mark.parametrize("step", ["find_refund", "commit"])
async def test_of_a_check_of_a_refund_that_fails(step: str) -> None:
    world = World()
    await world.create_order()
    await world.pay()
    await world.cancel_order()
    payment, refund = world.payment(), world.order().refunds[0]
    world.checkpoint = FailAt(0, ZeroDivisionError(), {step})
    ids = await ids_after(world, lambda u, _: u.recover_payments.check_refund(payment, refund))
    assert ids == {"order_id": ORDER, "payment_id": payment.id}


@pytest.mark.parametrize("step", ["capture", "commit"])
async def test_of_a_capture_that_fails(step: str) -> None:
    world = await a_world()
    world.checkpoint = FailAt(0, ZeroDivisionError(), {"capture"})
    with suppress(ZeroDivisionError):
        await world.use_cases().capture_payment(world.payment().id)
    payment = world.payment()
    world.checkpoint = FailAt(0, ZeroDivisionError(), {step})
    ids = await ids_after(world, lambda u, _: u.recover_payments.send_capture(payment))
    assert ids == {"order_id": ORDER, "payment_id": payment.id}


async def test_of_a_notification_that_is_applied() -> None:
    world = await a_world()
    payment = world.payment()
    about = PaymentNotification("evt", payment.id, None)
    ids = await ids_after(world, lambda u, _: u.receive_notification("in_memory", about))
    expected = {"order_id": ORDER, "payment_id": payment.id, "notification": "in_memory:evt"}
    assert ids == expected
