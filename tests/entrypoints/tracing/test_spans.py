"""Which spans there are, and what they say, without servers."""

import asyncio
import contextlib
from datetime import timedelta

import httpx
import pytest
from attrs import asdict, evolve

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.messaging.in_memory import InMemoryPublisher
from adapters.messaging.wire import Message
from adapters.persistence.sql.observed_database import MAX_SUMMARY, Query
from application.ports.event_publisher import BrokerUnavailable
from application.ports.gateway_captures import GatewayCaptures
from application.ports.gateway_history import GatewayHistory
from application.ports.gateway_movements import GatewayMovements
from application.ports.gateway_records import GatewayRecords
from application.ports.gateways import Gateways
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.pay_order import PayOrder
from entrypoints.http.app import create_app
from entrypoints.trace_context import current_traceparent
from entrypoints.tracing.spans import MAX_KEPT, MAX_TEXT, shown
from entrypoints.worker.loops import Loop
from tests.builders import ORDER, PAYER
from tests.entrypoints.http.world import HttpWorld, pay
from tests.entrypoints.tracing.recorded import Recorded, attributes, is_ok, trace_of
from tests.entrypoints.tracing.shop import TRACE, TRACEPARENT
from tests.world import DECLINED, AtOnceGateway, World

SQL = "SELECT orders"
UNSAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


@pytest.fixture
def recorded() -> Recorded:
    return Recorded.new()


def read(recorded: Recorded, *, commits: bool = False, error: Exception | None = None) -> None:
    """Execute a statement."""
    with recorded.tracing.statement({}, SQL, "SELECT", commits=commits):
        if error is not None:
            raise error


def test_a_run_that_does_nothing_is_not_recorded(recorded: Recorded) -> None:
    with recorded.tracing.run("relay") as run:
        read(recorded)
        run.done(0)
    assert recorded.spans == []


def test_a_run_is_recorded_with_its_first_statements_if_it_has_done_something(
    recorded: Recorded,
) -> None:
    with recorded.tracing.run("relay") as run:
        for _ in range(MAX_KEPT + 5):
            read(recorded)
        run.done(3)
    assert recorded.names == [SQL] * MAX_KEPT + ["relay"]
    relay = recorded.one("relay")
    assert attributes(relay) == {"payments.done": 3}
    assert [each.parent for each in recorded.spans] == [relay.context] * MAX_KEPT + [None]


def test_a_run_is_recorded_if_it_commits_or_fails(recorded: Recorded) -> None:
    with recorded.tracing.run("recover") as run:
        read(recorded, commits=True)
        run.done(0)
    with recorded.tracing.run("retention") as run:
        run.failed(StorageUnavailable("postgresql://user:secret@db is down"))
    assert recorded.names == [SQL, "recover", "retention"]
    failed = recorded.one("retention")
    assert not is_ok(failed)
    assert failed.status.description == "postgresql://<redacted>@db is down"


def test_a_statement_has_a_span_only_within_a_trace_and_a_conflict_is_no_error(
    recorded: Recorded,
) -> None:
    read(recorded)
    with recorded.tracing.run("recover"):
        with pytest.raises(Conflict):
            read(recorded, commits=True, error=Conflict("another process was faster"))
        with pytest.raises(StorageUnavailable):
            read(recorded, error=StorageUnavailable("x" * 10_000))
    conflict, failure, _ = recorded.spans
    assert is_ok(conflict)
    assert attributes(conflict)["payments.outcome"] == "conflict"
    assert not is_ok(failure)
    assert failure.status.description == "x" * MAX_TEXT


def test_a_secret_at_the_end_of_a_text_is_removed_before_the_text_is_cut() -> None:
    start = "x" * (MAX_TEXT - 30)
    assert shown(f"{start} nats://payments:correct-horse@nats") == f"{start} nats://<redacted>@nats"


