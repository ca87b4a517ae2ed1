"""An action that is sent twice, by one operator or by two, is done once."""

import asyncio

import pytest

from tests.builders import ORDER, dollars
from tests.entrypoints.console.world import ConsoleWorld, Visitor


def path_of(world: ConsoleWorld) -> str:
    return f"/ops/payments/{world.payment().id}/refund"


async def ask(world: ConsoleWorld, visitor: Visitor, amount: str) -> None:
    """Fill in the form of a refund, which is to be confirmed then."""
    await visitor.get(f"/ops/orders/{ORDER}")
    await visitor.send(path_of(world), reason="One item arrived broken", amount=amount)


@pytest.fixture(autouse=True)
async def paid(world: ConsoleWorld) -> None:
    await world.pay()


async def test_a_double_click_is_answered_with_the_same_form(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    path = path_of(world)
    await ask(world, visitor, "40")
    confirmed = visitor.fields(path)
    clicks = await asyncio.gather(*(visitor.post(path, confirmed) for _ in range(2)))
    refused = next(each for each in clicks if each.status_code == 409)
    visitor.page = refused
    assert "It may be done already." in visitor.text
    assert visitor.fields(path) == confirmed
    assert (await visitor.send(path)).status_code == 303
    assert len(world.order().refunds) == 1


async def test_what_two_operators_refund_at_once_is_at_most_what_is_left(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    path, other = path_of(world), await world.operator()
    for each in (visitor, other):
        await ask(world, each, "60")
    assert (await visitor.send(path)).status_code == 303
    assert (await other.send(path)).status_code == 400
    assert "at most 40.00" in other.text
    assert [each.amount for each in world.order().refunds] == [dollars("60")]


async def test_a_refund_whose_commit_was_not_confirmed_is_sent_again_with_the_same_form(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    path = path_of(world)
    await ask(world, visitor, "40")
    confirmed = visitor.fields(path)
    world.failing.add("committed")
    assert (await visitor.send(path)).status_code == 503
    assert visitor.fields(path) == confirmed
    world.failing.clear()
    assert (await visitor.send(path)).status_code == 303
    assert len(world.order().refunds) == 1
