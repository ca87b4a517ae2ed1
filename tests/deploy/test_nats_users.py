"""Each process works with the rights of its own NATS user, and may do nothing else."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import nats.errors
import pytest
from attrs import frozen

from payments_kit.servers.processes import free_port
from tests.deploy.dockerfile import ROOT
from tests.deploy.nats_users import RIGHTS, SECONDS, GuardedNats, guarded_nats, rights_of
from tests.entrypoints.http.world import a_token
from tests.system.deployment import PAYMENTS
from tests.system.service_process import ServiceProcess, run_to_end
from tests.system.waiting import eventually

JWT_KEY: Final = "a-key-of-this-test-0123456789"
OPERATOR_KEY: Final = "an-operator-of-this-test-0123456789"


@frozen
class Shop:
    """The processes, each with its own NATS user, and a client of both."""

    nats: GuardedNats
    serve: ServiceProcess
    worker: ServiceProcess
    address: str
    variables: Mapping[str, str]

    def run(self, user: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with a user of NATS."""
        environment = {**self.variables, "NATS_URL": self.nats.url(user)}
        return run_to_end([PAYMENTS, *arguments], environment)

    async def ask(self, method: str, path: str, key: str, **body: str) -> tuple[int, Any]:
        """Send a request with a bearer token or key; return status and body."""
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, f"{self.address}{path}", json=body or None, headers=headers
            ) as response,
        ):
            return response.status, await response.json(content_type=None)


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with guarded_nats() as guarded, contextlib.ExitStack() as stack:
        port = free_port()
        variables = {
            "DATABASE_URL": database_url,
            "JWT_KEY": JWT_KEY,
            "OPERATOR_KEY": OPERATOR_KEY,
            "PAYMENT_GATEWAY": "fake",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WORKER_PORT": "0",
            "DRAIN_SECONDS": "0",
        }

        def process(name: str, ready: str) -> ServiceProcess:
            own = {**variables, "NATS_URL": guarded.url(f"payments-{name}")}
            made = ServiceProcess(name, [PAYMENTS, name], own, ready)
            stack.callback(made.close)
            made.begin_start()
            return made

        serve, worker = process("serve", "listening"), process("worker", "worker started")
        serve.wait_until_ready()
        worker.wait_until_ready()
        yield Shop(guarded, serve, worker, f"http://127.0.0.1:{port}", variables)


async def pay(shop: Shop, order_id: str) -> None:
    async def is_paid() -> None:
        token = a_token("customer", JWT_KEY)
        paid = await shop.ask("POST", "/api/payments", token, orderId=order_id, token="tok_visa")
        assert paid[0] == 201, paid

    await eventually(is_paid)


async def health_page(shop: Shop) -> str:
    """Sign in at the console, and return the page that shows the lag of the consumers."""
    jar = aiohttp.CookieJar(unsafe=True)  # of a host that is an address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.post(f"{shop.address}/ops/sign-in", data={"key": OPERATOR_KEY}):
            pass
        async with session.get(f"{shop.address}/ops/health") as page:
            return await page.text()


async def created_stream(shop: Shop, name: str) -> None:
    async def is_logged() -> None:
        assert f"created stream {name} for" in shop.worker.log, shop.worker.log_tail

    await eventually(is_logged)


@contextlib.asynccontextmanager
async def orders_service(shop: Shop) -> AsyncIterator[Any]:
    """Connect as the orders service, once the worker has created the stream of the orders."""
    await created_stream(shop, "ORDERS")
    async with shop.nats.connect("orders") as (client, refused):
        yield client.jetstream(timeout=SECONDS)
        assert refused == []


