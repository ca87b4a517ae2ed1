"""BooksGuard: when the books are compared, and who waits for it."""

import asyncio
import gc
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import pytest

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from adapters.persistence.in_memory import InMemoryBooks
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases import books_guard
from application.use_cases.books_guard import BooksGuard
from tests.checkpoints import FailAt, proceed
from tests.world import World


@pytest.fixture
def world() -> World:
    return World(gateway_type=InMemoryGateway)


def guard_of(world: World) -> BooksGuard:
    return world.use_cases().books_guards.default


async def test_it_compares_once_while_the_connections_stay(world: World) -> None:
    guard = guard_of(world)
    assert await guard() == guard.books.generation
    world.steps.clear()
    assert await guard() == guard.books.generation
    await guard.keep()
    assert not world.steps


async def test_books_that_are_lost_while_they_are_compared_are_not_compared(world: World) -> None:
    guard = guard_of(world)

    async def lose_connections(step: str) -> None:
        if step == "list_charges":
            world.checkpoint = proceed
            world.database.copy += 1

    world.checkpoint = lose_connections
    with pytest.raises(StorageUnavailable, match="lost again"):
        await guard()
    assert not guard.holds(guard.books.generation)
    assert guard.holds(await guard())


async def test_a_worker_compares_every_minute_and_after_each_loss(world: World) -> None:
    guard = guard_of(world)
    compared = []
    for seconds, is_lost in ((0, False), (59, False), (1, False), (1, True), (1, False)):
        world.advance(seconds=seconds)
        world.database.copy += is_lost
        world.steps.clear()
        assert await guard.run_once() == 0
        compared.append("list_charges" in world.steps)
    assert compared == [True, False, True, True, False]


