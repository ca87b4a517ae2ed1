"""FindOrder and ExportHistory: by which ids an order is found, and what is written of it."""

import json
from typing import Any

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.persistence.in_memory import InMemoryHistoryRoots, InMemoryOrderHistories
from application.ports.order_histories import PAGE
from application.use_cases.export_history import ExportHistory
from application.use_cases.find_order import NothingFound
from domain.claim import OrderNotFound
from domain.history import HistoryEntry
from domain.identifiers import OrderId, PaymentId
from domain.order_entities import PaymentNotFound
from domain.order_reviews import ReviewDecision
from tests.builders import ORDER, after, dollars
from tests.world import DECLINED, World


async def test_an_order_is_found_by_each_of_its_ids() -> None:
    world = World()
    await world.create_order()
    payment = (await world.pay()).payment
    find = world.use_cases().find_order
    for any_id, found in ((ORDER, None), (payment.id, payment), (payment.charge_id, payment)):
        result = await find(str(any_id))
        assert (result.order, result.payment) == (world.order(), found)
        assert result.now == world.now()
        assert [each.seq for each in result.history] == [
            each.seq for each in world.database.histories[ORDER]
        ]
    with pytest.raises(NothingFound):
        await find("unknown")


async def test_the_explanation_is_of_the_order_or_of_the_payment_and_has_times() -> None:
    world = World()
    await world.create_order()
    world.advance(seconds=30)
    payment = (await world.pay()).payment
    find = world.use_cases().find_order
    of_order = (await find(ORDER)).explanation
    of_payment = (await find(payment.id)).explanation
    assert (of_order.status, of_payment.status) == ("complete", "succeeded")
    assert any(each.at == world.now() for each in of_payment.evidence)
    assert any(each.at is not None for each in of_order.evidence)


@pytest.mark.parametrize("by_payment", [True, False])
@pytest.mark.parametrize("is_open", [True, False])
async def test_what_waits_for_a_missing_gateway_says_so(by_payment: bool, is_open: bool) -> None:
    world = World()
    world.add_gateway("other")
    await world.create_order()
    if is_open:
        world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    any_id = str(world.payment().id) if by_payment else ORDER
    before = await world.use_cases().find_order(any_id)
    assert before.missing_gateway is None
    world.removed.add("in_memory")
    found = await world.use_cases().find_order(any_id)
    assert found.missing_gateway == ("in_memory" if is_open else None)
    if is_open:
        assert found.explanation.wait is not None
        assert found.explanation.wait.what == "in_memory, which is not configured"
        [end] = found.explanation.wait.ends_with
        assert end.startswith("PAYMENT_GATEWAY has in_memory again")
    else:
        assert found.explanation == before.explanation
        assert "not configured" not in repr(found.explanation)


async def test_an_order_without_a_payment_waits_for_no_gateway() -> None:
    world = World()
    await world.create_order(expires_at=after(hours=1))
    assert (await world.use_cases().find_order(ORDER)).missing_gateway is None


async def test_only_what_is_asked_about_waits() -> None:
    world = World()
    world.add_gateway("other")
    await world.create_order()
    await world.pay(DECLINED)
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    world.removed.add("in_memory")
    find = world.use_cases().find_order
    failed, waiting = world.order().payments
    assert (await find(failed.id)).missing_gateway is None
    assert (await find(waiting.id)).missing_gateway == "in_memory"
    assert (await find(ORDER)).missing_gateway == "in_memory"


async def exported(world: World, order_id: OrderId = ORDER) -> list[dict[str, Any]]:
    export = ExportHistory(
        InMemoryOrderHistories(world.database), InMemoryHistoryRoots(world.database)
    )
    return [json.loads(line) async for line in export(order_id)]


async def test_every_entry_of_many_pages_is_exported_once_and_then_the_root() -> None:
    world = World()
    await world.create_order()
    await world.pay()
    last: HistoryEntry = world.database.histories[ORDER][-1]
    many = tuple(last._replace(seq=last.seq + each) for each in range(1, 2 * PAGE))
    world.database.histories[ORDER] = (*world.database.histories[ORDER], *many)
    lines = await exported(world)
    assert len(lines) == len(world.database.histories[ORDER]) + 1


async def test_an_order_without_a_history_is_not_exported() -> None:
    with pytest.raises(OrderNotFound):
        await exported(World())


async def test_a_decision_is_logged_and_is_about_a_payment_that_exists(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    review = world.use_cases().review_payment
    with pytest.raises(PaymentNotFound):
        await review(PaymentId("none"), ReviewDecision.ACCEPT, "why")
    await world.create_order()
    world.faults.mischarge(dollars("1"))
    await world.pay()
    with caplog.at_level("INFO"):
        await review(world.payment().id, ReviewDecision.ACCEPT, "why")
    assert "an operator has decided: accept: why" in caplog.text
