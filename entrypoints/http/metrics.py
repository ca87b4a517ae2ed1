"""What the HTTP service counts and measures, for Prometheus."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from attrs import frozen
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

# A charge is one round trip to the gateway (some 300 ms at Stripe) between two to the database;
# it ends within 5 s until it may no longer start and 15 s for the gateway.
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)

# Any other word a client sends as a method must not become a label of its own.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@frozen
class Metrics:
    """The figures of one service."""

    requests: Counter
    seconds: Histogram
    requests_in_flight: Gauge
    charges: Counter
    charges_in_flight: Gauge
    declines_limited: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "Metrics":
        """Register them, all at zero."""
        ProcessCollector(registry=registry)
        route = ("method", "route", "status")
        return cls(
            requests=Counter(
                "payments_http_requests", "Requests answered.", route, registry=registry
            ),
            seconds=Histogram(
                "payments_http_request_seconds",
                "How long requests took.",
                ("method", "route"),
                buckets=_SECONDS,
                registry=registry,
            ),
            requests_in_flight=Gauge(
                "payments_http_requests_in_flight", "Requests under way.", registry=registry
            ),
            charges=Counter(
                "payments_charges", "Attempts to pay, by outcome.", ("outcome",), registry=registry
            ),
            charges_in_flight=Gauge(
                "payments_charges_in_flight", "Attempts to pay under way.", registry=registry
            ),
            declines_limited=Counter(
                "payments_declines_limited",
                "Attempts refused for too many declines before.",
                registry=registry,
            ),
        )

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request is under way."""
        with self.requests_in_flight.track_inprogress():
            yield

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has been answered; `route` is a template, so that its values are few."""
        method = method if method in _METHODS else "other"
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)

    # --- ChargeMetrics of handlers.py ----------------------------------------------------------

    def in_flight(self) -> AbstractContextManager[object]:
        """Count an attempt to pay as in flight until the context ends."""
        return self.charges_in_flight.track_inprogress()

    def count(self, outcome: str) -> None:
        """Count an attempt to pay that has ended."""
        self.charges.labels(outcome).inc()

    def count_limited(self) -> None:
        """Count an attempt to pay that the decline limits refused."""
        self.declines_limited.inc()