@pytest.mark.parametrize(
    "error",
    [OutcomeUnknown("lost"), GatewayUnavailable("busy"), StorageUnavailable("down")],
    ids=lambda each: type(each).__name__,
)
async def test_a_worker_goes_on_after_a_failure_and_a_customer_is_told(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(InMemoryGateway):
        async def list_charges(  # type: ignore[override]
            self, since: datetime, until: datetime
        ) -> Sequence[ListedCharge | UnreadableCharge]:
            raise error

    kind = InMemoryGateway if isinstance(error, StorageUnavailable) else Failing
    world = World(gateway_type=kind)
    if kind is InMemoryGateway:
        world.failing.add("begin comparison")
    guard = guard_of(world)
    await guard.keep()
    assert "the books could not be compared with the gateway's" in caplog.text
    is_storage = isinstance(error, StorageUnavailable)
    with pytest.raises(StorageUnavailable if is_storage else GatewayUnavailable):
        await guard()
    assert not guard.holds(guard.books.generation)


async def test_the_identity_of_the_books_is_read_before_the_first_claim(world: World) -> None:
    read: list[str] = []

    class Reading(InMemoryBooks):
        async def identity(self) -> str:
            read.append("identity")
            return await super().identity()

    guard = guard_of(world)
    guard.books = Reading(world.database)
    await guard()
    assert read == ["identity"]


@pytest.mark.parametrize("end", ["fails", "is cancelled", "succeeds"])
async def test_a_comparison_that_nobody_waits_for_ends_silently(
    world: World, end: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(books_guard, "WAIT_SECONDS", 0.01)
    slow, guard = asyncio.Event(), guard_of(world)

    async def wait(step: str) -> None:
        if step == "begin comparison":
            await slow.wait()
            if end == "fails":
                raise ZeroDivisionError

    world.checkpoint = wait
    with pytest.raises(StorageUnavailable, match="being compared"):
        await guard()
    running = guard._running
    assert running is not None
    if end == "is cancelled":
        running.cancel()
    slow.set()
    await asyncio.wait([running])
    guard._running = running = None
    world.checkpoint = proceed
    await asyncio.sleep(0)
    gc.collect()
    assert not caplog.records
    assert guard.holds(guard.books.generation) is (end == "succeeds")


async def test_a_comparison_that_was_cancelled_is_not_waited_for_again(world: World) -> None:
    guard = guard_of(world)
    generation, running = guard.books.generation, asyncio.ensure_future(asyncio.Event().wait())
    running.cancel()
    await asyncio.wait([running])
    assert guard.is_worth_waiting(generation)
    guard.wait_no_more(generation, running)  # type: ignore[arg-type]
    assert not guard.is_worth_waiting(generation)


async def test_each_gateway_has_its_own_guard(world: World) -> None:
    world.add_gateway("other")
    use_cases = world.use_cases()
    guards = use_cases.books_guards
    gateways = tuple(use_cases.reconcile_regularly.gateways)
    assert [guards.of(each).compare.gateway for each in gateways] == list(gateways)
    assert guards.default is guards.of(gateways[0])
    with pytest.raises(LookupError, match="in_memory"):
        guards.of(next(iter(world.gateways)))


@pytest.mark.parametrize("trouble", ["fails", "is slow"])
async def test_another_gateway_is_waited_for_once_after_each_loss(
    world: World, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Other(InMemoryGateway):
        async def list_charges(self, since: datetime, until: datetime) -> Sequence[ListedCharge]:
            asked.append(trouble)
            if trouble == "is slow":
                await asyncio.Event().wait()
            raise GatewayUnavailable("busy")

    monkeypatch.setattr(books_guard, "WAIT_SECONDS", 0.05)
    world.add_gateway("other", Other)
    guards = world.use_cases().books_guards
    for _ in range(2):
        generation = guards.default.books.generation
        assert not guards.hold(guards.default, generation)
        for _ in range(2):
            assert await guards.compare(guards.default) == generation
            assert guards.hold(guards.default, generation)
        world.database.copy += 1
    assert asked == ([trouble] if trouble == "is slow" else [trouble] * 2)
    running = list(guards)[1]._running
    assert running is not None
    running.cancel()


@pytest.mark.parametrize("loss", ["before", "while it is asked", "database down"])
async def test_books_that_are_lost_while_another_gateway_is_asked_are_not_compared(
    world: World, loss: str
) -> None:
    listed = asyncio.Event()

    class Other(InMemoryGateway):
        async def list_charges(self, since: datetime, until: datetime) -> Sequence[ListedCharge]:
            await listed.wait()
            if loss == "while it is asked":
                world.database.copy += 1
            if loss == "database down":
                world.failing.add("advance mark")
            return await super().list_charges(since, until)

    world.add_gateway("other", Other)
    guards = world.use_cases().books_guards
    default, other = guards
    await default()
    if loss == "before":
        earlier = other.start()
        await asyncio.sleep(0)  # it begins
        assert not earlier.done()
        world.database.copy += 1
    asyncio.get_running_loop().call_later(0.01, listed.set)
    with suppress(StorageUnavailable):
        await guards.compare(default)
    assert not guards.hold(default, default.books.generation)
    loss = "none"
    world.failing.clear()
    assert guards.hold(default, await guards.compare(default))
    assert guards.hold(other, other.books.generation)


async def test_a_gateway_that_cannot_be_asked_stops_its_own_charges_only(world: World) -> None:
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    world.add_gateway("other")
    guards = world.use_cases().books_guards
    with pytest.raises(GatewayUnavailable):
        await guards.compare(guards.default)
    other = list(guards)[1]
    assert guards.hold(other, await guards.compare(other))


async def test_a_comparison_that_fails_at_each_step_is_repeated(world: World) -> None:
    guard = guard_of(world)
    for step in ("begin comparison", "list_charges", "advance mark"):
        world.checkpoint = FailAt(0, StorageUnavailable("down"), {step})
        await guard.keep()
        world.advance(seconds=10)
    await guard.keep()
    assert guard.holds(guard.books.generation)
