"""RefundPayment gives back what was requested, once, and never more than was captured."""

import asyncio

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.payment_gateway import CardToken
from application.ports.unit_of_work import StorageUnavailable
from domain.events import PaymentRefunded, PaymentRefundFailed
from domain.identifiers import PaymentId, RefundId
from domain.order_entities import PaymentNotFound
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome, RefundStatus
from domain.refund_rules import MAX_RETRIES, NotRefundable, RefundExceedsPayment
from tests.builders import PRICE, dollars
from tests.checkpoints import TIMEOUT, FailAt, interleaving, proceed
from tests.use_cases.failures import each_database_failure
from tests.world import DECLINED, VISA, World

WAITS_AT_BANK = CardToken("tok_pendingRefund")
NAMED = RefundId("named")
# Not SERVER_ERROR: its key gets a 500 from then on, so that the refund never succeeds.
UNCERTAIN = {
    "UNREACHABLE": [0],
    "RATE_LIMITED": [0],
    "REQUEST_LOST": [0],
    "REPLY_LOST": [0],
    "SERVER_ERROR_AFTER": [0],
    "SLOW": [60],
    "LATE": [10, 60],
}


async def pay(world: World, token: CardToken = VISA) -> PaymentId:
    """Create the default order and pay for it."""
    await world.create_order()
    return (await world.pay(token)).payment.id


async def refund(
    world: World, minor_units: int | None = None, refund_id: RefundId | None = None
) -> Refund:
    """Refund the default payment."""
    payment_id = world.payment().id
    return await world.use_cases().refund_payment(payment_id, minor_units, "damaged", refund_id)


async def settle(world: World, refund_id: RefundId, outcome: RefundOutcome) -> Refund | None:
    """Settle a refund of the default payment with a report of the gateway."""
    settle_refund = world.use_cases().refund_payment.settle
    sent = world.order().refund(refund_id)
    assert sent is not None
    return await settle_refund(world.payment().id, sent, outcome)


async def test_a_payment_is_refunded_in_parts_until_nothing_is_left(world: World) -> None:
    await pay(world)
    for minor_units, amount in ((6_000, "60"), (3_000, "30"), (None, "10")):
        done = await refund(world, minor_units)
        assert (done.status, done.reason) == (RefundStatus.SUCCEEDED, "damaged")
        assert done.amount == dollars(amount)
    with pytest.raises(RefundExceedsPayment):
        await refund(world, 1)
    await world.come_to_rest()
    assert (world.balance, world.count_events("payment:refunded")) == (0, 3)


async def test_a_payment_that_was_declined_or_is_unknown_is_not_refunded(world: World) -> None:
    payment_id = await pay(world, DECLINED)
    with pytest.raises(NotRefundable):
        await world.use_cases().refund_payment(payment_id)
    with pytest.raises(PaymentNotFound):
        await world.use_cases().refund_payment(PaymentId("unknown"))


@pytest.mark.parametrize("seed", range(10))
async def test_two_refunds_at_once_never_exceed_the_payment(world: World, seed: int) -> None:
    await pay(world)
    world.checkpoint = interleaving(seed)
    async with asyncio.timeout(TIMEOUT):
        both = (refund(world, 6_000) for _ in range(2))
        results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(each).__name__ for each in results) == ["Refund", "RefundExceedsPayment"]
    await world.come_to_rest()
    assert world.balance == 4_000


@pytest.mark.parametrize(
    ("fault", "seconds"), [(fault, each) for fault in UNCERTAIN for each in UNCERTAIN[fault]]
)
async def test_a_refund_with_an_unknown_outcome_is_pending_until_recovery_settles_it(
    world: World, fault: str, seconds: float
) -> None:
    await pay(world)
    world.faults.add("refund", GatewayFaultKind[fault], seconds)
    assert (await refund(world, 6_000)).status is RefundStatus.PENDING
    with pytest.raises(RefundExceedsPayment):
        await refund(world, 6_000)
    await world.come_to_rest()
    world.advance(hours=1)
    assert world.balance == 4_000


async def test_a_refund_is_made_once_whichever_step_of_the_database_fails() -> None:
    for world, failure in each_database_failure(min_commits=2):
        await pay(world)
        world.checkpoint = failure
        try:
            await refund(world, 6_000)
        except StorageUnavailable:
            assert not world.refunds
        await world.come_to_rest()
        assert world.balance in (10_000, 4_000)


@pytest.mark.parametrize("reply_lost", [True, False])
async def test_a_refund_requested_again_under_its_id_is_the_same_refund(
    world: World, reply_lost: bool
) -> None:
    await pay(world)
    if reply_lost:
        world.checkpoint = FailAt(0, StorageUnavailable("reply lost"), {"committed"})
        with pytest.raises(StorageUnavailable):
            await refund(world, 6_000, NAMED)
        world.checkpoint = proceed
    first = await refund(world, 6_000, NAMED)
    assert (first.id, first.status) == (NAMED, RefundStatus.SUCCEEDED)
    assert await refund(world, 6_000, NAMED) == first
    await world.come_to_rest()
    assert world.balance == 4_000


