"""Servers that are down or restart, processes that are deployed, and what customers see of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from domain.payment_status import PaymentStatus
from tests.system.api_client import NoResponse, Response
from tests.system.comparison import assert_promises_kept
from tests.system.service_process import ServiceProcess
from tests.system.shop_events import new_id
from tests.system.stripe_control import HELD
from tests.system.system import System
from tests.system.waiting import eventually


async def test_an_unreachable_database_gives_503_and_charges_nothing(system: System) -> None:
    order_id = await system.create_order()
    system.deployment.serve_database.refuse()
    unavailable = await system.api.pay(order_id)
    assert unavailable.status == 503, unavailable
    assert int(unavailable.headers["Retry-After"]) > 0
    assert (await system.api.get("/health/ready")).status == 503
    assert (await system.api.get("/health/live")).status == 200
    system.deployment.serve_database.heal()
    paid = await system.api.pay(order_id)
    assert paid.status == 201, paid
    assert (await system.api.get("/health/ready")).status == 200
    assert b"payments_http_requests_total" in (await system.api.get("/metrics")).content
    await assert_promises_kept(system, [order_id], [unavailable, paid])


async def test_a_database_restart_under_load_gives_503_and_nothing_worse(system: System) -> None:
    postgres = system.deployment.postgres

    async def restart(responses: list[Response]) -> None:
        for end in (postgres.stop, postgres.kill):
            await more(responses, 201, than=count(responses, 201))
            unavailable = count(responses, 503)
            await asyncio.to_thread(end)
            await more(responses, 503, than=unavailable)
            await asyncio.to_thread(postgres.start)
        await more(responses, 201, than=count(responses, 201))

    order_ids, responses = await under_load(system, restart, clients=6)
    statuses = {response.status for response in responses}
    assert {201, 503} <= statuses <= {201, 202, 404, 409, 503}, statuses
    await assert_promises_kept(system, order_ids, responses)


async def test_a_rolling_deployment_under_load_loses_no_request(system: System) -> None:
    async def redeploy(process: ServiceProcess) -> None:
        assert await asyncio.to_thread(process.stop) == 0
        await asyncio.to_thread(process.start)

    async def deploy(responses: list[Response]) -> None:
        for pair in zip(system.deployment.serve, system.deployment.worker, strict=True):
            await more(responses, 201, than=count(responses, 201))
            await asyncio.gather(*(redeploy(process) for process in pair))
        await more(responses, 201, than=count(responses, 201))

    order_ids, responses = await under_load(system, deploy, clients=2)
    statuses = {response.status for response in responses}
    assert statuses <= {201, 404, 409}, statuses
    await assert_promises_kept(system, order_ids, responses)


def count(responses: list[Response], status: int) -> int:
    return [each.status for each in responses].count(status)


async def more(responses: list[Response], status: int, than: int) -> None:
    """Wait until there are more responses of this status."""

    async def there_are() -> None:
        assert count(responses, status) > than

    await eventually(there_are)


async def under_load(
    system: System, action: Callable[[list[Response]], Awaitable[None]], clients: int
) -> tuple[list[str], list[Response]]:
    """Pay orders until the action has ended; clients change the process as a load balancer does."""
    order_ids: list[str] = []
    responses: list[Response] = []
    ended = asyncio.Event()

    async def pay(serve: int) -> None:
        while not ended.is_set():
            order_ids.append(await system.events.create_order())
            status = 404
            while status in (404, 503):
                try:
                    responses.append(await system.api.pay(order_ids[-1], serve=serve))
                    status = responses[-1].status
                except NoResponse:
                    serve = 1 - serve

    async def act() -> None:
        try:
            await action(responses)
        finally:
            ended.set()

    await asyncio.gather(act(), *(pay(number % 2) for number in range(clients)))
    return order_ids, responses


async def test_charges_in_flight_are_settled_before_serve_ends(system: System) -> None:
    waited_for, disconnected = await system.create_order(), await system.create_order()
    await system.stripe.add_fault(**HELD, times=2)
    paying = asyncio.create_task(system.api.pay(waited_for))
    disconnecting = asyncio.create_task(system.api.pay(disconnected))

    async def are_in_flight() -> None:
        for order_id in (waited_for, disconnected):
            assert await system.stripe.charge_keys(order_id)

    await eventually(are_in_flight)
    disconnecting.cancel()

    stopping = asyncio.create_task(asyncio.to_thread(system.deployment.serve[0].stop))

    async def is_stopping() -> None:
        with suppress(NoResponse):
            assert (await system.api.get("/health/ready")).status == 503

    await eventually(is_stopping)
    await system.stripe.release()
    assert await stopping == 0
    assert (await paying).status == 201
    for order_id in (waited_for, disconnected):
        [order] = await system.orders(order_id)
        assert order.payments[0].status is PaymentStatus.SUCCEEDED, "not left to recovery"
    await assert_promises_kept(system, [waited_for, disconnected], [await paying])


async def test_order_events_survive_crashes_of_broker_and_workers(system: System) -> None:
    deployment = system.deployment
    order_ids = [new_id("order") for _ in range(300)]
    await system.shorten_redelivery()

    async def publish() -> None:
        for order_id in order_ids:
            await system.events.create_order(order_id)

    async def crash() -> None:
        for worker in deployment.worker:
            for action in (worker.kill, deployment.nats.kill, deployment.nats.start, worker.start):
                await asyncio.to_thread(action)

    await asyncio.gather(publish(), crash())
    await system.wait_for_orders(*order_ids)
    await assert_promises_kept(system, order_ids)


async def test_events_that_the_broker_lost_can_be_published_again(system: System) -> None:
    order_id = await system.create_order()
    paid = await system.api.pay(order_id)
    await assert_promises_kept(system, [order_id], [paid])
    [before] = await system.events.payment_events([order_id])
    jetstream = await system.events.jetstream()
    await jetstream.delete_stream(await jetstream.find_stream_name_by_subject("payment:created"))

    done = await system.run_command("outbox", "republish", "--since", "2026-01-01T00:00:00")

    assert done.returncode == 0, done

    async def is_published() -> None:
        events = await system.events.payment_events([order_id])
        assert [(event.data, event.headers) for event in events] == [(before.data, before.headers)]

    await eventually(is_published)


async def test_dead_letters_are_listed_shown_and_replayed(system: System) -> None:
    order_id = new_id("order")
    event = {"id": order_id, "version": 0, "status": "created", "userId": "u", "ticket": {}}
    await system.events.publish("order:created", event, {"X-From": "orders"})

    async def is_dead_letter() -> int:
        letters = await system.events.dead_letters()
        assert any(order_id.encode() in letter.data for letter in letters)
        return len(letters)

    count = await eventually(is_dead_letter)
    listed = await system.run_command("dead-letters", "list", "--limit", "10000")
    newest = listed.stdout.splitlines()[-1]
    assert "order:created" in newest
    assert "price" in newest
    number = newest.split()[0]
    shown = await system.run_command("dead-letters", "show", number)
    assert json.dumps(event) in shown.stdout
    assert "X-From: orders" in shown.stdout
    replayed = await system.run_command("dead-letters", "replay", number)
    assert (replayed.returncode, replayed.stdout) == (0, "replayed 1\n")
    replayed = await system.run_command("dead-letters", "replay", "--all")
    assert (replayed.returncode, replayed.stdout) == (0, f"replayed {count}\n")
    unknown = await system.run_command("dead-letters", "show", "999999")
    assert (unknown.returncode, unknown.stdout) == (1, "")

    async def all_are_processed() -> None:
        jetstream = await system.events.jetstream()
        stream = await jetstream.find_stream_name_by_subject("order:created")
        consumer = await jetstream.consumer_info(stream, "payments")
        assert (consumer.num_pending, consumer.num_ack_pending) == (0, 0)

    await eventually(all_are_processed)
    assert len(await system.events.dead_letters()) == count, "a replay adds no dead letter"
    await assert_promises_kept(system, [order_id])


async def test_an_empty_database_becomes_healthy_by_migrating_it(system: System) -> None:
    url = system.deployment.postgres.create_database(new_id("empty"))
    # Streams of its own: the others have the dead letters of other tests.
    installation = {"DATABASE_URL": url, "NATS_SUBJECT_PREFIX": "empty"}
    unmigrated = await system.run_command("doctor", **installation)
    assert (unmigrated.returncode, unmigrated.stdout.count("✗ database")) == (1, 1), unmigrated
    migrated = [await system.run_command("migrate", **installation) for _ in range(2)]
    assert [done.returncode for done in migrated] == [0, 0], migrated
    assert migrated[0].stdout == migrated[1].stdout
    healthy = await system.run_command("doctor", **installation)
    assert healthy.returncode == 0, healthy
    assert "✗" not in healthy.stdout
    for name in ("configuration", "database", "nats", "gateway"):
        assert f"✓ {name}" in healthy.stdout
