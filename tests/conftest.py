"""Shared fixtures and settings: one PostgreSQL and one NATS server for each test process."""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import nats
import pytest
import structlog
from hypothesis import HealthCheck, settings
from structlog.processors import KeyValueRenderer, format_exc_info

from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
from tests.databases import Databases
from tests.depth import PROFILE
from tests.process_groups import end_group_with_this_process, end_with_make, end_with_parent

# Neither the host's zone nor that of a database may matter, and on most machines both are UTC. No
# zone differs from it by so many minutes, so that no other offset of a test equals it.
os.environ["TZ"] = "<+0513>-05:13"
time.tzset()

# Neither deadlines nor a limit for drawing an example: a shared machine is sometimes slow, which is
# no fault of the code.
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("local", SLOW)
# The same examples on each run; most of a hundred would repeat what forty show (tests/depth.py).
settings.register_profile("ci", SLOW, derandomize=True, print_blob=True, max_examples=40)
settings.register_profile("deep", SLOW, print_blob=True, max_examples=1000)
settings.load_profile(PROFILE)

# By default, structlog shows the values of all variables at an error, which takes half a minute.
structlog.configure(processors=[format_exc_info, KeyValueRenderer()])

# On a quiet machine this takes milliseconds.
CLEAN_UP_SECONDS = 120.0

# Their tests mostly wait, for other processes and for time limits.
_WAITING = {"conformance", "demo", "servers"}

_names = (f"test_{number}" for number in count(1))


def pytest_configure(config: pytest.Config) -> None:
    """End a test process with its parent, and so its servers and all that its tests have started.

    A process of pytest-xdist would first finish its current test, and pytest all of them when the
    `make` that has started it is killed.
    """
    make = os.environ.pop("END_WITH_PROCESS", "")
    if hasattr(config, "workerinput"):
        end_with_parent(signal.SIGKILL)
        end_group_with_this_process()
    elif make:
        try:
            end_with_make(int(make))
        except ProcessLookupError:
            pytest.exit("make was killed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that wait most, so that they do not run alone at the end.

    pytest-xdist gives each process the same part of the list, to run from its beginning, and takes
    what others still have from their ends. So the tests with real processes mostly stay in one
    process, which has one deployment for all of them, while the others compute.
    """

    def is_in(folders: set[str], item: pytest.Item) -> bool:
        return not folders.isdisjoint(item.nodeid.split("/")[:2])

    first = [each for each in items if is_in({"system"}, each)]
    middle = [each for each in items if is_in(_WAITING, each)]
    apart = {*first, *middle}
    others = [each for each in items if each not in apart]
    half = max(0, len(items) // 2 - len(first))
    items[:] = [*first, *others[:half], *middle, *others[half:]]


def pytest_collection_finish() -> None:
    """Keep what thousands of collected tests consist of out of every later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[LocalPostgres]:
    """The PostgreSQL server of this test process; a test that stops it must start it again."""
    with LocalPostgres(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres_server: LocalPostgres) -> str:
    """The name of a database with the newest schema and no rows, which is only copied."""
    from adapters.persistence.sql.migrate import migrate

    name = "migrated_template"
    migrate(postgres_server.create_database(name))
    return name


@pytest.fixture(scope="session")
def databases(postgres_server: LocalPostgres, migrated_template: str) -> Databases:
    return Databases(postgres_server, migrated_template)


@pytest.fixture
def database_url(postgres_server: LocalPostgres, databases: Databases) -> Iterator[str]:
    """A database with the newest schema and no rows, for one test."""
    name = databases.take()
    yield postgres_server.url_of(name)
    databases.give_back(name)


@pytest.fixture
def empty_database_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """A new database without tables, for one test."""
    name = next(_names)
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[LocalNats]:
    """The NATS server of this test process; a test that stops it must start it again."""
    with LocalNats() as server:
        yield server


@pytest.fixture
def nats_url(nats_server: LocalNats) -> str:
    """The address of a NATS server without streams."""
    # In a thread, because the test may already run an event loop in this one.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, _delete_streams(nats_server.url)).result(CLEAN_UP_SECONDS)
    return nats_server.url


async def _delete_streams(url: str) -> None:
    async with asyncio.timeout(CLEAN_UP_SECONDS):
        client = await nats.connect(url, connect_timeout=int(CLEAN_UP_SECONDS))
        jetstream = client.jetstream(timeout=CLEAN_UP_SECONDS)
        for stream in await jetstream.streams_info():
            await jetstream.delete_stream(stream.config.name or "")
        await client.close()
