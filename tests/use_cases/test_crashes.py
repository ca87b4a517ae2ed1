"""A replica that stops for ever at any await, with no cleanup at all, leaves nothing open for the others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from attrs import frozen

from adapters.gateways.in_memory import GatewayFaultKind
from application.application import UseCases
from application.ports.payment_gateway import CardToken, GatewayUnavailable
from application.use_cases.cancel_order import OrderCancellation
from domain.errors import DomainError
from tests.builders import ORDER, PAYER, PRICE, after, cancelled_event
from tests.use_cases.shop import AUTHENTICATING, DECLINED, PATIENCE, VISA, Crash, Shop, go_on

Prepare = Callable[[Shop], Awaitable[None]]
Act = Callable[[Shop, UseCases], Awaitable[object]]


# Otherwise the garbage collector might run the cleanup that a crash does not.
_stopped: list[asyncio.Future[object]] = []


@pytest.fixture(autouse=True)
def let_go_of_the_stopped() -> Iterator[None]:
    """Forget what was stopped once the test's loop is closed."""
    yield
    _stopped.clear()


async def stop_at(shop: Shop, checkpoint: int, act: Act) -> Crash | None:
    """Do it, but stop for ever at that checkpoint; None if it ended before.

    The task is left hanging until the test's own loop is closed, so that no `finally` of it runs.
    """
    crash = Crash(checkpoint)
    shop.checkpoint = crash
    doing = asyncio.ensure_future(act(shop, shop.replica("victim")))
    stopped = asyncio.create_task(crash.happened.wait())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([doing, stopped], return_when=asyncio.FIRST_COMPLETED)
    if crash.happened.is_set():
        _stopped.append(doing)
        return crash
    stopped.cancel()
    await asyncio.gather(doing, stopped, return_exceptions=True)
    error = doing.exception()
    if error is not None and not isinstance(error, DomainError | GatewayUnavailable):
        raise error
    return None


async def sweep(prepare: Prepare, act: Act, at_rest: Callable[[Shop], None], least: int) -> None:
    """Stop at every checkpoint in turn; the others then bring the shop to rest."""
    for checkpoint in range(1_000):
        shop = Shop()
        await prepare(shop)
        crash = await stop_at(shop, checkpoint, act)
        await shop.come_to_rest()
        where = f"stopped at checkpoint {checkpoint}: {crash.step if crash else 'nowhere'}"
        assert not shop.broken_promises, where
        at_rest(shop)
        if crash is None:
            assert checkpoint >= least, "too few checkpoints to be the whole story"
            return
    raise AssertionError("it never ended")


@frozen
class Pay:
    """A customer pays with this card, and gets an answer unless the replica stops."""

    token: CardToken

    async def __call__(self, shop: Shop, replica: UseCases) -> None:
        """Pay, and keep the answer."""
        shop.answer(await replica.create_charge(ORDER, PAYER, self.token))


async def recover(_shop: Shop, replica: UseCases) -> None:
    await replica.recover_payments.run_once()


async def relay(_shop: Shop, replica: UseCases) -> None:
    await replica.relay_outbox.run_once()


async def cancel(shop: Shop, replica: UseCases) -> None:
    await replica.cancel_order([OrderCancellation(ORDER, 1)])
    shop.acknowledged.append(cancelled_event())


async def give_sixty_back(shop: Shop, replica: UseCases) -> None:
    await replica.refund_payment(shop.payment().id, 6_000)


async def an_order(shop: Shop) -> None:
    await shop.order()


async def a_paid_order(shop: Shop) -> None:
    await shop.order()
    await shop.pay()


def anything(_shop: Shop) -> None:
    """The promises are all there is to say."""


CARDS = {"good": VISA, "bad": DECLINED, "3ds": AUTHENTICATING}
TROUBLES = [
    (None, 0),
    (GatewayFaultKind.UNREACHABLE, 0),
    (GatewayFaultKind.REQUEST_LOST, 0),
    (GatewayFaultKind.REPLY_LOST, 0),
    (GatewayFaultKind.SERVER_ERROR_AFTER, 0),
    (GatewayFaultKind.SLOW, 60),
    (GatewayFaultKind.LATE, 10),
    (GatewayFaultKind.LATE, 60),
]


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(("trouble", "seconds"), TROUBLES, ids=str)
async def test_a_charge_may_stop_anywhere(
    card: str, kind: GatewayFaultKind | None, seconds: float
) -> None:
    async def prepare(shop: Shop) -> None:
        await shop.order()
        if kind is not None:
            shop.faults.add("charge", kind, seconds)

    await sweep(prepare, Pay(CARDS[card]), anything, least=4)


@pytest.mark.parametrize("card", CARDS)
async def test_a_charge_that_stops_while_its_order_expires_keeps_nothing_after_the_expiry(
    card: str,
) -> None:
    async def prepare(shop: Shop) -> None:
        await shop.order(expires_at=after(seconds=4))

    await sweep(prepare, Pay(CARDS[card]), anything, least=8)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("moment", ["commit", "committed", "charge", "charge answered"])