async def test_every_process_works_with_its_own_rights(shop: Shop) -> None:
    order = {"id": "order-1", "version": 0, "status": "created", "userId": "customer"}
    order |= {"expiresAt": "2100-01-01T00:00:00Z", "ticket": {"id": "ticket", "price": 10}}
    async with orders_service(shop) as jetstream:
        await jetstream.publish("order:created", json.dumps(order).encode())
        await jetstream.publish("order:created", b"malformed")
        await pay(shop, "order-1")
        await created_stream(shop, "PAYMENTS")
        created = await jetstream.pull_subscribe("payment:created", "orders", stream="PAYMENTS")
        [event] = await created.fetch(1, timeout=SECONDS)
        assert json.loads(event.data)["orderId"] == "order-1"
        await event.ack_sync(timeout=SECONDS)

    async def replayed() -> None:
        status, letters = await shop.ask("GET", "/api/operator/dead-letters", OPERATOR_KEY)
        assert (status, len(letters["items"])) == (200, 1), letters
        path = f"/api/operator/dead-letters/{letters['items'][0]['id']}/replay"
        assert (await shop.ask("POST", path, OPERATOR_KEY))[0] < 300

    await eventually(replayed)
    assert "payments-shipments" in await health_page(shop)
    listed = await asyncio.to_thread(shop.run, "payments-operator", "dead-letters", "list")
    assert "order:created" in listed.stdout, listed.stderr
    doctor = await asyncio.to_thread(shop.run, "payments-worker", "doctor")
    problems = [each for each in doctor.stdout.splitlines() if each.startswith("✗")]
    assert problems == [each for each in problems if "dead letter" in each], doctor.stdout
    for process in (shop.worker, shop.serve):
        assert "may not" not in process.log

    # What is not in the file is refused, and stays as it was.
    await assert_refused(shop, "payments-worker", "order:created", "$JS.API.STREAM.DELETE.ORDERS")
    await assert_refused(shop, "payments-worker", "$JS.API.STREAM.PURGE.PAYMENTS", "elsewhere")
    await assert_refused(shop, "payments-serve", "payment:created", "$JS.API.STREAM.NAMES")
    await assert_refused(shop, "payments-operator", "payment:created", "payments.dead-letters.x")
    await assert_refused(shop, "orders", "payment:created", "$JS.API.STREAM.DELETE.PAYMENTS")

    # `payments doctor` says what a user lacks, a line each.
    doctor = await asyncio.to_thread(shop.run, "payments-serve", "doctor")
    assert doctor.returncode == 1
    lacks = [each for each in doctor.stdout.splitlines() if "may not publish to" in each]
    assert lacks, doctor.stdout
    assert all(each.startswith("✗ nats") for each in lacks)


async def assert_refused(shop: Shop, user: str, *subjects: str) -> None:
    async with shop.nats.connect(user) as (client, refused):
        for subject in subjects:
            with contextlib.suppress(nats.errors.Error):
                await client.publish(subject, b"")
                await client.flush()

            async def is_reported(subject: str = subject) -> None:
                assert any(subject.lower() in each.lower() for each in refused), refused

            await eventually(is_reported)


def test_the_users_together_have_the_rights_of_the_one_user() -> None:
    """The file with one user for everything stays the same as the one with several."""
    one = (ROOT / "docs/examples/nats-least-rights.conf").read_text()
    least = {each.strip().strip('"') for each in one.splitlines() if each.strip().startswith('"')}
    creating = {
        "$JS.API.STREAM.NAMES",
        *(
            f"$JS.API.STREAM.CREATE.{name}"
            for name in ("ORDERS", "PAYMENTS", "PAYMENTS_DEAD_LETTERS")
        ),
    }
    several = {*rights_of("payments-worker"), *rights_of("payments-serve")} - creating
    assert several | {"_INBOX.>"} == least
    operator = set(rights_of("payments-operator"))
    delete = {"$JS.API.STREAM.MSG.DELETE.PAYMENTS_DEAD_LETTERS"}
    assert operator - set(rights_of("payments-serve")) == delete


@pytest.mark.parametrize(
    "file", sorted((ROOT / "deploy/nats").iterdir()), ids=lambda each: each.name
)
def test_no_user_may_delete_or_purge_a_stream(file: Path) -> None:
    text = file.read_text()
    assert "STREAM.DELETE" not in text
    assert "STREAM.PURGE" not in text
    assert '">"' not in RIGHTS
