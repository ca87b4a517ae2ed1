"""BooksGuard: when the books are compared, and who waits for it."""

import asyncio
import gc
from collections.abc import Sequence
from datetime import datetime

import pytest

from adapters.gateways.in_memory import InMemoryGateway
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


async def test_each_gateway_has_its_own_guard(world: World) -> None:
    world.add_gateway("other")
    use_cases = world.use_cases()
    guards = use_cases.books_guards
    gateways = tuple(use_cases.reconcile_regularly.gateways)
    assert [guards.of(each).compare.gateway for each in gateways] == list(gateways)
    assert guards.default is guards.of(gateways[0])
    with pytest.raises(LookupError, match="in_memory"):
        guards.of(next(iter(world.gateways)))


async def test_a_comparison_that_fails_at_each_step_is_repeated(world: World) -> None:
    guard = guard_of(world)
    for step in ("begin comparison", "list_charges", "advance mark"):
        world.checkpoint = FailAt(0, StorageUnavailable("down"), {step})
        await guard.keep()
        world.advance(seconds=10)
    await guard.keep()
    assert guard.holds(guard.books.generation)
