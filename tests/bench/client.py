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
from collections import Counter, deque
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


class _Run:
    """All customers of one run, and what they saw."""

    def __init__(self, order: dict[str, Any]) -> None:
        given = [each.encode() for each in order["requests"]]
        self.requests: Iterator[bytes] = cycle(given) if order["repeat"] else iter(given)
        addresses = cycle(order["addresses"])
        self.waiting = deque(_Customer(*next(addresses)) for _ in range(order["connections"]))
        self.pause = order["spread"] / order["connections"]
        self.expected = order["expected"]
        self.selector = selectors.DefaultSelector()
        self.latencies: list[float] = []
        self.in_time = 0
        self.statuses: Counter[str] = Counter()
        self.example = b""
        self.began = time.perf_counter()
        self.starts = self.began + order["spread"]
        self.ends = self.starts + order["seconds"]
        self.last = self.starts

    def go(self) -> None:
        """Let the customers begin one after the other, and go on until the time is over."""
        next_at = self.began
        while self.waiting or self.selector.get_map():
            while self.waiting and time.perf_counter() >= next_at:
                self._begin(self.waiting.popleft())
                next_at += self.pause
            left = next_at - time.perf_counter() if self.waiting else _REPLY_SECONDS
            ready = self.selector.select(max(0.0, left))
            if not ready and not self.waiting:
                raise TimeoutError("no reply")
            for key, _ in ready:
                self._continue(key.data)

    def _begin(self, customer: _Customer) -> None:
        self.selector.register(customer.socket, selectors.EVENT_READ, customer)
        customer.send(next(self.requests))

    def _continue(self, customer: _Customer) -> None:
        status = customer.receive()
        if status is None:
            return
        now = time.perf_counter()
        self.statuses[status.decode()] += 1
        is_expected = status.decode() == self.expected
        if not is_expected:
            self.example = customer.received
        if now >= self.starts:
            # Also what arrives too late for the rate: leaving out the slowest would flatter.
            self.latencies.append(now - customer.sent_at)
        # The first reply counts however late it is, over the whole time that it took.
        in_time = now < self.ends or not self.in_time
        if self.starts <= now and in_time and is_expected:
            self.in_time, self.last = self.in_time + 1, now
        request = next(self.requests, None) if now < self.ends else None
        if request is None:
            self.selector.unregister(customer.socket)
            customer.socket.close()
        else:
            customer.send(request)


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Send requests until the time has passed, or until there are no more."""
    run = _Run(order)
    cpu = time.process_time()
    run.go()
    return {
        "replies": run.statuses.total(),
        # A reply that arrives later belongs to no second of the run.
        "per_second": run.in_time / (run.last - run.starts) if run.in_time else 0.0,
        "cpu": time.process_time() - cpu,
        "latencies": run.latencies,
        "statuses": run.statuses,
        "example": run.example.decode(errors="replace"),
    }


if __name__ == "__main__":
    json.dump(main(json.load(sys.stdin)), sys.stdout)
