"""PostgreSQL with a synchronous standby: the primary becomes read-only, freezes or is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import aiohttp
import pytest
from attrs import frozen

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.migrate import migrate
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.postgres_standby import PRIMARY_SETTINGS, SYNCHRONOUS, LocalStandby
from payments_kit.servers.processes import free_port
from tests.builders import an_order, created_event
from tests.contracts.storages import storage_on
from tests.system.api_client import RESPONSE_SECONDS, ApiClient
from tests.system.deployment import JWT_KEY, OPERATOR_KEY, PAYMENTS
from tests.system.proxies import Proxy, proxy_thread
from tests.system.service_process import ServiceProcess
from tests.system.waiting import eventually

USER = "user-1"

# Enough that every connection of the pool is open and has been used.
CUSTOMERS = 8


@frozen
class Cluster:
    """A primary, its standby, and one `serve` process whose URL names both."""

    primary: LocalPostgres
    standby: LocalStandby
    to_primary: Proxy
    to_standby: Proxy
    api: ApiClient

    async def create_orders(self, server: LocalPostgres, *order_ids: str) -> None:
        engine = create_engine(server.url_of("shop"), 1)
        try:
            orders = (an_order(replica=created_event(order_id)) for order_id in order_ids)
            await storage_on(Database(engine)).save(*orders)
        finally:
            await engine.dispose()

    async def pay(self, *order_ids: str) -> list[int]:
        """Pay for these orders at the same time; return the statuses."""
        responses = await asyncio.gather(*(self.api.pay(each) for each in order_ids))
        return [response.status for response in responses]

    async def is_ready(self) -> bool:
        return (await self.api.get("/health/ready")).status == 200


@contextmanager
def servers() -> Iterator[tuple[LocalPostgres, LocalStandby]]:
    with LocalPostgres(fsync=False, settings=PRIMARY_SETTINGS) as primary:
        migrate(primary.create_database("shop"))
        with LocalStandby(primary) as standby:
            primary.execute(
                "ALTER SYSTEM SET synchronous_standby_names ="
                f" '{SYNCHRONOUS['synchronous_standby_names']}'"
            )
            primary.execute("SELECT pg_reload_conf()")
            yield primary, standby


@asynccontextmanager
async def serving(primary: Proxy, standby: Proxy, database_url: str) -> AsyncIterator[ApiClient]:
    parts, port = urlsplit(database_url), free_port()
    user = parts.netloc.rpartition("@")[0]
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    environment = {
        "DATABASE_URL": parts._replace(netloc=f"{user}@{hosts}").geturl(),
        "NATS_URL": "nats://127.0.0.1:1",
        "JWT_KEY": JWT_KEY,
        "PAYMENT_GATEWAY": "fake",
        "OPERATOR_KEY": OPERATOR_KEY,
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    process = ServiceProcess("serve", [PAYMENTS, "serve"], environment, ready="listening")
    try:
        await asyncio.to_thread(process.start)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=RESPONSE_SECONDS)
        ) as session:
            address = f"http://127.0.0.1:{port}"
            yield ApiClient(session, [address], JWT_KEY, OPERATOR_KEY, USER)
        assert "Traceback" not in process.log, process.log_tail
    finally:
        await asyncio.to_thread(process.close)


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    with servers() as (primary, standby), proxy_thread() as open_proxy:
        proxies = open_proxy(primary.port), open_proxy(standby.port)
        async with serving(*proxies, primary.url_of("shop")) as api:
            yield Cluster(primary, standby, *proxies, api)


def numbered(prefix: str) -> list[str]:
    return [f"{prefix}-{number}" for number in range(CUSTOMERS)]


async def assert_paid_soon(cluster: Cluster, server: LocalPostgres, prefix: str) -> None:
    """Assert that customers can pay again without a restart, and are charged once each."""
    order_ids = numbered(prefix)
    await cluster.create_orders(server, *order_ids)

    async def all_are_paid() -> None:
        statuses = await cluster.pay(*order_ids)
        assert set(statuses) <= {201, 409}, statuses  # 409: paid by an earlier attempt
        assert await cluster.is_ready()

    await eventually(all_are_paid)


async def test_a_switchover_with_open_sessions_heals_by_itself(cluster: Cluster) -> None:
    await cluster.create_orders(cluster.primary, *numbered("before"))
    assert set(await cluster.pay(*numbered("before"))) == {201}

    cluster.primary.set_read_only(True)

    statuses = await cluster.pay(*numbered("unknown"))
    assert set(statuses) <= {404, 503}

    async def is_unready() -> None:
        assert not await cluster.is_ready()

    await eventually(is_unready)
    cluster.standby.promote()
    await assert_paid_soon(cluster, cluster.standby, "after")


async def test_a_frozen_primary_is_left_for_its_standby(cluster: Cluster) -> None:
    await cluster.create_orders(cluster.primary, *numbered("before"))
    assert set(await cluster.pay(*numbered("before"))) == {201}

    cluster.to_primary.hold()
    cluster.standby.promote()

    await assert_paid_soon(cluster, cluster.standby, "after")


async def test_what_was_paid_before_a_crash_of_the_primary_stays_paid(cluster: Cluster) -> None:
    order_ids = numbered("before")
    await cluster.create_orders(cluster.primary, *order_ids)
    assert set(await cluster.pay(*order_ids)) == {201}

    cluster.primary.kill()
    cluster.standby.promote()

    async def are_still_paid() -> None:
        assert set(await cluster.pay(*order_ids)) == {409}

    await eventually(are_still_paid)
    await assert_paid_soon(cluster, cluster.standby, "after")