def test_a_statement_is_told_as_its_operations_and_tables() -> None:
    text = "WITH a AS (UPDATE orders SET id = $1), b AS (INSERT INTO outbox VALUES ('tok_visa'))"
    assert Query.of(f"{text} SELECT 1 FROM a, b") == Query("UPDATE orders INSERT outbox", "UPDATE")
    assert Query.of("SELECT * FROM orders JOIN payments ON true") == Query(
        "SELECT orders payments", "SELECT"
    )
    assert Query.of("SELECT version()") == Query("SELECT", "SELECT")
    assert len(Query.of("SELECT 1 FROM orders " * 1000).summary) <= MAX_SUMMARY


async def test_a_loop_logs_and_publishes_in_the_trace_of_its_run(recorded: Recorded) -> None:
    seen, stop = list[str | None](), asyncio.Event()

    async def run_once() -> int:
        seen.append(current_traceparent())
        stop.set()
        return 1

    await Loop("deferred", run_once, trace=recorded.tracing.run).run(stop)
    assert [each and each[3:35] for each in seen] == [trace_of(recorded.one("deferred"))]
    assert current_traceparent() is None


async def test_recovery_is_a_trace_from_the_gateway_to_the_event(recorded: Recorded) -> None:
    world, stop = World(), asyncio.Event()
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    world.advance(minutes=1)
    traced = recorded.tracing.gateway(world.gateway, "https://api.example.com")
    use_cases = world.use_cases(gateways=Gateways.only(traced))

    async def recover() -> int:
        stop.set()
        return await use_cases.recover_payments.run_once()

    await Loop("recover", recover, trace=recorded.tracing.run).run(stop)
    find, run = recorded.one("in_memory find"), recorded.one("recover")
    assert find.parent == run.context
    assert attributes(find) == {
        "payments.gateway": "in_memory",
        "payments.operation": "find",
        "payments.order_id": ORDER,
        "payments.payment_id": world.order().payments[0].id,
        "payments.outcome": "charged",
        "server.address": "api.example.com",
        "server.port": 443,
    }
    [entry] = await world.use_cases().relay_outbox.outbox.take("relay", timedelta(seconds=1), 9)
    assert (entry.traceparent or "")[3:35] == trace_of(run)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (GatewayFaultKind.UNREACHABLE, "GatewayUnavailable"),
        (GatewayFaultKind.REPLY_LOST, "OutcomeUnknown"),
        (None, None),
    ],
)
async def test_a_call_is_an_error_if_nobody_knows_its_outcome_and_not_if_it_is_declined(
    recorded: Recorded, fault: GatewayFaultKind | None, kind: str | None
) -> None:
    world = World()
    await world.create_order()
    traced = recorded.tracing.gateway(world.gateway, None)
    use_cases = world.use_cases(gateways=Gateways.only(traced))
    if fault is not None:
        world.faults.add("charge", fault)
    with contextlib.suppress(GatewayUnavailable):
        await use_cases.create_charge(PayOrder(ORDER, PAYER, DECLINED))
    call = recorded.one("in_memory charge")
    assert attributes(call).get("error.type") == kind
    assert is_ok(call) == (kind is None)
    assert "tok_" not in call.to_json()


def test_a_traced_gateway_can_do_what_the_gateway_can_do(recorded: Recorded) -> None:
    for gateway in (World().gateway, World(gateway_type=AtOnceGateway).gateway):
        traced = recorded.tracing.gateway(gateway, None)
        for each in (GatewayCaptures, GatewayHistory, GatewayMovements, GatewayRecords):
            ours, theirs = (
                {name for name, value in asdict(each.of(of)).items() if value is None}
                for of in (traced, gateway)
            )
            assert ours == theirs


