"""Forgetting a user: a pseudonym everywhere, the books unchanged, and nothing that is open."""

import pytest
from attrs import evolve

from adapters.persistence.in_memory import InMemoryPersonalData
from application.ports.personal_data import OrdersOfUser
from application.retry import RetryOnConflict
from application.use_cases.forget_user import ForgetUser, ForgottenUser, StillNeeded
from domain.forgetting import unfinished
from domain.identifiers import OrderId, RefundId, UserId
from domain.payment_status import OPEN, PaymentStatus
from domain.pseudonym import pseudonym
from tests.builders import (
    NOW,
    ORDER,
    OTHER_USER,
    PAYER,
    PAYMENT,
    a_payment,
    an_order,
    created_event,
)
from tests.chains import assert_chain
from tests.world import World

STAND_IN = pseudonym("0" * 32)


def forget_user(world: World) -> ForgetUser:
    return ForgetUser(RetryOnConflict(world.database.begin), InMemoryPersonalData(world.database))


@pytest.fixture
async def world() -> World:
    """A world with a paid order of the user."""
    world = World()
    await world.create_order()
    await world.pay()
    return world


async def test_the_id_is_replaced_and_the_books_are_kept(world: World) -> None:
    before = world.order()
    preview = await forget_user(world).preview(PAYER)
    assert world.order() == before
    assert await forget_user(world)(PAYER, STAND_IN) == preview
    assert (preview.orders, preview.payments) == (1, 1)

    after = world.order()
    assert PAYER not in repr(after)
    [payment] = after.payments
    terms = after.replica.terms
    assert terms is not None
    assert terms.user_id == payment.user_id == STAND_IN
    assert evolve(payment, user_id=PAYER) == before.payments[0]
    entries = world.database.histories[ORDER]
    assert_chain(entries)
    assert entries[-1].why == "user forgotten"
    assert PAYER not in "".join(entry.content for entry in entries)


async def test_an_event_does_not_bring_the_id_back(world: World) -> None:
    await forget_user(world)(PAYER, STAND_IN)
    for version in (0, 7):
        await world.use_cases().replicate_order([created_event(version=version)])
    order = world.order()
    assert order.replica.version == 7
    assert PAYER not in repr(order)


async def test_a_user_with_something_open_is_not_forgotten(world: World) -> None:
    order, payment = world.order(), world.payment()
    refunding = order.reserve_refund(RefundId("refund"), payment.id, None, "asked", NOW)
    world.database.orders[ORDER] = (9, refunding)
    with pytest.raises(StillNeeded) as needed:
        await forget_user(world)(PAYER, STAND_IN)
    assert list(needed.value.reasons) == [f"order {ORDER}: refund refund is pending"]
    assert world.order() == refunding


@pytest.mark.parametrize("status", PaymentStatus)
async def test_only_a_payment_that_has_ended_is_forgotten(status: PaymentStatus) -> None:
    reasons = unfinished(an_order(a_payment(status=status)))
    is_open = status in OPEN or status is PaymentStatus.REVIEW
    assert list(reasons) == ([f"payment {PAYMENT} is {status.value}"] if is_open else [])


async def test_a_user_who_is_unknown_or_was_forgotten_has_nothing(world: World) -> None:
    await forget_user(world)(PAYER, STAND_IN)
    again = await forget_user(world).preview(PAYER)
    assert again == ForgottenUser(0, 0, {"replies": 0, "declines": 0})


class Pages(InMemoryPersonalData):
    """Finds the orders of a user on pages that may be empty, and that may be out of date."""

    async def find_orders(self, user_id: UserId, after: OrderId | None = None) -> OrdersOfUser:
        pages = {
            None: OrdersOfUser((), OrderId("0")),
            "0": OrdersOfUser((ORDER, OrderId("gone")), OrderId("1")),
            "1": OrdersOfUser((OrderId("order-2"),), None),
        }
        return pages[after]


async def test_every_page_is_read_and_what_is_another_user_s_by_now_stays(world: World) -> None:
    await world.create_order("order-2", user_id=OTHER_USER)
    forget = ForgetUser(RetryOnConflict(world.database.begin), Pages(world.database))
    await forget(PAYER, STAND_IN)
    assert PAYER not in repr(world.order())
    assert world.order("order-2").replica.terms is not None
    assert OTHER_USER in repr(world.order("order-2"))
    revision, _ = world.database.orders[OrderId("order-2")]
    await forget(PAYER, STAND_IN)
    assert world.database.orders[OrderId("order-2")][0] == revision


async def test_what_becomes_unfinished_meanwhile_is_not_forgotten(world: World) -> None:
    forget = forget_user(world)
    changed = False

    async def pay_again(step: str) -> None:
        nonlocal changed
        if step == "count rows of user" and not changed:
            changed = True
            payment = a_payment("late", PaymentStatus.PROCESSING)
            revision, order = world.database.orders[ORDER]
            world.database.orders[ORDER] = (revision, order.with_payment(payment))

    world.checkpoint = pay_again
    with pytest.raises(StillNeeded):
        await forget(PAYER, STAND_IN)
    assert PAYER in repr(world.order())


async def test_what_is_unfinished_is_refused_at_once(world: World) -> None:
    revision, order = world.database.orders[ORDER]
    open_order = order.with_payment(a_payment("open", PaymentStatus.PROCESSING))
    world.database.orders[ORDER] = (revision, open_order)
    with pytest.raises(StillNeeded) as needed:
        await forget_user(world).preview(PAYER)
    assert ORDER in str(needed.value.args or needed.value)
