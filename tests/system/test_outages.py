"""What users notice when a part is away, restarts or dies; and of deployments."""

import asyncio
import json

from tests.system.comparison import holds
from tests.system.customers import Answer, NoAnswer
from tests.system.shop import Shop, new_name, of_kind
from tests.system.site import Runtime
from tests.system.waiting import until

# What a deployment waits before it kills (Kubernetes' default).
GRACE_SECONDS = 30.0


async def test_without_nats_orders_are_paid_and_announced_later(runtime: Runtime) -> None:
    user = new_name("user")
    order_ids = [await runtime.order(user) for _ in range(5)]
    await asyncio.to_thread(runtime.site.nats.kill)
    answers = [
        await runtime.customers.pay(order_id, user, replica=number % 2)
        for number, order_id in enumerate(order_ids)
    ]
    assert [answer.status for answer in answers] == [201] * 5
    await asyncio.to_thread(runtime.site.nats.start)
    await holds(runtime, order_ids, answers)


async def test_a_broker_that_lost_everything_is_told_again(runtime: Runtime) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    paid = await runtime.customers.pay(order_id, user)
    await holds(runtime, [order_id], [paid])
    [before] = of_kind("payment:created", await runtime.shop.heard([order_id]))
    jetstream = (await runtime.shop.client()).jetstream()
    await jetstream.delete_stream(await jetstream.find_stream_name_by_subject("payment:created"))

    done = runtime.site.run("outbox", "republish", "--since", "2026-01-01T00:00:00")

    assert done.code == 0, done

    async def is_back() -> None:
        heard = of_kind("payment:created", await runtime.shop.heard([order_id]))
        assert [(each.data, each.headers) for each in heard] == [(before.data, before.headers)]

    await until(is_back)


async def test_a_database_restart_under_load_gives_503s_and_nothing_worse(runtime: Runtime) -> None:
    user = new_name("user")
    restarted = asyncio.Event()
    order_ids: list[str] = []
    answers: list[Answer] = []

    async def load(replica: int) -> None:
        while not restarted.is_set():
            order_id = await runtime.shop.order(user)
            order_ids.append(order_id)
            while True:
                answer = await runtime.customers.pay(order_id, user, replica=replica)
                answers.append(answer)
                if answer.status in (201, 202, 409):
                    break
                assert answer.status in (404, 503), answer

    async def restart() -> None:
        for way in (runtime.site.postgres.restart, crash):
            await asyncio.sleep(0.3)  # a little load between
            await asyncio.to_thread(way)
        await asyncio.sleep(0.3)
        restarted.set()

    def crash() -> None:
        runtime.site.postgres.kill()
        runtime.site.postgres.start()

    await asyncio.gather(restart(), *(load(number % 2) for number in range(6)))
    await holds(runtime, order_ids, answers)
    assert {201, 503} <= {answer.status for answer in answers}, "both were seen"


async def test_a_charge_under_way_is_finished_before_serve_ends(runtime: Runtime) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    await runtime.gateway.fail("slow", seconds=3)
    paying = asyncio.create_task(runtime.customers.pay(order_id, user))
    await runtime.gateway.struck("slow")
    serve = runtime.site.serve[0]

    serve.terminate()

    assert (await paying).status == 201
    assert await asyncio.wait_for(asyncio.to_thread(serve.await_end), GRACE_SECONDS) == 0
    await holds(runtime, [order_id], [await paying])


async def test_a_charge_whose_customer_hung_up_is_finished_before_serve_ends(
    runtime: Runtime,
) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    await runtime.gateway.fail("slow", seconds=3)
    paying = asyncio.create_task(runtime.customers.pay(order_id, user))
    await runtime.gateway.struck("slow")
    paying.cancel()
    serve = runtime.site.serve[0]

    assert await asyncio.wait_for(asyncio.to_thread(serve.stop), GRACE_SECONDS) == 0

    [payment] = (await runtime.bill(order_id)).payments
    assert payment.status.value == "succeeded", "and not left to recovery"
    await holds(runtime, [order_id])


async def test_rolling_deployments_under_load_lose_nothing(runtime: Runtime) -> None:
    user = new_name("user")
    deployed = asyncio.Event()
    order_ids: list[str] = []
    answers: list[Answer] = []

    async def load(replica: int) -> None:
        while not deployed.is_set():
            order_id = await runtime.shop.order(user)
            order_ids.append(order_id)
            while True:
                try:
                    answer = await runtime.customers.pay(order_id, user, replica=replica)
                except NoAnswer:
                    replica = 1 - replica  # as a load balancer does
                    continue
                answers.append(answer)
                if answer.status != 404:
                    break
            assert answer.status in (201, 409), answer

    async def deploy() -> None:
        for replica in (*runtime.site.serve, *runtime.site.worker):
            assert await asyncio.to_thread(replica.stop) == 0
            await asyncio.to_thread(replica.start)
        deployed.set()

    await asyncio.gather(deploy(), load(0), load(1))
    await holds(runtime, order_ids, answers)
    assert len([answer for answer in answers if answer.status == 201]) > 10


async def test_events_survive_the_death_of_broker_and_worker(runtime: Runtime) -> None:
    user = new_name("user")
    order_ids = [new_name("order") for _ in range(300)]

    async def publish() -> None:
        for order_id in order_ids:
            await runtime.shop.order(user, order_id=order_id)

    async def destroy() -> None:
        for worker in runtime.site.worker:
            await asyncio.to_thread(worker.kill)
            await asyncio.to_thread(runtime.site.nats.kill)
            await asyncio.to_thread(runtime.site.nats.start)
            await asyncio.to_thread(worker.start)

    await asyncio.gather(publish(), destroy())
    await runtime.known(*order_ids)
    await holds(runtime, order_ids)


async def test_a_bad_event_holds_up_nothing_and_loses_nothing(runtime: Runtime) -> None:
    user, bad = new_name("user"), new_name("bad")
    publishing = Shop(runtime.site.nats.url)
    for number in range(50):
        await publishing.order(user, order_id=f"{bad}-{number}")
        body = {"id": f"{bad}-poison-{number}", "version": -1}
        await publishing.publish("order:created", json.dumps(body).encode())
    await publishing.close()
    await runtime.known(*(f"{bad}-{number}" for number in range(50)))

    async def all_are_buried() -> None:
        letters = await runtime.shop.messages("payments.dead-letters.>")
        assert sum(bad.encode() in letter.data for letter in letters) == 50

    await until(all_are_buried)
