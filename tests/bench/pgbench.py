"""The floor of a charge: pgbench runs a minimal claim and a minimal settle, two transactions.

The tables have what a charge cannot do without, an order that is updated with a guard, a payment,
an event, and each transaction is one prepared statement. No program can do less for two durable
commits a charge, and pgbench is written in C.
"""

import os
import re
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from payments_kit.servers.postgres_programs import Programs
from tests.bench.cpu import cpu_seconds
from tests.bench.database import Database
from tests.bench.load import MICRO, BenchFailed
from tests.bench.results import Sample

NAME: Final = "pgbench, minimal claim and settle"

# Enough that two connections hardly ever use the same order at once.
_ORDERS: Final = 100_000

_TABLES: Final = (
    "CREATE TABLE floor_orders (id bigint PRIMARY KEY, revision bigint NOT NULL, status text)",
    "CREATE TABLE floor_payments ("
    " id uuid PRIMARY KEY, order_id bigint NOT NULL, user_id text NOT NULL, amount bigint NOT NULL,"
    " created_at timestamptz NOT NULL, status text NOT NULL, charge_id text)",
    "CREATE INDEX floor_payments_order ON floor_payments (order_id)",
    "CREATE TABLE floor_outbox ("
    " position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data text NOT NULL)",
    f"INSERT INTO floor_orders SELECT n, 1, 'created' FROM generate_series(1, {_ORDERS}) AS n",
    "ANALYZE floor_orders",
)

_SCRIPT: Final = f"""
\\set order random(1, {_ORDERS})
WITH claimed AS (
    UPDATE floor_orders SET revision = revision + 1 WHERE id = :order RETURNING id
)
INSERT INTO floor_payments
SELECT gen_random_uuid(), id, 'payer-1', 1999, now(), 'processing' FROM claimed
RETURNING id AS payment \\gset
WITH settled AS (
    UPDATE floor_payments SET status = 'succeeded', charge_id = 'ch_' || id
    WHERE id = :payment RETURNING id, order_id
), completed AS (
    UPDATE floor_orders SET revision = revision + 1, status = 'complete'
    WHERE id = (SELECT order_id FROM settled)
)
INSERT INTO floor_outbox (data)
SELECT '{{"id": "' || id || '", "orderId": "' || order_id || '", "amount": 1999}}' FROM settled;
"""

_RATE: Final = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_DONE: Final = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)

# What is shown of an error: each of the connections reports it.
MAX_ERROR: Final = 500

# What is added to the time of a run before pgbench is taken for hanging.
_MARGIN_SECONDS: Final = 60.0


def find_pgbench() -> Path:
    """Return pgbench of the PostgreSQL that runs, or the one on PATH.

    Raises:
        BenchFailed: there is none.
    """
    beside = Programs.find().folder / "pgbench"
    if beside.exists():
        return beside
    installed = shutil.which("pgbench")
    if installed is None:
        raise BenchFailed("no pgbench found: install PostgreSQL's client programs")
    return Path(installed)


@frozen
class Floor:
    """The floor in one database, whose tables are created with it."""

    database: Database
    postgres_pid: int
    script: Path

    @classmethod
    def create(cls, database: Database, postgres_pid: int, folder: Path) -> "Floor":
        """Create the tables and the script."""
        database.execute(*_TABLES)
        script = folder / "floor.sql"
        script.write_text(_SCRIPT)
        return cls(database, postgres_pid, script)

    def run(self, seconds: float, connections: int) -> Sample:
        """Run pgbench for some whole seconds."""
        postgres, written = cpu_seconds(self.postgres_pid), self.database.written()
        client = _children_seconds()
        output = self._run_pgbench(max(1, round(seconds)), connections)
        charges = int(_found(_DONE, output))
        used = {
            "postgres": cpu_seconds(self.postgres_pid) - postgres,
            "pgbench": _children_seconds() - client,
        }
        wal = (self.database.written() - written) / charges
        cpu = {name: MICRO * each / charges for name, each in used.items()}
        return Sample(float(_found(_RATE, output)), cpu, {"WAL bytes": wal})

    def _run_pgbench(self, seconds: int, connections: int) -> str:
        url = urlsplit(self.database.url)
        command = [
            *(str(find_pgbench()), "--no-vacuum", "--protocol=prepared", "--jobs=1"),
            *(f"--client={connections}", f"--time={seconds}", f"--file={self.script}"),
            *(
                "--host",
                str(url.hostname),
                "--port",
                str(url.port),
                "--username",
                str(url.username),
            ),
            url.path.strip("/"),
        ]
        done = subprocess.run(
            command,
            env={**os.environ, "PGPASSWORD": url.password or ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + _MARGIN_SECONDS,
        )
        if done.returncode != 0:
            raise BenchFailed(f"pgbench failed: {done.stderr[:MAX_ERROR].strip()}")
        return done.stdout


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _found(pattern: re.Pattern[str], output: str) -> str:
    found = pattern.search(output)
    if found is None:
        raise BenchFailed(f"pgbench printed something else: {output}")
    return found[1]
