"""docs/how-to/back-up.md: its commands, on a database with an order."""

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.postgres_programs import Programs
from tests.builders import an_order
from tests.contracts.storages import storage_on
from tests.deploy.dockerfile import ROOT
from tests.deploy.guide import blocks

COMMAND_SECONDS: Final = 300.0


async def test_a_dump_is_restored_into_an_empty_database(
    database_url: str, nats_url: str, postgres_server: LocalPostgres, tmp_path: Path
) -> None:
    programs = Programs.find().folder
    if not (programs / "pg_dump").exists():
        pytest.skip("pg_dump is not installed")
    dump, read, restore, migrate, reconcile, look = blocks("back-up.md", "sh")
    engine = create_engine(database_url)
    await storage_on(Database(engine)).save(an_order())
    await engine.dispose()
    copy = postgres_server.create_database("restored")

    def run(command: str, url: str) -> str:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={
                "PATH": f"{programs}:{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "DATABASE_URL": url,
                "SHOP": url,
                "NATS_URL": nats_url,
                "JWT_KEY": "a-key-of-this-test-0123456789",
                "PAYMENT_GATEWAY": "fake",
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
        assert await storage_on(Database(engine)).read(an_order().id) == an_order()
        await engine.dispose()
    finally:
        postgres_server.drop_database("restored")
