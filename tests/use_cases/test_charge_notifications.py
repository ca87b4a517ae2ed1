"""External refunds and disputes are recorded and published once, even before their charge is known.

A notification that arrives before its charge is known is deferred (ApplyDeferredNotifications).
"""

from itertools import permutations

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
)
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.apply_deferred_notifications import DEFERRED_FOR
from domain.capture import CaptureMode
from domain.dispute import REVERSED, DisputeStatus
from domain.events import PaymentDisputed
from domain.identifiers import ChargeId, DisputeId
from domain.money import Money
from domain.refund import (
    SETTLEMENT_CHECK_INTERVAL,
    Refunded,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from tests.builders import PRICE, after, dollars
from tests.checkpoints import FailAt, proceed
from tests.use_cases.failures import each_database_failure
from tests.world import World

DUE_BY = after(days=7)

SIXTY = dollars("60")


async def pay(world: World, reply_lost: bool = False) -> None:
    """Pay for the default order; if the reply is lost, we do not know the charge."""
    await world.create_order()
    if reply_lost:
        world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()


async def refund_externally(world: World, amount: Money = SIXTY) -> ExternalRefundNotification:
    """Refund the payment at the gateway; return the notification."""
    reference = await world.gateway.refund_externally(world.payment().id, amount)
    assert reference is not None
    return refunded(world.charges[0].id, reference, amount)


def refunded(
    charge_id: str, reference: str = "re_1", amount: Money = SIXTY, number: int = 1
) -> ExternalRefundNotification:
    """Return a notification about an external refund."""
    reported = ReportedRefund(reference, amount, Refunded(reference, amount))
    return ExternalRefundNotification(f"evt_refund_{number}", ChargeId(charge_id), reported)


def pending(notification: ExternalRefundNotification) -> ExternalRefundNotification:
    """Return a notification that says that the bank has not completed the refund."""
    outcome = RefundPending(notification.reported.reference)
    return evolve(notification, reported=evolve(notification.reported, outcome=outcome))


def disputed(
    charge_id: str, status: DisputeStatus = DisputeStatus.LOST, number: int = 1
) -> DisputeNotification:
    """Return a notification about a dispute."""
    return DisputeNotification(
        id=f"evt_dispute_{number}",
        charge_id=ChargeId(charge_id),
        dispute_id=DisputeId("dp_1"),
        amount=PRICE,
        reason="fraud",
        status=status,
        due_by=DUE_BY,
    )


async def recover(world: World) -> int:
    """Run recovery a minute later, when it finds the charge."""
    world.advance(minutes=1)
    return await world.recover()


async def apply_deferred(world: World, limit: int = 100) -> int:
    """Apply deferred notifications once."""
    return await world.use_cases().apply_deferred_notifications.run_once(limit)


def refund_statuses(world: World) -> list[RefundStatus]:
    """Return the states of the refunds of the order."""
    return [refund.status for refund in world.order().refunds]


# --- charges that are known ---------------------------------------------------------------------


async def test_a_dispute_is_recorded_and_published_once_in_each_state(world: World) -> None:
    await pay(world)
    charge_id = world.charges[0].id
    opened = disputed(charge_id, DisputeStatus.OPEN, 1)
    lost = disputed(charge_id, DisputeStatus.LOST, 2)
    late = disputed(charge_id, DisputeStatus.OPEN, 3)
    for notification in (opened, opened, lost, lost, late):
        await world.receive(notification)
    (dispute,) = world.order().disputes
    published = [each.entry.event for each in world.database.outbox.values()]
    due = [each.due_by for each in published if isinstance(each, PaymentDisputed)]
    assert due == [DUE_BY, None]
    assert (dispute.payment_id, dispute.status) == (world.payment().id, DisputeStatus.LOST)
    await world.come_to_rest()
    assert world.count_events("payment:disputed") == 2


def reversed_(charge_id: str, number: int = 1) -> DisputeNotification:
    """Return a notification that money was taken back, which names no dispute."""
    lost = disputed(charge_id, DisputeStatus.LOST, number)
    return evolve(lost, id=f"evt_reversed_{number}", dispute_id=DisputeId("rev_1"), reason=REVERSED)


@pytest.mark.parametrize("known", [DisputeStatus.OPEN, DisputeStatus.LOST])
async def test_a_reversal_counts_as_the_dispute_that_it_ends(
    world: World, known: DisputeStatus
) -> None:
    await pay(world)
    charge_id = world.charges[0].id
    for notification in (disputed(charge_id, known, 1), reversed_(charge_id), disputed(charge_id)):
        await world.receive(notification)
    [dispute] = world.order().disputes
    assert (dispute.id, dispute.reason) == ("dp_1", "fraud")
    assert world.order().refunds == ()


@pytest.mark.parametrize("known", [None, DisputeStatus.WON, DisputeStatus.PREVENTED])
async def test_a_reversal_without_a_dispute_that_it_could_end_is_a_lost_one(
    world: World, known: DisputeStatus | None
) -> None:
    await pay(world)
    charge_id = world.charges[0].id
    if known is not None:
        await world.receive(disputed(charge_id, known))
    for number in (1, 2):
        await world.receive(reversed_(charge_id, number))
    last = world.order().disputes[-1]
    assert (last.id, last.status) == ("rev_1", DisputeStatus.LOST)
    assert len(world.order().disputes) == (1 if known is None else 2)


async def test_a_pending_external_refund_is_checked_and_never_sent(world: World) -> None:
    await pay(world)
    notification = await refund_externally(world)
    await world.receive(pending(notification))
    world.advance(seconds=SETTLEMENT_CHECK_INTERVAL.total_seconds() - 1)
    assert await world.recover() == 0
    world.advance(seconds=1)
    assert await world.recover() == 1
    assert refund_statuses(world) == [RefundStatus.SUCCEEDED]
    await world.come_to_rest()
    assert (len(world.refunds), world.count_events("payment:refunded")) == (1, 1)


async def test_an_external_refund_without_a_record_at_the_gateway_is_never_sent(
    world: World,
) -> None:
    await pay(world)
    gone = pending(refunded(world.charges[0].id))
    await world.receive(gone)
    for _ in range(5):
        world.advance(seconds=SETTLEMENT_CHECK_INTERVAL.total_seconds())
        assert await world.recover() == 1
    assert not world.refunds
    assert refund_statuses(world) == [RefundStatus.PENDING]


@pytest.mark.parametrize("amount", [PRICE, dollars("25")], ids=str)
@pytest.mark.parametrize("sequence", list(permutations(("receive", "cancel", "recover"))))
async def test_an_external_refund_and_a_cancellation_give_everything_back_in_every_sequence(
    world: World, sequence: tuple[str, ...], amount: Money
) -> None:
    await pay(world)
    notification = await refund_externally(world, amount)
    for step in sequence:
        match step:
            case "receive":
                await world.receive(notification)
            case "cancel":
                await world.cancel_order()
            case _:
                await recover(world)
    await world.come_to_rest()
    succeeded = [each for each in world.order().refunds if each.status is RefundStatus.SUCCEEDED]
    assert sum(each.amount.minor_units for each in succeeded) == PRICE.minor_units
    assert world.balance == 0


async def test_a_refund_of_ours_that_is_taken_for_an_external_one_is_announced_as_refunded_only(
    world: World,
) -> None:
    await pay(world)
    world.faults.add("refund", GatewayFaultKind.REPLY_LOST)
    await world.use_cases().refund_payment(world.payment().id, SIXTY.minor_units, "damaged")
    [(_, record)] = world.ledger.all()
    # Not every gateway reports our labels.
    await world.receive(refunded(world.charges[0].id, record.refunds[0].reference))
    await recover(world)
    assert refund_statuses(world) == [RefundStatus.FAILED, RefundStatus.SUCCEEDED]
    subjects = [record.entry.event.subject for record in world.database.outbox.values()]
    assert subjects == ["payment:created", "payment:refunded"]


# --- charges that are not known yet -------------------------------------------------------------


async def test_a_notification_is_applied_once_its_charge_is_known(world: World) -> None:
    await pay(world, reply_lost=True)
    for notification in (await refund_externally(world), disputed(world.charges[0].id)):
        assert await world.receive(notification)
        assert not await world.receive(notification)
    assert await apply_deferred(world) == 0
    await recover(world)
    assert (world.order().refunds, world.order().disputes) == ((), ())
    assert await apply_deferred(world) == 2
    assert refund_statuses(world) == [RefundStatus.SUCCEEDED]
    assert [dispute.status for dispute in world.order().disputes] == [DisputeStatus.LOST]
    assert await apply_deferred(world) == 0
    await world.come_to_rest()
    assert [world.count_events(f"payment:{what}") for what in ("refunded", "disputed")] == [1, 1]


async def test_a_notification_about_an_authorized_charge_is_applied_once_it_is_captured(
    world: World,
) -> None:
    await world.create_order(capture=CaptureMode.MANUAL)
    payment = (await world.pay()).payment
    assert payment.charge_id is not None
    assert await world.receive(disputed(payment.charge_id))
    assert await apply_deferred(world) == 0
    world.faults.add("capture", GatewayFaultKind.REPLY_LOST)
    await world.use_cases().capture_payment(payment.id)
    assert await apply_deferred(world) == 0
    assert world.order().disputes == ()
    await world.come_to_rest()
    assert [dispute.status for dispute in world.order().disputes] == [DisputeStatus.LOST]
    assert world.count_events("payment:disputed") == 1


@pytest.mark.parametrize(
    "sequence", list(permutations(("receive", "receive again", "recover", "apply")))
)
async def test_an_external_refund_is_recorded_once_in_every_sequence(
    world: World, sequence: tuple[str, ...]
) -> None:
    await pay(world, reply_lost=True)
    notification = await refund_externally(world)
    for step in sequence:
        match step:
            case "recover":
                await recover(world)
            case "apply":
                await apply_deferred(world)
            case _:
                await world.receive(notification)
    await world.come_to_rest()
    assert [refund.amount for refund in world.order().refunds] == [SIXTY]
    assert world.count_events("payment:refunded") == 1


async def test_a_notification_about_a_charge_of_another_application_is_deleted_after_three_days(
    world: World,
) -> None:
    await pay(world)
    before = world.order()
    for notification in (refunded("ch_of_others"), disputed("ch_of_others")):
        await world.receive(notification)
    world.advance(seconds=DEFERRED_FOR.total_seconds())
    assert await apply_deferred(world) == 0
    world.advance(seconds=1)
    assert [await apply_deferred(world), await apply_deferred(world)] == [2, 0]
    assert world.order() == before


async def test_a_notification_that_cannot_be_applied_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await pay(world, reply_lost=True)
    for notification in (await refund_externally(world), disputed(world.charges[0].id)):
        await world.receive(notification)
    await recover(world)
    world.checkpoint = FailAt(0, ZeroDivisionError("a bug"), {"read orders"})
    assert await apply_deferred(world) == 1
    assert "could not apply notification in_memory:evt_" in caplog.text
    world.checkpoint = proceed
    assert await apply_deferred(world) == 1
    assert len(world.order().refunds) == len(world.order().disputes) == 1


async def test_no_notification_is_lost_whichever_step_of_the_database_fails() -> None:
    for world, failure in each_database_failure(min_commits=2):
        await pay(world, reply_lost=True)
        notification = await refund_externally(world)
        world.checkpoint = failure
        for _ in range(2):
            try:
                await world.receive(notification)
                await recover(world)
                await apply_deferred(world)
            except StorageUnavailable:
                continue
        await world.come_to_rest()
        assert [refund.amount for refund in world.order().refunds] == [SIXTY]