async def test_a_charge_may_stop_anywhere_and_be_cancelled_at_any_moment(
    card: str, moment: str
) -> None:
    async def cancelled_at(shop: Shop, replica: UseCases) -> None:
        crash = shop.checkpoint

        async def checkpoint(step: str) -> None:
            if step == moment and not shop.order().replica.is_cancelled:
                shop.checkpoint = go_on
                await shop.apply(cancelled_event())
                shop.checkpoint = checkpoint
            await crash(step)

        shop.checkpoint = checkpoint
        await Pay(CARDS[card])(shop, replica)

    def nothing_is_kept_if_it_was_cancelled(shop: Shop) -> None:
        assert not shop.order().replica.is_cancelled or shop.kept == 0

    await sweep(an_order, cancelled_at, nothing_is_kept_if_it_was_cancelled, least=3)


async def test_a_cancellation_may_stop_anywhere_and_its_event_comes_again() -> None:
    async def paid_and_heard_again(shop: Shop, replica: UseCases) -> None:
        await cancel(shop, replica)
        await recover(shop, replica)

    for checkpoint in range(100):
        shop = Shop()
        await a_paid_order(shop)
        crash = await stop_at(shop, checkpoint, paid_and_heard_again)
        shop.checkpoint = go_on
        await shop.apply(cancelled_event())
        await shop.come_to_rest()
        assert shop.kept == 0
        assert len(shop.refunds) == 1
        assert not shop.broken_promises, f"{checkpoint}: {crash}"
        if crash is None:
            assert checkpoint >= 10
            return
    raise AssertionError("it never ended")


@pytest.mark.parametrize(("trouble", "seconds"), TROUBLES, ids=str)
async def test_a_refund_may_stop_anywhere(kind: GatewayFaultKind | None, seconds: float) -> None:
    async def prepare(shop: Shop) -> None:
        await a_paid_order(shop)
        if kind is not None:
            shop.faults.add("refund", kind, seconds)

    def sixty_went_back_or_nothing(shop: Shop) -> None:
        shop.let_pass(hours=1)
        assert shop.kept in (PRICE.minor_units, PRICE.minor_units - 6_000)

    await sweep(prepare, give_sixty_back, sixty_went_back_or_nothing, least=4)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("cancelled", [False, True], ids=["wanted", "cancelled"])
@pytest.mark.parametrize(("trouble", "seconds"), TROUBLES[2:], ids=str)
async def test_recovery_may_stop_anywhere(
    card: str, kind: GatewayFaultKind, seconds: float, cancelled: bool
) -> None:
    async def prepare(shop: Shop) -> None:
        await shop.order()
        shop.faults.add("charge", kind, seconds)
        await shop.pay(CARDS[card])
        if cancelled:
            await shop.apply(cancelled_event())
        shop.let_pass(seconds=30)

    def nothing_is_kept_if_it_was_cancelled(shop: Shop) -> None:
        assert not cancelled or shop.kept == 0

    await sweep(prepare, recover, nothing_is_kept_if_it_was_cancelled, least=3)


async def test_recovery_may_stop_anywhere_in_sending_a_refund() -> None:
    async def prepare(shop: Shop) -> None:
        await a_paid_order(shop)
        await shop.apply(cancelled_event())

    def the_money_went_back_once(shop: Shop) -> None:
        assert (shop.kept, len(shop.refunds)) == (0, 1)

    await sweep(prepare, recover, the_money_went_back_once, least=10)


async def test_a_relay_may_stop_anywhere() -> None:
    async def prepare(shop: Shop) -> None:
        for number in range(2):
            order_id = await shop.order(f"order-{number}")
            await shop.pay(DECLINED, order_id)
            await shop.pay(order_id=order_id)
            await shop.apply(cancelled_event(order_id))
        await shop.replica().recover_payments.run_once()

    def each_event_arrived(shop: Shop) -> None:
        assert len({seen.id for seen in shop.seen}) == 6
        assert shop.waiting_events == 0

    await sweep(prepare, relay, each_event_arrived, least=15)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("cancelled", [False, True], ids=["wanted", "cancelled"])
async def test_a_charge_and_then_its_recovery_may_stop_anywhere(card: str, cancelled: bool) -> None:
    for first in range(100):
        whole = True
        for second in range(100):
            shop = Shop()
            await shop.order()
            whole = await stop_at(shop, first, Pay(CARDS[card])) is None
            shop.checkpoint = go_on
            if cancelled:
                await shop.apply(cancelled_event())
            shop.let_pass(seconds=30)
            again = await stop_at(shop, second, recover)
            await shop.come_to_rest()
            assert not shop.broken_promises, f"stopped at {first} and {second}"
            if again is None:
                break
        if whole:
            assert first >= 8
            return
    raise AssertionError("it never ended")
