"""No order is charged again after the database has lost what was charged before."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, evolve

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from adapters.persistence.in_memory.tables import Backup
from application.application import UseCases
from application.ports.alerts import AlertKind
from application.ports.gateway_history import UnreadableCharge
from application.ports.gateway_notifications import PaymentNotification
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.compare_books import LOOK_BACK, MARGIN
from application.use_cases.pay_order import PayOrder
from domain.claim import AlreadyPaid, OrderNotFound
from domain.events import PaymentCreated
from domain.identifiers import ChargeId, OrderId
from domain.order import Order
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from tests.builders import GATEWAY, ORDER, PAYER, PRICE, dollars
from tests.checkpoints import proceed
from tests.world import VISA, World

ORDERS = [OrderId(f"order-{number}") for number in range(1, 6)]


@pytest.fixture
def world() -> World:
    return World(gateway_type=InMemoryGateway)


async def create_orders(world: World) -> None:
    for order_id in ORDERS:
        await world.create_order(order_id)


async def pay(process: UseCases, order_id: OrderId = ORDER) -> PaymentStatus:
    """Pay at one process, which remembers whether it has compared the books."""
    result = await process.create_charge(PayOrder(order_id, PAYER, VISA))
    return result.payment.status


async def pay_all(process: UseCases) -> None:
    for order_id in ORDERS:
        assert await pay(process, order_id) is PaymentStatus.SUCCEEDED


def restore(world: World, backup: Backup) -> None:
    """Continue on an older database; every process loses its connections."""
    world.database.restore(backup)


async def mark(world: World) -> Any:
    return (await world.use_cases().books_guards.default.books.begin(GATEWAY, False)).mark


def lists(world: World) -> int:
    return world.steps.count("list_charges")


def ids(world: World) -> set[str]:
    return {event.id for event in world.events if event.subject == PaymentCreated.subject}


# --- a restored database, a promoted standby ------------------------------------------------------


@pytest.mark.parametrize("is_restarted", [True, False])
async def test_no_order_is_charged_again_after_a_restore(world: World, is_restarted: bool) -> None:
    process = world.use_cases()
    await create_orders(world)
    await process.books_guards.default.run_once()
    backup = world.database.back_up()
    await pay_all(process)
    await process.relay_outbox.run_once()
    published = ids(world)
    restore(world, backup)
    if is_restarted:
        process = world.use_cases()
    for order_id in ORDERS:
        with pytest.raises(AlreadyPaid):
            await pay(process, order_id)
    await world.come_to_rest()
    assert len(world.charges) == len(ORDERS)
    assert ids(world) == published


async def test_orders_that_were_lost_with_their_payments_stay_paid(world: World) -> None:
    backup = world.database.back_up()
    await create_orders(world)
    await pay_all(world.use_cases())
    restore(world, backup)
    process = world.use_cases()
    await process.books_guards.default.run_once()
    await create_orders(world)
    with pytest.raises(AlreadyPaid):
        await pay(process)
    assert {each.payments[0].status for each in world.orders} == {PaymentStatus.SUCCEEDED}
    await world.come_to_rest()


async def test_an_operator_is_told_that_the_books_were_behind(world: World) -> None:
    await create_orders(world)
    backup = world.database.back_up()
    await pay_all(world.use_cases())
    restore(world, backup)
    await world.use_cases().books_guards.default.run_once()
    alerts = {alert.subject: alert for alert in await world.alerts.list_current()}
    assert {alert.kind for alert in alerts.values()} == {AlertKind.BOOKS_BEHIND}
    assert "the books were behind: 5 charges" in alerts[world.gateway.name].text


async def test_what_others_have_refunded_of_a_lost_payment_is_recorded(world: World) -> None:
    await world.create_order()
    backup = world.database.back_up()
    await pay(world.use_cases())
    payment_id = world.payment().id
    await world.gateway.refund_externally(payment_id, dollars("60"))
    restore(world, backup)
    await world.use_cases().books_guards.default.run_once()
    (refund,) = world.order().refunds
    assert (refund.amount, refund.status) == (dollars("60"), RefundStatus.SUCCEEDED)
    await world.cancel_order()
    await world.come_to_rest()
    assert world.balance == 0


@pytest.mark.parametrize("fault", [GatewayFaultKind.RATE_LIMITED, GatewayFaultKind.REPLY_LOST])
async def test_refunds_that_cannot_be_listed_are_compared_again(
    world: World, fault: GatewayFaultKind
) -> None:
    await world.create_order()
    backup = world.database.back_up()
    await pay(world.use_cases())
    await world.gateway.refund_externally(world.payment().id, dollars("60"))
    restore(world, backup)
    guard = world.use_cases().books_guards.default
    world.faults.add("list_refunds", fault)
    await guard.run_once()
    assert world.order().refunds == ()
    world.advance(hours=1)
    await guard.run_once()
    assert [each.amount for each in world.order().refunds] == [dollars("60")]
    world.advance(hours=1)
    await guard.run_once()
    assert await mark(world) == world.time - MARGIN
    await world.come_to_rest()


async def test_a_gateway_that_never_lists_refunds_keeps_the_mark_for_a_day(world: World) -> None:
    await world.create_order()
    process = world.use_cases()
    await process.books_guards.default.run_once()
    before = await mark(world)
    await pay(process)
    await world.gateway.refund_externally(world.payment().id, dollars("60"))
    for hours in (1, 22, 2):
        assert await mark(world) == before
        world.advance(hours=hours)
        world.faults.add("list_refunds", GatewayFaultKind.RATE_LIMITED)
        await process.books_guards.default.run_once()
    assert await mark(world) > before


async def test_a_charge_of_a_payment_that_was_given_up_is_found_by_the_comparison(
    world: World,
) -> None:
    await world.create_order()
    process = world.use_cases()
    world.faults.add("charge", GatewayFaultKind.LATE, 60)
    await pay(process)
    world.advance(seconds=40)
    await world.recover()
    assert world.payment().status is PaymentStatus.ABANDONED
    world.advance(seconds=40)
    await process.books_guards.default.run_once()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


async def test_a_listed_charge_settles_a_payment_in_progress_as_a_webhook_does(
    world: World,
) -> None:
    await world.create_order()
    process = world.use_cases()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    assert await pay(process) is PaymentStatus.PROCESSING
    world.advance(minutes=1)
    await process.books_guards.default.run_once()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert world.steps.count("find") == 0
    await world.come_to_rest()


async def test_the_charges_of_another_installation_on_the_same_account_are_not_adopted(
    world: World,
) -> None:
    world.database.identity = "0000000a"
    other = World(gateway_type=InMemoryGateway, ledger=world.ledger)
    other.database.identity = "0000000b"
    for each in (world, other):
        await each.create_order()
        assert await pay(each.use_cases()) is PaymentStatus.SUCCEEDED
    for each in (world, other):
        each.advance(minutes=1)
        await each.use_cases().books_guards.default.run_once()
        await each.deliver_notifications()
        (payment,) = each.order().payments
        assert payment.id.endswith(each.database.identity)
        assert not await each.alerts.list_current()


# --- the mark -------------------------------------------------------------------------------------


async def test_the_mark_follows_the_time_at_a_distance(world: World) -> None:
    process = world.use_cases()
    for _ in range(3):
        await process.books_guards.default.run_once()
        assert await mark(world) == world.time - MARGIN
        world.advance(minutes=1)


async def test_exactly_the_time_since_the_mark_is_listed(world: World) -> None:
    asked = spy_on_lists(world)
    process = world.use_cases()
    await process.books_guards.default.run_once()
    assert asked == [(world.time - LOOK_BACK, world.time + MARGIN)]
    first = world.time
    world.advance(hours=50)
    await process.books_guards.default.run_once()
    assert asked[1:] == [(first - MARGIN, world.time + MARGIN)]


async def test_a_mark_in_the_future_is_not_believed(world: World) -> None:
    world.advance(hours=2)
    await world.use_cases().books_guards.default.run_once()
    world.advance(hours=-2)
    asked = spy_on_lists(world)
    await world.use_cases().books_guards.default.run_once()
    assert asked[0][0] == world.time - LOOK_BACK


async def test_the_mark_stays_if_the_gateway_cannot_be_asked(world: World) -> None:
    process = world.use_cases()
    await process.books_guards.default.run_once()
    before = await mark(world)
    world.advance(minutes=5)
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    await process.books_guards.default.run_once()
    assert await mark(world) == before


async def test_a_comparison_from_before_a_restore_does_not_advance_the_mark(world: World) -> None:
    await world.create_order()
    process = world.use_cases()
    await process.books_guards.default.run_once()
    before = await mark(world)
    backup = world.database.back_up()
    world.advance(minutes=10)
    await pay(process)

    async def restore_meanwhile(step: str) -> None:
        if step == "list_charges replied":
            world.checkpoint = proceed
            restore(world, backup)

    world.advance(minutes=10)
    world.checkpoint = restore_meanwhile
    await process.books_guards.default.run_once()
    assert await mark(world) == before
    with pytest.raises(AlreadyPaid):
        await pay(process)


async def test_a_busy_time_is_listed_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.gateways.simulated.gateway.MAX_LISTED", 2)
    process = world.use_cases()
    await process.books_guards.default.run_once()
    await create_orders(world)
    backup = world.database.back_up()
    for order_id in ORDERS:
        world.advance(minutes=1)
        await pay(process, order_id)
    restore(world, backup)
    await world.use_cases().books_guards.default.run_once()
    assert all(world.order(each).payments for each in ORDERS)
    assert await mark(world) == world.time - MARGIN


async def test_without_a_mark_the_newest_charges_that_fit_into_one_list_are_compared(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.gateways.simulated.gateway.MAX_LISTED", 2)
    await create_orders(world)
    backup = world.database.back_up()
    process = world.use_cases()
    for order_id in ORDERS:
        world.advance(hours=3)
        await pay(process, order_id)
    restore(world, backup)
    await world.use_cases().books_guards.default.run_once()
    assert [bool(world.order(each).payments) for each in ORDERS][-2:] == [True, True]
    assert await mark(world) == world.time - MARGIN


# --- the guard ------------------------------------------------------------------------------------


async def test_a_process_compares_once_and_again_after_a_lost_connection(world: World) -> None:
    await create_orders(world)
    process = world.use_cases()
    assert await pay(process) is PaymentStatus.SUCCEEDED
    assert await pay(process, ORDERS[1]) is PaymentStatus.SUCCEEDED
    assert lists(world) == 1
    world.database.copy += 1
    assert await pay(process, ORDERS[2]) is PaymentStatus.SUCCEEDED
    assert lists(world) == 2


async def test_an_order_that_cannot_be_paid_is_refused_without_a_comparison(world: World) -> None:
    await world.create_order()
    process = world.use_cases()
    await pay(process)
    world.database.copy += 1
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(AlreadyPaid):
        await pay(process)
    with pytest.raises(OrderNotFound):
        await pay(process, OrderId("unknown"))
    assert lists(world) == 1


async def test_many_customers_wait_for_one_comparison(world: World) -> None:
    await create_orders(world)
    process = world.use_cases()
    await asyncio.gather(*(pay(process, order_id) for order_id in ORDERS))
    assert lists(world) == 1
    await world.come_to_rest()


async def test_nothing_is_charged_while_the_gateway_cannot_be_asked(world: World) -> None:
    await world.create_order()
    process = world.use_cases()
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(GatewayUnavailable):
        await pay(process)
    assert (world.order().payments, world.charges) == ((), [])
    assert await pay(process) is PaymentStatus.SUCCEEDED


async def test_a_customer_does_not_wait_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.use_cases.books_guard.WAIT_SECONDS", 0.01)
    answered = asyncio.Event()

    async def wait_for_answer(step: str) -> None:
        if step == "list_charges":
            await answered.wait()

    await world.create_order()
    world.checkpoint = wait_for_answer
    process = world.use_cases()
    with pytest.raises(StorageUnavailable):
        await pay(process)
    answered.set()
    monkeypatch.setattr("application.use_cases.books_guard.WAIT_SECONDS", 10)
    assert await pay(process) is PaymentStatus.SUCCEEDED
    assert lists(world) == 1


@pytest.mark.parametrize("step", ["commit", "committed"])
async def test_an_order_is_claimed_again_if_the_database_is_lost_between_claim_and_charge(
    world: World, step: str
) -> None:
    await world.create_order()
    process = world.use_cases()
    await process.books_guards.default.run_once()

    async def lose_connection(reached: str) -> None:
        if reached == step:
            world.checkpoint = proceed
            world.database.copy += 1

    world.checkpoint = lose_connection
    assert await pay(process) is PaymentStatus.SUCCEEDED
    assert lists(world) == 2
    assert len(world.charges) == 1
    await world.come_to_rest()


async def test_nothing_is_charged_if_the_database_is_lost_again_and_again(world: World) -> None:
    await world.create_order()
    process = world.use_cases()
    await process.books_guards.default.run_once()

    async def lose_connection(reached: str) -> None:
        if reached == "commit":
            world.database.copy += 1

    world.checkpoint = lose_connection
    with pytest.raises(GatewayUnavailable):
        await pay(process)
    world.checkpoint = proceed
    assert world.charges == []
    assert await pay(process) is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


async def test_the_worker_compares_every_minute_and_pauses_after_a_failure(world: World) -> None:
    process = world.use_cases()
    for seconds, expected in ((0, 1), (59, 1), (1, 2), (59, 2), (1, 3)):
        world.advance(seconds=seconds)
        await process.books_guards.default.run_once()
        assert lists(world) == expected
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    for seconds, expected in ((60, 4), (9, 4), (1, 5)):
        world.advance(seconds=seconds)
        await process.books_guards.default.run_once()
        assert lists(world) == expected


async def test_serve_compares_only_when_the_books_may_be_behind(world: World) -> None:
    process = world.use_cases()
    for _ in range(3):
        await process.books_guards.default.keep()
        world.advance(minutes=5)
    assert lists(world) == 1
    world.database.copy += 1
    await process.books_guards.default.keep()
    assert lists(world) == 2


async def test_a_gateway_that_lists_no_charges_is_let_through() -> None:
    world = World()
    await create_orders(world)
    process = world.use_cases()
    assert not process.books_guards.default.compare.is_possible
    await pay_all(process)
    assert await mark(world) is None


async def test_a_charge_that_cannot_be_adopted_stops_neither_the_others_nor_the_mark(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await create_orders(world)
    backup = world.database.back_up()
    await pay_all(world.use_cases())
    restore(world, backup)
    guard = world.use_cases().books_guards.default
    failing = FailingOnce(guard.compare.settle)
    guard.compare = evolve(guard.compare, settle=failing)  # type: ignore[arg-type]
    await guard.run_once()
    assert sum(bool(world.order(each).payments) for each in ORDERS) == len(ORDERS) - 1
    assert "could not be adopted" in caplog.text
    assert await mark(world) == world.time - MARGIN


@define
class FailingOnce:
    """Raises an unexpected error at the first call."""

    call: Callable[..., Any]
    has_failed: bool = False

    async def __call__(self, *args: Any) -> Any:
        if not self.has_failed:
            self.has_failed = True
            raise ZeroDivisionError("a bug")
        return await self.call(*args)


def spy_on_lists(world: World) -> list[tuple[Any, Any]]:
    """Return the times that are asked for, as they are asked."""
    asked: list[tuple[Any, Any]] = []

    class Spied(InMemoryGateway):
        async def list_charges(self, since: Any, until: Any) -> Any:
            asked.append((since, until))
            return await super().list_charges(since, until)

    world.gateway_type = Spied
    return asked


@pytest.mark.parametrize("answer", [["ch_1"], None, KeyError("cursor")])
async def test_a_method_of_this_name_that_lists_something_else_stops_nobody(answer: Any) -> None:
    class Other(InMemoryGateway):
        async def list_charges(self, *_: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def list_refunds(self, _cursor: str, _limit: int) -> Any:  # type: ignore[override]
            return answer

    world = World(gateway_type=Other)
    await world.create_order()
    process = world.use_cases()
    assert await pay(process) is PaymentStatus.SUCCEEDED
    (alert,) = await world.alerts.list_current()
    assert alert.kind is AlertKind.LOOKUP_IMPOSSIBLE
    assert "`list_charges`" in alert.text
    await process.refund_payment(world.payment().id)
    await world.come_to_rest()
    assert world.balance == 0


async def test_of_two_charges_of_a_lost_payment_the_one_that_was_given_back_is_the_second(
    world: World,
) -> None:
    await world.create_order()
    backup = world.database.back_up()
    world.faults.add("charge", GatewayFaultKind.CHARGED_TWICE)
    await pay(world.use_cases())
    payment_id = world.payment().id
    await world.gateway.refund_externally(payment_id)  # of the first one
    restore(world, backup)
    await world.use_cases().books_guards.default.run_once()
    given_back, kept = (ChargeId(charge.id) for charge in world.charges)
    second = world.order().payment_of_charge(given_back)
    assert world.order().payment(payment_id).charge_id == kept
    assert second is not None
    assert second.status is PaymentStatus.REVERSED
    await world.come_to_rest()
    assert world.balance == PRICE.minor_units


# --- charges whose labels are incomplete ----------------------------------------------------------


class Unlabelled(InMemoryGateway):
    """Lists every charge with a part of its labels only: the name of its payment."""

    async def list_charges(self, since: Any, until: Any) -> Any:
        return [
            UnreadableCharge(
                PaymentNotification(
                    f"listed_{each.payment.id}", each.payment.id, each.outcome, None, None
                ),
                b"the charge",
            )
            for each in await super().list_charges(since, until)
        ]


async def test_a_charge_with_incomplete_labels_is_no_news_if_its_payment_is_known(
    world: World,
) -> None:
    world.gateway_type = Unlabelled
    await world.create_order()
    process = world.use_cases()
    assert await pay(process) is PaymentStatus.SUCCEEDED
    world.advance(minutes=1)
    await process.books_guards.default.run_once()
    assert not await world.unusable.list(10)
    assert not await world.alerts.list_current()
    assert not world.database.inbox


async def test_a_charge_with_incomplete_labels_settles_the_payment_that_it_names(
    world: World,
) -> None:
    world.gateway_type = Unlabelled
    await world.create_order()
    process = world.use_cases()
    world.faults.add("charge", GatewayFaultKind.LATE, 60)
    await pay(process)
    world.advance(seconds=40)
    await world.recover()
    assert world.payment().status is PaymentStatus.ABANDONED
    world.advance(seconds=40)
    await process.books_guards.default.run_once()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


async def test_a_charge_with_incomplete_labels_of_a_lost_payment_is_kept_with_an_alert(
    world: World,
) -> None:
    await world.create_order()
    backup = world.database.back_up()
    await pay(world.use_cases())
    payment_id = world.payment().id
    restore(world, backup)
    world.gateway_type = Unlabelled
    for _ in range(2):
        await world.use_cases().books_guards.default.run_once()
    (kept,) = await world.unusable.list(10)
    assert (kept.body, kept.attempts) == (b"the charge", 0)
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.BOOKS_BEHIND, payment_id)


async def test_a_charge_with_incomplete_labels_of_another_installation_is_left_alone(
    world: World,
) -> None:
    world.database.identity = "0000000a"
    other = World(gateway_type=Unlabelled, ledger=world.ledger)
    other.database.identity = "0000000b"
    await world.create_order()
    await pay(world.use_cases())
    await other.use_cases().books_guards.default.run_once()
    assert not await other.unusable.list(10)
    assert not await other.alerts.list_current()
    await world.come_to_rest()


async def test_a_charge_that_cannot_be_adopted_is_told_to_an_operator(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_orders(world)
    backup = world.database.back_up()
    await pay_all(world.use_cases())
    lost = [payment_id for payment_id, _ in world.ledger.all()]
    restore(world, backup)
    adopt = Order.adopt

    def fail(self: Order, payment: Any, *args: Any) -> Order:
        if payment.id == lost[0]:
            raise ZeroDivisionError("a bug")
        return adopt(self, payment, *args)

    monkeypatch.setattr(Order, "adopt", fail)
    await world.use_cases().books_guards.default.run_once()
    assert lost[0] in {alert.subject for alert in await world.alerts.list_current()}
    assert sum(len(order.payments) for order in world.orders) == len(lost) - 1