async def test_a_refund_requested_again_too_late_is_left_to_recovery(world: World) -> None:
    await pay(world)
    world.faults.add("refund", GatewayFaultKind.REQUEST_LOST)
    await refund(world, refund_id=NAMED)
    # The gateway may have deleted its key: sent without a check, it might be made twice.
    world.advance(hours=25)
    late = await refund(world, refund_id=NAMED)
    assert (late.status, world.refunds) == (RefundStatus.PENDING, [])
    await world.come_to_rest()
    assert (world.balance, len(world.refunds)) == (0, 1)


async def test_the_refunded_amount_is_what_the_gateway_reports(world: World) -> None:
    await pay(world)
    world.faults.add("refund", GatewayFaultKind.REQUEST_LOST)
    pending = await refund(world)
    settled = await settle(world, pending.id, Refunded("re_less", dollars("60")))
    assert settled is not None
    assert settled.amount == dollars("60")
    assert world.order().refundable(world.payment()) == dollars("40")
    events = [entry.entry.event for entry in world.database.outbox.values()]
    published = [event.amount for event in events if isinstance(event, PaymentRefunded)]
    assert published == [dollars("60")]


async def test_a_failed_refund_leaves_the_payment_refundable(world: World) -> None:
    payment_id = await pay(world, WAITS_AT_BANK)
    pending = await refund(world, 6_000)
    await world.gateway.finish_refund(payment_id, pending.id, succeeded=False)
    world.advance(hours=1)
    await world.recover()
    assert [each.status for each in world.order().refunds] == [RefundStatus.FAILED]
    assert world.order().refundable(world.payment()) == PRICE
    await world.come_to_rest()
    assert world.count_events("payment:refund_failed") == 1


async def test_an_announced_refund_that_the_bank_returns_is_announced_as_failed(
    world: World,
) -> None:
    payment_id = await pay(world)
    done = await refund(world, 6_000)
    assert done.status is RefundStatus.SUCCEEDED
    await world.gateway.finish_refund(payment_id, done.id, succeeded=False)
    await world.deliver_notifications()
    await world.come_to_rest()
    assert world.count_events("payment:refunded") == 1
    assert world.count_events("payment:refund_failed") == 1


async def test_a_refund_that_waits_for_a_bank_ends_when_the_bank_has_decided(world: World) -> None:
    payment_id = await pay(world, WAITS_AT_BANK)
    pending = await refund(world)
    assert pending.status is RefundStatus.PENDING
    assert pending.reference is not None
    await world.gateway.finish_refund(payment_id, pending.id, succeeded=True)
    await world.come_to_rest()
    assert world.balance == 0


async def test_a_report_about_an_unknown_refund_changes_nothing(world: World) -> None:
    await pay(world)
    failed = RefundFailed("unknown")
    unknown = evolve(await refund(world, 100), id=RefundId("unknown"))
    settle_refund = world.use_cases().refund_payment.settle
    assert await settle_refund(world.payment().id, unknown, failed) is None
    assert await settle_refund(PaymentId("unknown"), unknown, failed) is None


# --- automatic refunds --------------------------------------------------------------------------


async def return_by_bank(world: World) -> None:
    """Send the last refund of the cancelled order, and let the bank return the money."""
    last = world.order().refunds[-1]
    assert last.next_check_at is not None
    world.time = max(world.time, last.next_check_at)
    await world.recover()
    await world.gateway.finish_refund(last.payment_id, last.id, succeeded=False)
    world.advance(hours=1)
    await world.recover()


async def test_a_late_report_about_a_failed_refund_sends_no_money_twice(world: World) -> None:
    await pay(world)
    await refund(world, 6_000)
    await world.cancel_order()
    first = world.order().refunds[-1]
    failed = RefundFailed("expired_or_canceled_card", "re_first")
    await settle(world, first.id, failed)
    world.advance(minutes=1)
    world.faults.add("refund", GatewayFaultKind.REPLY_LOST)
    await world.recover()
    await settle(world, first.id, failed)
    await world.come_to_rest()
    assert world.balance == 0


async def test_a_refund_that_keeps_failing_is_left_to_an_operator(world: World) -> None:
    payment_id = await pay(world, WAITS_AT_BANK)
    await world.cancel_order()
    for _ in range(MAX_RETRIES + 1):
        await return_by_bank(world)
    failed = [RefundStatus.FAILED] * (MAX_RETRIES + 1)
    assert [each.status for each in world.order().refunds] == failed
    # The earlier ones were followed by another one.
    events = [entry.entry.event for entry in world.database.outbox.values()]
    missed = [each.refund_id for each in events if isinstance(each, PaymentRefundFailed)]
    assert missed == [world.order().refunds[-1].id]
    by_operator = await refund(world)
    await world.gateway.finish_refund(payment_id, by_operator.id, succeeded=True)
    await world.come_to_rest()
    assert world.balance == 0
