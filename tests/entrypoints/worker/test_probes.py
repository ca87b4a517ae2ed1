"""The probes and metrics of a worker."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from attrs import define, field
from prometheus_client import CollectorRegistry

from entrypoints.http.probes import Check
from entrypoints.worker.loop_health import LIVE_SECONDS, READY_SECONDS, LoopHealth
from entrypoints.worker.loops import Loop, run_loops
from entrypoints.worker.metrics import WorkerMetrics
from entrypoints.worker.probes import CannotListen, Probes
from payments_kit.servers.processes import free_port

IDLE = 30.0


async def nothing() -> int:
    return 0


async def passing() -> None:
    return None


async def failing() -> None:
    raise ConnectionError("nats://user:password@host")


@define
class Worker:
    """A worker with one loop, whose time a test moves."""

    checks: dict[str, Check] = field(factory=lambda: {"nats": passing})
    port: int = field(factory=free_port)
    time: float = 1000.0
    stop: asyncio.Event = field(factory=asyncio.Event)
    metrics: WorkerMetrics = field(init=False)
    health: LoopHealth = field(init=False)
    probes: Probes = field(init=False)

    def __attrs_post_init__(self) -> None:
        registry = CollectorRegistry()
        self.metrics = WorkerMetrics.on(registry)
        self.health = LoopHealth(lambda: self.time, self.metrics)
        self.health.start([Loop("recover", nothing, IDLE)])
        self.probes = Probes("127.0.0.1", self.port, self.checks, registry, self.metrics)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with (
            self.probes.serving(self.health, self.stop),
            aiohttp.ClientSession(f"http://127.0.0.1:{self.port}") as client,
        ):
            yield client

    async def status(self, path: str) -> int:
        async with self.client() as client, client.get(path) as response:
            return response.status


async def test_a_worker_is_live_and_ready_while_its_loops_and_dependencies_work() -> None:
    worker = Worker()
    async with worker.client() as client:
        async with client.get("/health/live") as live:
            assert (live.status, await live.json()) == (200, {"status": "live"})
        async with client.get("/health/ready?verbose") as ready:
            assert ready.status == 200
            assert (await ready.json())["checks"] == {"nats": "ok", "loops": "ok"}
            assert ready.headers["x-content-type-options"] == "nosniff"
            assert ready.headers["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in ready.headers["content-security-policy"]
            assert "aiohttp" not in ready.headers["server"]


async def test_it_is_live_but_not_ready_when_a_dependency_fails() -> None:
    worker = Worker({"database": passing, "nats": failing})
    async with worker.client() as client:
        async with client.get("/health/ready") as ready:
            body = await ready.json()
        assert (ready.status, ready.content_type) == (503, "application/problem+json")
        assert body["checks"] == {"database": "ok", "nats": "failing", "loops": "ok"}
        assert "password" not in str(body)
        async with client.get("/health/live") as live:
            assert live.status == 200


@pytest.mark.parametrize(
    ("seconds", "live", "ready"),
    [
        (IDLE + READY_SECONDS, 200, 200),
        (IDLE + READY_SECONDS + 1, 200, 503),
        (IDLE + LIVE_SECONDS + 1, 503, 503),
    ],
)
async def test_a_loop_that_hangs_makes_the_worker_unready_and_then_not_live(
    seconds: float, live: int, ready: int
) -> None:
    worker = Worker()
    worker.time += seconds
    assert await worker.status("/health/live") == live
    assert await worker.status("/health/ready") == ready
    worker.health.failed("recover")  # a failure ends the run, too
    assert await worker.status("/health/live") == 200
    assert await worker.status("/health/ready") == 200


async def test_a_worker_that_stops_is_not_ready() -> None:
    worker = Worker()
    worker.stop.set()
    assert await worker.status("/health/ready") == 503
    assert await worker.status("/health/live") == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_head_answers_as_get_without_a_body(path: str) -> None:
    async with Worker().client() as client:
        async with client.get(path) as get:
            await get.read()
        async with client.head(path) as head:
            assert (head.status, await head.read()) == (200, b"")
            assert head.headers["content-type"] == get.headers["content-type"]
        async with client.post(path) as post:
            assert (post.status, post.headers["allow"]) == (405, "GET, HEAD")


async def test_each_path_has_one_spelling() -> None:
    worker = Worker()
    async with worker.client():
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        for path in ("/", "//metrics", "/metrics/", "/%6Detrics", "/health%2Flive", "/x"):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: worker\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 404"), path
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            await reader.readexactly(length)
        writer.close()


async def test_the_metrics_count_runs_failures_and_work_by_loop_and_events_by_result() -> None:
    worker, steps = Worker(), list[int | Exception]([3, ValueError("broken"), 0])

    async def run_once() -> int:
        step = steps.pop(0)
        if not steps:
            worker.stop.set()
        if isinstance(step, Exception):
            raise step
        return step

    loops = [Loop("recover", run_once, idle_seconds=0)]
    worker.health.start(loops)
    await run_loops(loops, worker.stop, observer=worker.health)
    worker.metrics.count_event("order:created", "applied")
    async with worker.client() as client, client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert 'payments_worker_runs_total{loop="recover"} 3.0' in lines
    assert 'payments_worker_failures_total{loop="recover"} 1.0' in lines
    assert 'payments_worker_done_total{loop="recover"} 3.0' in lines
    assert 'payments_inbound_events_total{result="applied",subject="order:created"} 1.0' in lines
    assert any(line.startswith("payments_worker_last_success_timestamp_seconds{") for line in lines)
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


async def test_port_0_serves_nowhere() -> None:
    worker = Worker(port=0)
    async with worker.probes.serving(worker.health, worker.stop):
        pass


async def test_a_taken_port_is_one_line_that_names_the_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        worker = Worker(port=taken.getsockname()[1])
        with pytest.raises(CannotListen) as error:
            async with worker.client():
                pass
    assert f"WORKER_PORT={worker.port}: address already in use" in str(error.value)
    assert "\n" not in str(error.value)
