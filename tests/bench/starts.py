"""A cold start of `payments serve` until it is ready, and its memory then."""

import http.client
import time
from typing import Final

from tests.bench.cpu import cpu_seconds, memory_bytes
from tests.bench.lab import Lab, Service
from tests.bench.load import MILLI, BenchFailed
from tests.bench.plan import Plan
from tests.bench.results import Result, Sample

_NAME: Final = "cold start of serve until it is ready"

_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.005
MEGA: Final = 2**20


def measure_starts(lab: Lab, plan: Plan) -> list[Result]:
    """Measure the time until `/health/ready` is 200 for the first time."""
    database = lab.database("starts")

    def start() -> Sample:
        started = time.perf_counter()
        with lab.serve(database) as service:
            wait_until_ready(service)
            seconds = time.perf_counter() - started
            memory = memory_bytes(service.pid) / MEGA
            used = cpu_seconds(service.pid)
        return Sample(MILLI * seconds, {}, {"RSS MB": memory, "CPU ms": MILLI * used})

    return [Result(plan.measure("cold start", {_NAME: start})[_NAME], "ms")]


def is_ready(service: Service) -> bool:
    """Return whether a process says that it is ready."""
    connection = http.client.HTTPConnection(*service.address, timeout=_READY_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def wait_until_ready(service: Service) -> None:
    """Wait until a process is ready.

    Raises:
        BenchFailed: it is not in time.
    """
    deadline = time.monotonic() + _READY_SECONDS
    while not is_ready(service):
        if time.monotonic() > deadline:
            raise BenchFailed(f"not ready within {_READY_SECONDS} s")
        time.sleep(_POLL_SECONDS)
