"""Refunds of our books that a gateway does not know, or knows otherwise, are found."""

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.ports.differences import DifferenceKind
from application.ports.gateway_records import ListedRefund, Page, Period
from application.ports.payment_gateway import OutcomeUnknown
from application.use_cases import reconciliation
from application.use_cases.reconcile import NotReconciled
from application.use_cases.reconcile_lookups import MAX_UNANSWERED
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome, RefundStatus
from tests.builders import dollars
from tests.use_cases.test_reconcile import expect_agreement, kinds, open_differences, reconcile
from tests.world import World


class Odd(InMemoryGateway):
    """A gateway that lists no refunds, and cannot tell of some."""

    error: Exception | None = None

    async def refund_records(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        return Page(())

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        if self.error is not None:
            raise self.error
        return await super().find_refund(payment, refund)


@pytest.fixture
def world() -> World:
    return World(gateway_type=InMemoryGateway)


async def refunded(world: World, parts: int = 1) -> Sequence[Refund]:
    """Pay an order, and give parts of a dollar back, five minutes ago."""
    await world.create_order()
    await world.pay()
    made = [
        await world.use_cases().refund_payment(world.payment().id, 100, "damaged")
        for _ in range(parts)
    ]
    world.advance(minutes=5)
    return made


def change_refunds(world: World, kept: int = 0, **changes: Any) -> None:
    """Let the gateway have only the first refunds; change these."""
    record = world.ledger.records[world.payment().id]
    refunds = tuple(evolve(each, **changes) for each in record.refunds[:kept])
    world.ledger.records[world.payment().id] = evolve(record, refunds=refunds)


async def test_a_refund_that_the_gateway_does_not_know_is_for_a_person(world: World) -> None:
    _, lost = await refunded(world, parts=2)
    change_refunds(world, kept=1)
    for _ in range(2):
        _, [found] = await reconcile(world)
        assert (found.kind, found.repaired) == (DifferenceKind.REFUND_UNKNOWN, False)
        assert (found.refund_id, found.subject) == (lost.id, lost.reference)
        assert (found.ours, found.theirs) == ("succeeded: 100 usd", "nothing")
        assert found.reason == "for a person: no money is moved"
    assert [each.status for each in world.order().refunds] == [RefundStatus.SUCCEEDED] * 2
    assert await open_differences(world) == ["refund_unknown"]


async def test_a_refund_of_others_that_the_gateway_has_no_more_is_found(world: World) -> None:
    await refunded(world, parts=0)
    reference = await world.gateway.refund_externally(world.payment().id, dollars("60"))
    await reconcile(world)
    world.advance(minutes=5)
    change_refunds(world)
    _, [found] = await reconcile(world)
    assert (found.kind, found.refund_id) == (DifferenceKind.REFUND_UNKNOWN, reference)


async def test_a_refund_that_is_not_listed_yet_is_no_difference(world: World) -> None:
    await refunded(world)
    world.gateway_type = Odd
    await expect_agreement(world)


async def test_a_refund_of_a_second_charge_is_looked_up_where_the_gateway_has_it(
    world: World,
) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.CHARGED_TWICE)
    await world.pay()
    await world.deliver_notifications()
    await world.come_to_rest()
    assert [each.status for each in world.order().refunds] == [RefundStatus.SUCCEEDED]
    world.advance(minutes=5)
    world.gateway_type = Odd
    await expect_agreement(world)


async def test_a_refund_that_was_made_a_moment_ago_is_no_difference(world: World) -> None:
    await refunded(world, parts=0)
    await world.use_cases().refund_payment(world.payment().id, 100, "damaged")
    change_refunds(world)
    _, found = await reconcile(world)
    assert found == []


async def test_a_refund_of_another_amount_is_for_a_person(world: World) -> None:
    await refunded(world)
    change_refunds(world, kept=1, amount=dollars("2"))
    world.gateway_type = Odd
    _, [found] = await reconcile(world)
    assert (found.kind, found.repaired) == (DifferenceKind.AMOUNT, False)
    assert (found.ours, found.theirs) == ("succeeded: 100 usd", "200 usd")


@pytest.mark.parametrize("repair", [False, True])
async def test_a_refund_that_has_failed_since_is_recorded(world: World, repair: bool) -> None:
    [made] = await refunded(world)
    await world.gateway.finish_refund(world.payment().id, made.id, succeeded=False)
    world.gateway_type = Odd
    _, [found] = await reconcile(world, repair=repair)
    assert (found.kind, found.repaired) == (DifferenceKind.LATE_FAILURE, repair)
    status = RefundStatus.FAILED if repair else RefundStatus.SUCCEEDED
    assert world.order().refunds[0].status is status
    if repair:
        await expect_agreement(world)


@pytest.mark.parametrize("error", [OutcomeUnknown("its status is new"), ValueError("secret")])
async def test_refunds_that_the_gateway_cannot_tell_of_stop_no_other(
    world: World, error: Exception
) -> None:
    await refunded(world, parts=MAX_UNANSWERED)
    world.gateway_type = Odd
    Odd.error = error
    try:
        _, found = await reconcile(world)
        assert kinds(found) == [("unreadable", False)] * MAX_UNANSWERED
        assert "secret" not in str(found)
        await world.use_cases().refund_payment(world.payment().id, 100, "damaged")
        world.advance(minutes=5)
        with pytest.raises(NotReconciled):
            await reconcile(world)
    finally:
        Odd.error = None
    world.advance(seconds=1)
    await expect_agreement(world)


async def test_many_refunds_are_compared_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refunded(world)
    world.advance(minutes=60)
    await world.use_cases().refund_payment(world.payment().id, 100, "damaged")
    monkeypatch.setattr(reconciliation, "MAX_SEEN", 2)
    await expect_agreement(world)
