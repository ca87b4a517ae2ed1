"""A cheap HTTP client in a process of its own: `python -m tests.bench.client`.

It reads an order as JSON from standard input and writes what it saw as JSON to standard output. It
has one thread and no event loop: one connection is one customer, who sends a request as soon as
the reply to the previous one has arrived.
"""

import json
import re
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from typing import Any, Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD_END: Final = b"\r\n\r\n"
_STATUS: Final = slice(9, 12)  # after "HTTP/1.1 "
_CHUNK: Final = 65_536

# Ends a run that hangs; a charge takes at most 20 s.
_REPLY_SECONDS: Final = 30.0


class _Customer:
    """One connection with at most one request on it."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), _REPLY_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self.received = b""

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Return the status of a reply that is complete; None if more is to come."""
        chunk = self.socket.recv(_CHUNK)
        if not chunk:
            raise ConnectionError(f"the server closed a connection after {self.received!r}")
        self.received += chunk
        end = self.received.find(_HEAD_END)
        if end < 0:
            return None
        length = _LENGTH.search(self.received, 0, end)
        body = int(length[1]) if length else 0
        complete = len(self.received) >= end + len(_HEAD_END) + body
        return self.received[_STATUS] if complete else None


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Send requests until the time has passed, or until there are no more."""
    given = [each.encode() for each in order["requests"]]
    requests: Iterator[bytes] = cycle(given) if order["repeat"] else iter(given)
    addresses = cycle(order["addresses"])
    selector = selectors.DefaultSelector()
    customers = [_Customer(*next(addresses)) for _ in range(order["connections"])]
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    example = b""
    cpu, started = time.process_time(), time.perf_counter()
    deadline = started + order["seconds"]
    for customer in customers:
        selector.register(customer.socket, selectors.EVENT_READ, customer)
        customer.send(next(requests))
    in_time, finished_at = 0, started
    while selector.get_map():
        ready = selector.select(_REPLY_SECONDS)
        if not ready:
            raise TimeoutError("no reply")
        for key, _ in ready:
            customer = key.data
            status = customer.receive()
            if status is None:
                continue
            now = time.perf_counter()
            latencies.append(now - customer.sent_at)
            statuses[status.decode()] += 1
            if status.decode() != order["expected"]:
                example = customer.received
            request = next(requests, None) if now < deadline else None
            if now < deadline:
                in_time, finished_at = in_time + 1, now
            if request is None:
                selector.unregister(customer.socket)
                customer.socket.close()
            else:
                customer.send(request)
    used = time.process_time() - cpu
    seconds = finished_at - started
    return {
        "replies": len(latencies),
        "per_second": in_time / seconds if seconds else 0.0,
        "cpu": used,
        "latencies": latencies,
        "statuses": statuses,
        "example": example.decode(errors="replace"),
    }


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
