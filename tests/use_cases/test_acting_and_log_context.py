"""Who acts, and what a log line is about: contexts that end where they began."""

import asyncio
from contextvars import Context, copy_context

import pytest
from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from application.acting import acting, current_actor
from application.log_context import current_ids, log_context, note, note_order, note_payment
from domain.actor import RECONCILIATION, THE_SERVICE, Actor
from domain.identifiers import PaymentId
from domain.payment_status import PaymentStatus
from tests.builders import ORDER, PAYMENT, a_payment, an_order
from tests.use_cases.test_lost_payments import lose_payments
from tests.world import World

RECONCILER = Actor(RECONCILIATION)


def test_an_actor_acts_within_a_context_only() -> None:
    assert current_actor() == THE_SERVICE
    with acting(RECONCILER):
        assert current_actor() == RECONCILER
        with acting(Actor("another")):
            assert current_actor() == Actor("another")
        assert current_actor() == RECONCILER
    assert current_actor() == THE_SERVICE


def test_ids_belong_to_their_context_and_to_those_inside() -> None:
    assert current_ids() == {}
    note(order_id="nowhere")
    assert current_ids() == {}
    with log_context(order_id="1"):
        with log_context(payment_id="2"):
            assert current_ids() == {"order_id": "1", "payment_id": "2"}
            note(order_id="3")
            assert current_ids() == {"order_id": "3", "payment_id": "2"}
        assert current_ids() == {"order_id": "1"}
    assert current_ids() == {}


@pytest.mark.parametrize("context", [lambda: acting(RECONCILER), log_context])
def test_a_context_may_end_elsewhere_or_without_a_beginning(context: object) -> None:
    begun = context()  # type: ignore[operator]
    begun.__exit__(None, None, None)
    elsewhere: Context = copy_context()
    elsewhere.run(begun.__enter__)
    begun.__exit__(None, None, None)
    assert current_actor() == THE_SERVICE
    assert current_ids() == {}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 100),
        ("é", "é"),
        ("a\nb", "a\\nb"),
        ("a\x00", "a\\x00"),
    ],
)
def test_an_id_is_bounded_and_in_one_line(value: str, shown: str) -> None:
    with log_context(order_id=value):
        note(payment_id=value)
        assert current_ids() == {"order_id": shown, "payment_id": shown}


def test_an_order_is_noted_with_its_payment_if_it_has_one_only() -> None:
    second = evolve(a_payment(), id=PaymentId("payment-2"))
    for order, ids in (
        (an_order(), {"order_id": ORDER}),
        (an_order(a_payment()), {"order_id": ORDER, "payment_id": PAYMENT}),
        (an_order(a_payment(), second), {"order_id": ORDER}),
    ):
        with log_context():
            note_order(order)
            assert current_ids() == ids
    with log_context():
        note_payment(a_payment())
        assert current_ids() == {"order_id": ORDER, "payment_id": PAYMENT}


async def test_tasks_at_the_same_time_have_their_own() -> None:
    async def work(number: int) -> tuple[str, str]:
        with log_context(order_id=str(number)), acting(Actor(f"actor-{number}")):
            await asyncio.sleep(0)
            return current_ids()["order_id"], current_actor().who

    done = await asyncio.gather(*(work(number) for number in range(3)))
    assert done == [(str(number), f"actor-{number}") for number in range(3)]


async def test_what_a_comparison_restores_is_not_done_by_the_customer_who_waits_for_it() -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()
    await world.pay()
    lose_payments(world)
    with acting(Actor.customer()):
        await world.use_cases().books_guards.default()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert world.database.histories[ORDER][-1].who == RECONCILIATION