async def test_requests_have_spans_and_probes_have_none(recorded: Recorded) -> None:
    world = HttpWorld()
    await world.create_order()
    async with client(world, recorded) as service:
        paid = await pay(service)
        await service.get("/health/live")
        await service.get("/metrics")
        await service.get(f"/api/payments/{paid.json()['id']}")
        await service.request("BREW", "/secret/path")
        world.failing.add("database")
        await pay(service)
    charge, show, brew, failed = recorded.spans
    assert charge.name == "POST /api/payments"
    assert (
        attributes(charge).items()
        >= {
            "http.request.method": "POST",
            "http.route": "/api/payments",
            "http.response.status_code": 201,
            "url.path": "/api/payments",
            "url.scheme": "http",
            "payments.order_id": ORDER,
            "payments.payment_id": paid.json()["id"],
        }.items()
    )
    assert show.name == "GET /api/payments/{payment_id}"
    assert (brew.name, attributes(brew)["http.request.method"]) == ("HTTP", "_OTHER")
    assert "secret" not in brew.to_json()
    assert [is_ok(each) for each in (charge, show, brew, failed)] == [True, True, True, False]
    assert attributes(failed)["error.type"] == "503"


async def test_a_trace_that_its_client_does_not_record_is_not_recorded_here(
    recorded: Recorded,
) -> None:
    world = HttpWorld()
    await world.create_order()
    async with client(world, recorded) as service:
        await pay(service, headers={"traceparent": UNSAMPLED})
        accept = {"accept": "application/openmetrics-text"}
        metrics = (await service.get("/metrics", headers=accept)).text
    await published(world, recorded)
    assert recorded.spans == []
    assert "trace_id" not in metrics
    [event] = [each.message for each in world.broker.log]
    assert event.headers["traceparent"][3:35] == UNSAMPLED[3:35]
    assert event.headers["traceparent"].endswith("-00")


async def test_an_event_that_is_not_stored_is_an_error(recorded: Recorded) -> None:
    world = HttpWorld()
    await world.create_order()
    async with client(world, recorded) as service:
        await pay(service)
    world.failing.add("broker")
    with pytest.raises(BrokerUnavailable):
        await published(world, recorded)
    sent = recorded.one("send shop.payment:created")
    assert attributes(sent)["error.type"] == "BrokerUnavailable"
    assert trace_of(sent) == trace_of(recorded.one("POST /api/payments"))


async def test_a_delivery_is_an_error_unless_it_is_acknowledged(recorded: Recorded) -> None:
    world = World()
    for number in range(3):
        headers = {"traceparent": TRACEPARENT, "Nats-Msg-Id": f"id-{number}"}
        world.broker.store(Message("order:created", b"{}", headers))
    subscription = world.broker.subscribe("payments", "order:created")
    events = recorded.tracing.events(subscription, lambda subject: f"shop.{subject}")
    first, second, third = await events.fetch(10, timedelta(0))
    assert recorded.spans == []
    await first.ack()
    await second.retry(timedelta(seconds=1))
    await third.dead_letter("ticket.price: must be a number")
    kinds = [attributes(each).get("error.type") for each in recorded.spans]
    assert kinds == [None, "retried", "dead_letter"]
    assert {each.name for each in recorded.spans} == {"process shop.order:created"}
    assert {trace_of(each) for each in recorded.spans} == {TRACE}
    assert first.headers["traceparent"] == TRACEPARENT


async def test_a_delivery_that_cannot_be_ended_has_a_span_that_ends(recorded: Recorded) -> None:
    world = World()
    for _ in range(3):
        world.broker.store(Message("order:created", b"{}", {}))
    subscription = world.broker.subscribe("payments", "order:created")
    events = recorded.tracing.events(subscription, str)
    first, second, third = await events.fetch(10, timedelta(0))
    world.failing.add("broker")
    for ending in (first.ack(), second.retry(timedelta(seconds=1)), third.dead_letter("malformed")):
        with pytest.raises(BrokerUnavailable):
            await ending
    assert len(recorded.spans) == 3


def client(world: HttpWorld, recorded: Recorded) -> httpx.AsyncClient:
    """Return a client of a service whose requests have spans."""
    dependencies = evolve(world.dependencies(), tracing=recorded.tracing.requests())
    transport = httpx.ASGITransport(create_app(dependencies))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://payments.test")


async def published(world: World, recorded: Recorded) -> None:
    """Publish the events of the outbox."""
    publisher = recorded.tracing.publisher(
        InMemoryPublisher(world.broker), lambda subject: f"shop.{subject}"
    )
    await evolve(world.use_cases().relay_outbox, publisher=publisher).run_once()
