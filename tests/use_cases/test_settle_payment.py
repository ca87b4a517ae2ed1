"""SettlePayment: what is published, what is reported, and what is committed with it."""

import pytest
from attrs import evolve

from application.log_context import current_ids, log_context
from application.ports.alerts import AlertKind
from application.ports.gateways import AtAnotherGateway
from application.ports.unit_of_work import Conflict, UnitOfWork
from application.use_cases.settle_payment import SettlePayment
from domain.capture import CaptureFailed, CaptureMode
from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentExpiring,
    PaymentFailed,
    PaymentPending,
    PaymentVoided,
)
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.outcome import Evidence, NeverArrived, Refused
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import (
    NOW,
    ORDER,
    PAYMENT,
    a_payment,
    after,
    an_order,
    authorized,
    charged,
    claimed,
    declined,
    dollars,
    pending,
    requires_action,
    shipped_event,
)
from tests.checkpoints import FailAt
from tests.world import World


async def store(world: World, order: Order) -> None:
    async def decision(work: UnitOfWork) -> None:
        await work.orders.get(order.id)
        work.orders.save(order)

    await settle_of(world).retry(decision)


def settle_of(world: World) -> SettlePayment:
    return world.use_cases().create_charge.settle


def published(world: World) -> list[Event]:
    return [each.entry.event for each in world.database.outbox.values()]


def kinds(world: World) -> list[type[Event]]:
    return [type(each) for each in published(world)]


async def alerts(world: World) -> list[tuple[AlertKind, str]]:
    return [(each.kind, each.subject) for each in await world.alerts.list_current()]


MANUAL = evolve(claimed().payments[0], capture_mode=CaptureMode.MANUAL)
RUNNING_OUT = authorized(until=after(hours=23))


@pytest.mark.parametrize(
    ("before", "evidence", "expected"),
    [
        (claimed(), charged(), [PaymentCreated]),
        (claimed(), declined(), [PaymentFailed]),
        (claimed(), pending(), [PaymentPending]),
        (claimed(), requires_action(), []),
        (an_order(MANUAL), authorized(), [PaymentAuthorized]),
        (an_order(MANUAL), RUNNING_OUT, [PaymentAuthorized, PaymentExpiring]),
        (an_order(a_payment(status=PaymentStatus.AUTHORIZED)), declined(), [PaymentVoided]),
    ],
)
async def test_what_has_become_of_a_payment_is_published_once(
    world: World, before: Order, evidence: Evidence, expected: list[type[Event]]
) -> None:
    await store(world, before)
    for _ in range(2):
        settled = await settle_of(world)(before.payments[0], evidence)
        assert settled == world.payment()
        assert kinds(world) == expected


@pytest.mark.parametrize(
    ("before", "evidence"),
    [
        (
            an_order(evolve(a_payment(status=PaymentStatus.PENDING), reference="pi_1")),
            evolve(pending(), reference="pi_2"),
        ),
        (
            an_order(a_payment(status=PaymentStatus.AUTHORIZED)),
            authorized(until=after(days=6)),
        ),
        (
            an_order(
                evolve(a_payment(status=PaymentStatus.CANCELLED), charge_id=ChargeId("ch_1")),
            ),
            authorized(),
        ),
    ],
)
async def test_a_change_within_a_state_is_not_published(
    world: World, before: Order, evidence: Evidence
) -> None:
    await store(world, before)
    await settle_of(world)(before.payments[0], evidence)
    assert not published(world)


async def test_the_other_payments_of_an_order_are_not_published_again(world: World) -> None:
    failed = a_payment("payment-0", PaymentStatus.FAILED)
    await store(world, an_order(failed, a_payment()))
    await settle_of(world)(a_payment(), charged())
    assert kinds(world) == [PaymentCreated]


async def test_what_it_is_committed_with_is_given_the_payment(world: World) -> None:
    await store(world, claimed())
    given = []

    def also(work: UnitOfWork, settled: Payment) -> None:
        given.append(settled)
        work.inbox.add("with it")

    settled = await settle_of(world)(claimed().payments[0], charged(), also=also)
    assert given == [settled]
    assert "with it" in repr(world.database.inbox)


async def test_nothing_is_written_if_nothing_changes(world: World) -> None:
    await store(world, claimed())
    await settle_of(world)(claimed().payments[0], declined())
    revision, order = world.database.orders[ORDER]
    await settle_of(world)(claimed().payments[0], requires_action())
    assert world.database.orders[ORDER] == (revision, order)


async def test_a_payment_that_another_gateway_has_is_not_settled(world: World) -> None:
    await store(world, claimed())
    with pytest.raises(AtAnotherGateway):
        await settle_of(world)(evolve(claimed().payments[0], gateway="other"), charged())
    with pytest.raises(AtAnotherGateway):
        await settle_of(world).known(PAYMENT, charged(), "other")
    assert world.payment().status is PaymentStatus.PROCESSING


async def test_a_payment_of_which_only_the_id_is_known_is_settled_as_well(world: World) -> None:
    await store(world, claimed())
    refused = Refused("account_closed", "the account is closed")
    settled = await settle_of(world).known(PAYMENT, refused, "in_memory")
    assert settled == world.payment()
    assert settled.status is PaymentStatus.FAILED
    assert await alerts(world) == [(AlertKind.GATEWAY_REFUSAL, "account_closed")]
    with pytest.raises(PaymentNotFound):
        await settle_of(world).known(PaymentId("none"), charged(), "in_memory")


