"""What is told of a charge before we know that it is ours is kept, and applied once we do."""

import asyncio
from itertools import permutations

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
)
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.apply_deferred_notifications import DEFERRED_FOR
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId
from domain.payment import PaymentStatus
from domain.refund import Refunded, RefundStatus
from tests.builders import PRICE, dollars
from tests.use_cases.shop import PATIENCE, Raise, Shop, go_on, shuffled

SIXTY = dollars("60")


async def charged_unheard(shop: Shop) -> ChargeId:
    """An order whose charge was made without our hearing of it; what the gateway calls it."""
    await shop.order()
    shop.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await shop.pay()
    (charge,) = shop.charges
    return ChargeId(charge.id)


async def refunded_by_hand(shop: Shop, charge_id: ChargeId) -> ChargeNotification:
    """Somebody gives a part back at the gateway's own pages; what the gateway tells of it."""
    reference = await shop.gateway.refund_externally(shop.payment().id, SIXTY)
    assert reference is not None
    return told(charge_id, reference)


def told(
    charge_id: ChargeId, reference: str = "re_1", notification: str = "evt_1"
) -> ChargeNotification:
    return ExternalRefundNotification(
        notification, charge_id, reference, SIXTY, Refunded(reference, SIXTY)
    )


def disputed(charge_id: ChargeId) -> ChargeNotification:
    dispute_id, status = DisputeId("dp_1"), DisputeStatus.LOST
    return DisputeNotification("evt_2", charge_id, dispute_id, PRICE, "fraudulent", status)


async def recover(shop: Shop) -> None:
    """Find out about the charge."""
    shop.let_pass(minutes=1)
    await shop.replica().recover_payments.run_once()


async def test_what_is_told_of_a_charge_we_do_not_know_waits_until_we_do(shop: Shop) -> None:
    charge_id = await charged_unheard(shop)
    apply = shop.replica().apply_deferred_notifications.run_once
    for notification in (await refunded_by_hand(shop, charge_id), disputed(charge_id)):
        assert await shop.replica().receive_notification(notification)
        assert not await shop.replica().receive_notification(notification)
    assert await apply() == 0
    await recover(shop)
    assert (shop.order().refunds, shop.order().disputes) == ((), ())
    assert await apply() == 2
    assert [refund.status for refund in shop.order().refunds] == [RefundStatus.SUCCEEDED]
    assert [dispute.status for dispute in shop.order().disputes] == [DisputeStatus.LOST]
    assert not shop.database.kept
    await shop.come_to_rest()
    assert (shop.heard("payment:refunded"), shop.heard("payment:disputed")) == (1, 1)
    assert not shop.broken_promises


@pytest.mark.parametrize("order", list(permutations(("tell", "tell again", "recover", "apply"))))
async def test_it_ends_alike_in_every_order(shop: Shop, order: tuple[str, ...]) -> None:
    charge_id = await charged_unheard(shop)
    notification = await refunded_by_hand(shop, charge_id)
    for step in order:
        match step:
            case "recover":
                await recover(shop)
            case "apply":
                await shop.replica().apply_deferred_notifications.run_once()
            case _:
                await shop.replica().receive_notification(notification)
    await shop.come_to_rest()
    assert [refund.amount for refund in shop.order().refunds] == [SIXTY]
    assert shop.heard("payment:refunded") == 1
    assert not shop.broken_promises


async def test_what_is_told_of_somebody_elses_charge_is_dropped_after_three_days(
    shop: Shop,
) -> None:
    await shop.replica().receive_notification(told(ChargeId("ch_somebody_else")))
    apply = shop.replica().apply_deferred_notifications.run_once
    shop.let_pass(seconds=DEFERRED_FOR.total_seconds())
    assert await apply() == 0
    assert shop.database.kept
    shop.let_pass(seconds=1)
    assert [await apply(), await apply()] == [1, 0]
    assert not shop.database.kept


async def test_what_waits_for_somebody_elses_charge_is_in_nobodys_way(shop: Shop) -> None:
    for number in range(10):
        notification = told(ChargeId(f"ch_{number}"), notification=f"evt_strange_{number}")
        await shop.replica().receive_notification(notification)
    await shop.replica().receive_notification(told(await charged_unheard(shop)))
    await recover(shop)
    assert await shop.replica().apply_deferred_notifications.run_once(limit=1) == 1
    assert len(shop.order().refunds) == 1


async def test_a_notice_that_makes_trouble_does_not_hold_up_the_others(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    charge_id = await charged_unheard(shop)
    for notification in (told(charge_id), disputed(charge_id)):
        await shop.replica().receive_notification(notification)
    await recover(shop)
    shop.checkpoint = Raise(0, RuntimeError("a mistake of ours"), frozenset({"read bills"}))
    assert await shop.replica().apply_deferred_notifications.run_once() == 1
    assert "could not apply notice evt_1" in caplog.text
    shop.checkpoint = go_on
    assert await shop.replica().apply_deferred_notifications.run_once() == 1
    assert len(shop.order().refunds) == len(shop.order().disputes) == 1


@pytest.mark.parametrize("error", [StorageUnavailable("gone"), Conflict("lost")], ids=repr)
async def test_a_database_that_goes_at_any_step_loses_no_notice(error: Exception) -> None:
    among = frozenset({"commit", "committed"})
    if isinstance(error, StorageUnavailable):
        among |= {"read kept notices", "read inbox", "read bills"}
    for step in range(50):
        shop = Shop()
        notification = await refunded_by_hand(shop, await charged_unheard(shop))
        failure = Raise(step, error, among)
        shop.checkpoint = failure
        for _ in range(2):
            try:
                await shop.replica().receive_notification(notification)
                await recover(shop)
                await shop.replica().apply_deferred_notifications.run_once()
            except StorageUnavailable:
                continue
        await shop.come_to_rest()
        assert shop.payment().status is PaymentStatus.SUCCEEDED
        assert not shop.broken_promises, f"at step {step}: {failure.step}"
        if not failure.step:
            assert step >= 4
            return
    raise AssertionError("it never went through")


@pytest.mark.parametrize("seed", range(10))
async def test_two_replicas_at_once_apply_a_notice_once(shop: Shop, seed: int) -> None:
    notification = await refunded_by_hand(shop, await charged_unheard(shop))
    await shop.replica().receive_notification(notification)
    await recover(shop)
    shop.checkpoint = shuffled(seed)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(
            *(shop.replica(name).apply_deferred_notifications.run_once() for name in ("one", "two"))
        )
    assert [refund.amount for refund in shop.order().refunds] == [SIXTY]
    await shop.come_to_rest()
    assert shop.heard("payment:refunded") == 1
    assert not shop.broken_promises
