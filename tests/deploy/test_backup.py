"""docs/how-to/back-up.md: its commands, on a database with a paid order."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Final

import pytest

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from application.use_cases.pay_order import PayOrder
from domain.order import Order
from domain.payment_status import PaymentStatus
from entrypoints.composition.runtime import open_runtime
from entrypoints.settings import Settings, read_settings
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.postgres_programs import Programs
from tests.builders import ORDER, PAYER, created_event
from tests.contracts.storages import storage_on
from tests.deploy.guide import blocks
from tests.system.deployment import PAYMENTS
from tests.system.service_process import run_to_end
from tests.world import VISA

COMMAND_SECONDS: Final = 300.0


async def a_paid_order(settings: Settings) -> Order:
    """Pay for an order with the fake gateway; return what is stored of it."""
    async with open_runtime(settings) as runtime:
        await runtime.use_cases.replicate_order([created_event()])
        await runtime.use_cases.create_charge(PayOrder(ORDER, PAYER, VISA))
        order = await storage_on(runtime.database).read(ORDER)
    assert [each.status for each in order.payments] == [PaymentStatus.SUCCEEDED]
    return order


async def test_a_dump_is_restored_into_an_empty_database(
    database_url: str, nats_url: str, postgres_server: LocalPostgres, tmp_path: Path
) -> None:
    programs = Programs.find().folder
    if not (programs / "pg_dump").exists():
        # PostgreSQL's own programs may come without it (PAYMENTS_POSTGRES_BIN).
        pytest.skip("pg_dump is not installed")
    dump, read, restore, migrate, reconcile, look = blocks("back-up.md", "sh")
    variables = {
        "NATS_URL": nats_url,
        "JWT_KEY": "a-key-of-this-test-0123456789",
        "PAYMENT_GATEWAY": "fake",
    }
    paid = await a_paid_order(read_settings({"DATABASE_URL": database_url, **variables}))
    copy = postgres_server.create_database("restored")

    def run(command: str, url: str) -> str:
        if command.startswith("payments "):
            own = {"DATABASE_URL": url, **variables}
            ended = run_to_end([PAYMENTS, *shlex.split(command)[1:]], own)
            assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
            return ended.stdout
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "SHOP": url,
            },
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    try:
        run(dump, database_url)
        assert "TABLE DATA public orders" in run(read, database_url)
        run(restore, copy)
        assert "the database has schema" in run(migrate, copy)
        assert "differences 0" in run(reconcile, copy)
        assert "✓ database" in run(look, copy)
        engine = create_engine(copy)
        assert await storage_on(Database(engine)).read(paid.id) == paid
        await engine.dispose()
    finally:
        postgres_server.drop_database("restored")