async def test_a_refusal_of_the_shop_is_reported(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await store(world, claimed())
    await settle_of(world)(claimed().payments[0], declined())
    assert not await alerts(world)
    await settle_of(world)(claimed().payments[0], Refused("closed", "the account is closed"))
    assert await alerts(world) == [(AlertKind.GATEWAY_REFUSAL, "closed")]
    assert "refuses the shop, not the card: payment-1: closed: the account" in caplog.text


@pytest.mark.parametrize("by_id", [False, True])
async def test_a_second_charge_is_reported_beside_others(
    world: World, caplog: pytest.LogCaptureFixture, by_id: bool
) -> None:
    other = a_payment("payment-0", PaymentStatus.FAILED)
    await store(world, an_order(other, a_payment(status=PaymentStatus.SUCCEEDED)))
    again = evolve(charged(), charge_id=ChargeId("ch_2"))
    world.checkpoint = FailAt(0, Conflict("another writer was faster"), {"commit"})
    if by_id:
        await settle_of(world).known(PAYMENT, again, "in_memory")
    else:
        await settle_of(world)(a_payment(), again)
    assert await alerts(world) == [(AlertKind.CHARGED_TWICE, PAYMENT)]
    assert "has a second charge ch_2: given back" in caplog.text
    assert world.checkpoint.failed_step == "commit"
    await world.alerts.flush()
    assert [each.count for each in await world.alerts.list_current()] == [1]


async def test_a_payment_that_was_lost_is_reported(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await store(world, an_order())
    await settle_of(world)(a_payment(), charged())
    assert await alerts(world) == [(AlertKind.BOOKS_BEHIND, "payments")]
    assert f"payment {PAYMENT} of order {ORDER} was lost and is adopted" in caplog.text
    assert kinds(world) == [PaymentCreated]


async def test_the_charge_of_a_lost_payment_that_another_order_has_stays_there(
    world: World,
) -> None:
    await store(world, an_order(a_payment(status=PaymentStatus.SUCCEEDED)))
    lost = evolve(a_payment("lost"), order_id=OrderId("order-2"))
    await settle_of(world)(lost, charged())
    assert list(world.database.orders) == [ORDER]


async def test_of_a_lost_payment_without_money_only_the_outcome_is_known(world: World) -> None:
    with log_context():
        settled = await settle_of(world)(a_payment(), declined())
        assert current_ids() == {"order_id": ORDER, "payment_id": PAYMENT}
    assert settled.status is PaymentStatus.FAILED
    settled = await settle_of(world)(a_payment(), NeverArrived())
    assert settled.status is PaymentStatus.ABANDONED
    assert not world.database.orders


# --- captures ------------------------------------------------------------------------------------


def being_captured(units: int, shipped: int | None = None) -> Order:
    order = an_order(a_payment(status=PaymentStatus.AUTHORIZED))
    order = order.request_capture(PAYMENT, units, NOW)
    payment = evolve(order.payment(PAYMENT), next_check_at=after(minutes=1))
    order = order.with_payment(payment)
    return order if shipped is None else order.apply(shipped_event(minor_units=shipped), NOW)


@pytest.mark.parametrize(
    ("shipped", "captured", "is_reported"),
    [(None, 6000, False), (6000, 6000, False), (7000, 6000, True), (7000, 7000, False)],
)
async def test_a_capture_of_another_amount_than_shipped_is_reported(
    world: World,
    caplog: pytest.LogCaptureFixture,
    shipped: int | None,
    captured: int,
    is_reported: bool,
) -> None:
    order = being_captured(6000, shipped)
    await store(world, order)
    amount = dollars(str(captured // 100))
    await settle_of(world)(order.payments[0], charged(amount=amount))
    expected = [(AlertKind.CAPTURE_FAILED, PAYMENT)] if is_reported else []
    assert await alerts(world) == expected
    assert ("was being captured when" in caplog.text) is is_reported


async def test_a_capture_that_is_over_and_shipped_otherwise_is_not_reported(world: World) -> None:
    order = being_captured(6000, 7000)
    await store(world, order)
    await settle_of(world)(order.payments[0], declined())
    assert not await alerts(world)


async def test_a_refused_capture_is_reported_and_returned(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    order = being_captured(6000)
    await store(world, order)
    failed = CaptureFailed("expired", "too late")
    after_it = await settle_of(world).fail_capture(order.payments[0], failed)
    assert after_it == world.payment()
    assert after_it.requested_capture is None
    assert await alerts(world) == [(AlertKind.CAPTURE_FAILED, PAYMENT)]
    assert "payment payment-1 was not captured: expired: too late" in caplog.text
    assert not published(world)  # it is still authorized, as it was before


async def test_a_refused_capture_of_a_lost_payment_is_reported_and_recorded_nowhere(
    world: World,
) -> None:
    lost = a_payment("lost")
    assert await settle_of(world).fail_capture(lost, CaptureFailed("expired", "too late")) == lost
    assert await alerts(world) == [(AlertKind.CAPTURE_FAILED, "lost")]
    assert not world.database.orders
