"""Lab: the servers and processes that are measured, each started as an operator starts it."""

import itertools
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field, frozen

from adapters.persistence.sql.migrate import migrate
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import free_port
from tests.bench.database import Database
from tests.bench.gateway import REFERENCE
from tests.bench.measured_process import MeasuredProcess
from tests.system.deployment import JWT_KEY, PAYMENTS

# As a server with a standby has them, and so that no checkpoint falls into one round only.
_POSTGRES: Final = {
    "wal_level": "replica",
    "max_wal_senders": "10",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "shared_buffers": "512MB",
    # It would work for the tables of one benchmark during another.
    "autovacuum": "off",
}

_TEMPLATE: Final = "migrated"

_numbers = itertools.count(1)


@frozen
class Service:
    """A process of the service."""

    process: MeasuredProcess
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port


@define
class Lab:
    """PostgreSQL with fsync, NATS, and processes of the service on this machine."""

    postgres: LocalPostgres
    folder: Path
    _stack: ExitStack = field(repr=False)

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> "Iterator[Lab]":
        """Start PostgreSQL; everything ends with the block."""
        with ExitStack() as stack:
            postgres = stack.enter_context(LocalPostgres(settings=_POSTGRES))
            migrate(postgres.create_database(_TEMPLATE))
            yield cls(postgres, folder, stack)

    @cached_property
    def nats(self) -> LocalNats:
        """The NATS server, which is started when it is first needed."""
        return self._stack.enter_context(LocalNats())

    @property
    def postgres_pid(self) -> int:
        return self.postgres.process.pid

    def database(self, name: str) -> Database:
        """Return a new database with the service's schema."""
        return Database(self.postgres.create_database(f"{name}-{next(_numbers)}", _TEMPLATE))

    def drop(self, database: Database) -> None:
        """Remove a database that takes much of the disk."""
        self.postgres.drop_database(urlsplit(database.url).path.strip("/"))

    @contextmanager
    def serve(self, database: Database, *prefix: str, **changes: str) -> Iterator[Service]:
        """Run `payments serve`; `prefix` is a command that runs it, such as taskset."""
        port = free_port()
        environment = self.environment(database, PORT=str(port), **changes)
        with self._running([*prefix, PAYMENTS, "serve"], environment, "listening") as process:
            yield Service(process, port)

    @contextmanager
    def worker(self, database: Database, *roles: str, **changes: str) -> Iterator[Service]:
        """Run `payments worker`."""
        port = free_port()
        environment = self.environment(database, WORKER_PORT=str(port), **changes)
        command = [PAYMENTS, "worker", *(f"--role={role}" for role in roles)]
        with self._running(command, environment, "worker started") as process:
            yield Service(process, port)

    @contextmanager
    def program(self, module: str, *arguments: str) -> Iterator[Service]:
        """Run one of the benchmark's own servers: a module that is given a port."""
        port = free_port()
        with self.module(module, str(port), *arguments, ready="listening") as process:
            yield Service(process, port)

    @contextmanager
    def module(self, module: str, *arguments: str, ready: str) -> Iterator[MeasuredProcess]:
        """Run a module as a program that prints the text `ready` when it is ready."""
        with self._running([sys.executable, "-m", module, *arguments], {}, ready) as process:
            yield process

    def environment(self, database: Database, **changes: str) -> dict[str, str]:
        """Return the environment of a process of the service."""
        return {
            "DATABASE_URL": database.url,
            "NATS_URL": self.nats.url,
            "JWT_KEY": JWT_KEY,
            "PAYMENT_GATEWAY": REFERENCE,
            "HOST": "127.0.0.1",
            "DRAIN_SECONDS": "0",  # there is no balancer
            **changes,
        }

    @contextmanager
    def _running(
        self, command: list[str], environment: Mapping[str, str], ready: str
    ) -> Iterator[MeasuredProcess]:
        name = f"bench-{next(_numbers)}"
        process = MeasuredProcess(name, command, environment, ready)
        try:
            process.start()
            yield process
        finally:
            process.close()
