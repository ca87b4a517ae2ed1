"""docs/how-to/upgrade.md: its commands, while a process of the old version works."""

import asyncio
import contextlib
import json
import os
import shlex
import subprocess
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import asyncpg

from domain.payment_status import PaymentStatus
from payments_kit.servers.processes import free_port
from tests.adapters.persistence.release_1_0_0rc1 import OldProcess, create_schema
from tests.deploy.guide import blocks
from tests.system.deployment import PAYMENTS
from tests.system.service_process import ServiceProcess, run_to_end
from tests.system.waiting import eventually

PAGE: Final = "upgrade.md"


def environment(database_url: str, nats_url: str, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "JWT_KEY": "a-key-of-this-test-0123456789",
        "PAYMENT_GATEWAY": "fake",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DRAIN_SECONDS": "0",
    }


@contextlib.asynccontextmanager
async def working(database_url: str) -> AsyncIterator[list[int]]:
    """Work as the old version until the block ends; yield the numbers of its runs."""
    connection = await asyncpg.connect(database_url)
    process, done, stop = OldProcess(connection), list[int](), asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            await process.work(len(done))
            done.append(len(done))

    task = asyncio.create_task(work())
    try:
        yield done
    finally:
        stop.set()
        try:
            await task
        finally:
            await connection.close()


async def test_both_versions_work_during_an_upgrade(empty_database_url: str, nats_url: str) -> None:
    commands = [each for block in blocks(PAGE, "sh") for each in block.splitlines()]
    assert commands == ["payments migrate", "payments migrate", "payments doctor"]
    expand, contract, look = commands
    await create_schema(empty_database_url)
    port = free_port()
    variables = environment(empty_database_url, nats_url, port)

    async def run(command: str) -> subprocess.CompletedProcess[str]:
        program = [PAYMENTS, *shlex.split(command)[1:]]
        return await asyncio.to_thread(run_to_end, program, variables)

    async def readiness() -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/health/ready") as response,
        ):
            return response.status

    async def is_ready() -> None:
        assert await readiness() == 200

    serve = ServiceProcess("serve", [PAYMENTS, "serve"], variables, "listening")
    with contextlib.closing(serve):
        async with working(empty_database_url) as old:
            # Too early: it is not ready, and becomes so by itself.
            await asyncio.to_thread(serve.start)
            assert await readiness() == 503
            before = len(old)
            migrated = await run(expand)
            assert migrated.returncode == 0, migrated.stderr
            await eventually(is_ready)
            after = len(old)
            assert after > before  # while it was migrated

            async def works_on() -> None:
                assert len(old) > after  # while both serve

            await eventually(works_on)
        assert (await run(contract)).stdout == migrated.stdout
        connection = await asyncpg.connect(empty_database_url)
        statuses = await connection.fetch("SELECT DISTINCT status FROM payments")
        assert {each["status"] for each in statuses} <= {each.value for each in PaymentStatus}
        await connection.close()
        doctor = await run(look)
        assert "✓ database" in doctor.stdout, doctor.stdout
        assert json.loads(serve.log.splitlines()[-1])["level"] != "error"
        assert serve.stop() == 0
