"""`payments worker` as a process, on real servers: its probes and metrics."""

import os
import re
import signal
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from payments_kit.servers.processes import free_port
from tests.servers.owner_program import ROOT, eventually

PAYMENTS = Path(sysconfig.get_path("scripts")) / "payments"

# A worker starts and stops within seconds on a quiet machine.
MAX_SECONDS = 120.0


def environment(database_url: str, nats_url: str, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "PAYMENT_GATEWAY": "fake",
        "HOST": "127.0.0.1",
        "WORKER_PORT": str(port),
    }


@contextmanager
def a_worker(variables: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([PAYMENTS, "worker"], env=variables, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(MAX_SECONDS)


def get(port: int, path: str) -> tuple[int, str]:
    """Return status and body; status 0 while nothing listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_a_worker_serves_probes_and_metrics_and_a_second_one_needs_another_port(
    database_url: str, nats_url: str
) -> None:
    port = free_port()
    variables = environment(database_url, nats_url, port)
    with a_worker(variables) as worker:
        assert eventually(lambda: get(port, "/health/ready")[0] == 200, MAX_SECONDS)
        assert get(port, "/health/live") == (200, '{"status":"live"}')
        assert eventually(lambda: loops_that_succeeded(port) >= LOOPS, MAX_SECONDS)
        metrics = get(port, "/metrics")[1]
        for name in ("payments_alerts", "payments_dead_letters", "payments_unfinished"):
            assert re.search(rf"^{name}(\{{| )", metrics, re.MULTILINE), name
        offset = re.search(r"^payments_clock_offset_seconds (\S+)$", metrics, re.MULTILINE)
        assert offset is not None
        assert abs(float(offset[1])) < 2

        second = subprocess.run(
            [PAYMENTS, "worker"],
            env=variables,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
        assert second.returncode == 1
        problem = f"payments: cannot listen on HOST=127.0.0.1 WORKER_PORT={port}: "
        assert second.stderr.splitlines()[-1] == problem + "address already in use"

        worker.send_signal(signal.SIGTERM)
        assert worker.wait(MAX_SECONDS) == 0


LOOPS = {"replicate", "relay", "recover", "deferred", "alerts", "retention"}


def loops_that_succeeded(port: int) -> set[str]:
    pattern = r'^payments_worker_last_success_timestamp_seconds\{loop="(\w+)"\} (\S+)$'
    found = re.findall(pattern, get(port, "/metrics")[1], re.MULTILINE)
    return {loop for loop, moment in found if float(moment) > time.time() - 3600}
