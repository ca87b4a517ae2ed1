"""The doctor's results: one line for each check."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve, frozen

from adapters.gateways.in_memory import InMemoryGateway
from adapters.messaging.in_memory import InMemoryDeadLetters
from adapters.messaging.wire import Message
from application.ports.alerts import AlertKind
from application.ports.backlog import Backlog, BacklogItem, BacklogKind, GatewayBacklog
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.unit_of_work import StorageUnavailable
from domain.payment_status import PaymentStatus
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.monitoring.doctor import CheckResult, Doctor
from tests.entrypoints.monitoring.test_problems import BUSY, DAY, an_item
from tests.world import World


@frozen
class Dependencies:
    """The database and the broker as the doctor sees them."""

    problems: Sequence[str] = ()
    backlog: Backlog = BUSY
    server: str = "15.4"
    revision: str | None = "0007"
    is_down: bool = False
    waiting: Sequence[GatewayBacklog] = ()

    async def check_database(self) -> "Dependencies":
        if self.is_down:
            raise StorageUnavailable("down")
        return self

    async def read(self) -> Backlog:
        return self.backlog

    async def count_at_gateways(self) -> Sequence[GatewayBacklog]:
        return self.waiting

    async def find_oldest(self, limit: int) -> Sequence[BacklogItem]:
        items = [an_item(BacklogKind.EVENT_PARKED, DAY)]
        return items[:limit] if self.backlog.events_parked else []

    async def check_broker(self) -> Sequence[CheckResult]:
        return [CheckResult("", True, "connected")]


HEALTHY = [
    ("database", True, "PostgreSQL 15.4, schema 0007"),
    ("clock", True, "+0.000 s from the database's"),
]
OTHERS = [
    ("nats", True, "connected"),
    ("dead letters", True, "0, none of them recent"),
    (
        *("gateway", True),
        "fake is ready; it lists no charges, so that a database that is behind is noticed late",
    ),
]

Results = list[tuple[str, bool, str]]


async def check(it: Dependencies, world: World | None = None, ahead: float = 0) -> Results:
    world = world or World()
    watch = ClockWatch(
        "host-1", lambda: world.now() + timedelta(seconds=ahead), world.now, world.alerts
    )
    letters = InMemoryDeadLetters(world.broker)
    gateway = world.gateway
    doctor = Doctor(
        it.check_database,
        it,
        world.alerts,
        watch,
        letters,
        it.check_broker,
        Gateways((ConfiguredGateway(gateway, "fake"),)),
        (gateway,),
    )
    return [(each.name, each.ok, each.text) for each in await doctor.check()]


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        (Dependencies(), HEALTHY),
        (
            Dependencies(["old", "empty"]),
            [("database", False, "old"), ("database", False, "empty")],
        ),
        (Dependencies(is_down=True), [("database", False, "down")]),
    ],
    ids=["healthy", "problems", "unreachable"],
)
async def test_each_check_and_each_problem_is_one_result(
    dependencies: Dependencies, expected: Results
) -> None:
    assert await check(dependencies) == [*expected, *OTHERS]


async def test_a_gateway_that_lists_its_charges_is_only_ready() -> None:
    world = World(gateway_type=InMemoryGateway)
    *_, gateway = await check(Dependencies(), world)
    assert gateway == ("gateway", True, "fake is ready")


async def test_what_needs_attention_is_named_with_what_to_do() -> None:
    [*healthy, (name, is_ok, text), nats, letters, gateway] = await check(
        Dependencies(backlog=evolve(BUSY, events_parked=1))
    )
    assert (healthy, [nats, letters, gateway]) == (HEALTHY, OTHERS)
    assert (name, is_ok) == ("attention", False)
    assert text.startswith("parked event id-1 of order parent-1")
    assert text.endswith("(docs/runbook.md#event_parked)")


async def test_pending_payments_are_counted_and_no_problem() -> None:
    backlog = evolve(
        BUSY, unfinished={PaymentStatus.PENDING: 2}, oldest_pending=timedelta(days=6, hours=5)
    )
    results = await check(Dependencies(backlog=backlog))
    assert ("payments", True, "2 pending, the oldest for 6 days") in results
    assert all(is_ok for _, is_ok, _ in results)


async def test_authorized_payments_are_counted_and_no_problem() -> None:
    backlog = evolve(BUSY, unfinished={PaymentStatus.AUTHORIZED: 1_200})
    results = await check(Dependencies(backlog=backlog))
    assert ("payments", True, "1,200 authorized and not captured yet") in results
    assert all(is_ok for _, is_ok, _ in results)


async def test_an_alert_of_any_process_is_a_line() -> None:
    world = World()
    await world.alerts.report(AlertKind.GATEWAY_REFUSAL, "stripe", "account closed")
    [*_, (name, is_ok, text), _, _, _] = await check(Dependencies(), world)
    assert (name, is_ok) == ("attention", False)
    assert text.startswith("gateway refusal: stripe: account closed (since ")


async def test_a_clock_that_differs_from_the_databases_is_a_line() -> None:
    [_, (name, is_ok, text), *_] = await check(Dependencies(), ahead=-600)
    assert (name, is_ok) == ("clock", False)
    assert text.startswith("the clock of host-1 is 600 s behind the database's: synchronize")


async def test_dead_letters_are_a_line_while_they_are_recent() -> None:
    world = World()
    world.broker.store(Message("order:created", b"{", {}))
    [event] = await world.broker.subscribe("payments", "order:created").fetch(1, timedelta(0))
    await event.dead_letter("not JSON")
    [*_, (name, is_ok, text), _] = await check(Dependencies(), world)
    assert (name, is_ok) == ("dead letters", False)
    assert text.startswith("1 dead letters, the newest of 20")
    world.advance(hours=8 * 24)
    [*_, line, _] = await check(Dependencies(), world)
    assert line == ("dead letters", True, "1, none of them recent")


async def test_a_gateway_that_payments_wait_at_and_the_settings_lack_is_named() -> None:
    waiting = [
        GatewayBacklog("in_memory", False, 7),
        GatewayBacklog("in_memory", True, 1_200),
        GatewayBacklog("paypal", False, 3),
    ]
    results = await check(Dependencies(waiting=waiting))
    assert [
        text.partition(":")[0] for name, ok, text in results if name == "gateway" and not ok
    ] == [
        "1,200 payments wait at in_memory (live mode), which is not configured",
        "3 payments wait at paypal (test mode), which is not configured",
    ]
