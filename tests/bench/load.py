"""Send requests from a client in a process of its own, and measure what the servers used."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from tests.bench.cpu import cpu_seconds
from tests.bench.measured_process import ROOT
from tests.bench.results import CLIENT, Sample, percentile

# What is added to the time of a run before the client is taken for hanging.
_MARGIN_SECONDS: Final = 90.0

# A reply begins with its status, and is shorter than this.
_HEAD_BYTES: Final = 65_536

MICRO: Final = 1e6
MILLI: Final = 1e3


class BenchFailed(Exception):
    """Something was not as the benchmark needs it; a figure would mean nothing."""


@frozen
class Load:
    """What the client sends, and how long."""

    addresses: Sequence[tuple[str, int]]
    """The servers; the connections are dealt out in turn."""
    requests: Sequence[str]
    seconds: float
    connections: int
    expected: int
    """The status of a reply that counts."""
    repeat: bool = False
    """Whether the requests are sent again and again; else each is sent once."""
    may_fail: bool = False
    """Whether there may be other replies; they are counted, not measured."""
    spread: float = 0.0
    """Over how many seconds, before the measured ones, the customers begin one after the other."""

    def run(self, pids: Mapping[str, int]) -> Sample:
        """Run the client; return the rate, latencies, and the CPU time of these processes.

        Raises:
            BenchFailed: a reply had another status, or there were too few requests.
        """
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        seen = self._run_client()
        after = {name: cpu_seconds(pid) for name, pid in pids.items()}
        replies = seen["replies"]
        others = replies - seen["statuses"].get(str(self.expected), 0)
        if others and not self.may_fail:
            raise BenchFailed(f"replies: {seen['statuses']}, one of them: {seen['example']}")
        if not self.repeat and replies == len(self.requests):
            raise BenchFailed(f"{replies} requests are too few for {self.seconds} s")
        used = {name: after[name] - before[name] for name in pids} | {CLIENT: seen["cpu"]}
        latencies = [MILLI * each for each in seen["latencies"]]
        return Sample(
            seen["per_second"],
            {name: MICRO * each / replies for name, each in used.items()},
            {
                "p50 ms": percentile(latencies, 50),
                "p99 ms": percentile(latencies, 99),
                **({"other replies": others} if self.may_fail else {}),
            },
        )

    def _run_client(self) -> dict[str, Any]:
        order = {
            "addresses": self.addresses,
            "requests": self.requests,
            "seconds": self.seconds,
            "connections": self.connections,
            "expected": str(self.expected),
            "repeat": self.repeat,
            "spread": self.spread,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.client"],
            cwd=ROOT,
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
            timeout=self.seconds + self.spread + _MARGIN_SECONDS,
        )
        if done.returncode != 0:
            raise BenchFailed(f"the client failed: {done.stderr.strip()}")
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen


def pay_once(address: tuple[str, int], requests: Iterable[str]) -> None:
    """Send one charge after the other until one is answered with 201.

    On a machine whose disk is busy, a commit may take too long; the answer is 202 then.

    Raises:
        BenchFailed: none is.
    """
    reply = "missing"
    for request in requests:
        reply = _send(address, request)
        if " 201 " in reply.partition("\r\n")[0]:
            return
    raise BenchFailed(f"the reply to a charge is {reply}")


def _send(address: tuple[str, int], request: str) -> str:
    with socket.create_connection(address, _MARGIN_SECONDS) as connection:
        connection.sendall(request.encode())
        return connection.recv(_HEAD_BYTES).decode(errors="replace")
