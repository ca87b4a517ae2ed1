"""The Prometheus metrics of the HTTP service."""

import re
from contextlib import AbstractContextManager
from typing import Final

from attrs import define, field, frozen
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from domain.payment_status import PaymentStatus
from entrypoints.http.sign_in_refusals import RefusalReason

# A charge is one round trip to the gateway (about 300 ms to Stripe) between two to the database.
# It ends within 20 s: it starts within 5 s of its claim, and the gateway has 15 s.
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other method that a client sends becomes no label value, and is not logged."""

MAX_CODES: Final = 60
"""Codes of declines that become label values: each one is a series of every process for ever.
Stripe has 45 (https://docs.stripe.com/declines/codes); further ones are counted as `other`."""

_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,50}")

OUTCOMES: Final = (
    *(status.value for status in PaymentStatus),
    "already_paid",
    "refused",
    "unavailable",
)
"""How an attempt to pay may end. All are shown from the start, at zero, because Prometheus sees no
increase in the first value of a series."""


@define
class InFlight(AbstractContextManager[None]):
    """How many are in progress; a gauge that is read only when it is asked for.

    It belongs to one thread, so it needs no lock, unlike a gauge that is set.
    """

    _count: int = field(default=0, init=False)

    @classmethod
    def of(cls, name: str, text: str, registry: CollectorRegistry) -> "InFlight":
        """Return a new one, exported under this name."""
        in_flight = cls()
        Gauge(name, text, registry=registry).set_function(lambda: in_flight._count)
        return in_flight

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1


@frozen
class Metrics:
    """The metrics of one process; it implements ChargeMetrics of handlers.py."""

    requests: Counter
    seconds: Histogram
    requests_in_flight: InFlight
    charges: Counter
    charges_in_flight: InFlight
    declines: Counter
    declines_limited: Counter
    notifications_refused: Counter
    sign_ins_refused: Counter
    _completed: dict[tuple[str, str, int], tuple[Counter, Histogram]] = field(
        init=False, factory=dict
    )
    """The series of each kind of request: to find one by its labels takes longer than to count."""

    _outcomes: dict[str, Counter] = field(init=False, factory=dict)
    _codes: set[str] = field(init=False, factory=set)

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "Metrics":
        """Register the metrics, all at zero."""
        ProcessCollector(registry=registry)
        route = ("method", "route", "status")
        metrics = cls(
            requests=Counter(
                "payments_http_requests", "Completed HTTP requests.", route, registry=registry
            ),
            seconds=Histogram(
                "payments_http_request_seconds",
                "Duration of HTTP requests.",
                ("method", "route"),
                buckets=_BUCKETS,
                registry=registry,
            ),
            requests_in_flight=InFlight.of(
                "payments_http_requests_in_flight", "HTTP requests in progress.", registry
            ),
            charges=Counter(
                "payments_charges", "Attempts to pay, by outcome.", ("outcome",), registry=registry
            ),
            charges_in_flight=InFlight.of(
                "payments_charges_in_flight", "Attempts to pay in progress.", registry
            ),
            declines=Counter(
                "payments_declines",
                "Declined attempts to pay, by the gateway's code; see MAX_CODES.",
                ("gateway", "code"),
                registry=registry,
            ),
            declines_limited=Counter(
                "payments_declines_limited",
                "Attempts to pay refused after too many declines.",
                registry=registry,
            ),
            notifications_refused=Counter(
                "payments_notifications_refused",
                "Webhooks that could not be verified, by reason.",
                ("reason",),
                registry=registry,
            ),
            sign_ins_refused=Counter(
                "payments_sign_ins_refused",
                "Requests refused with 401, by the check that failed.",
                ("reason",),
                registry=registry,
            ),
        )
        for reason in RefusalReason:
            metrics.sign_ins_refused.labels(reason.value)
        for outcome in OUTCOMES:
            metrics._outcomes[outcome] = metrics.charges.labels(outcome)
        return metrics

    def count_request(
        self,
        method: str,
        route: str,
        status: int,
        seconds: float,
        exemplar: dict[str, str] | None = None,
    ) -> None:
        """Count a request that has ended; `route` is a path template, which limits its values.

        The exemplar names its trace, if that is recorded.
        """
        key = (method if method in METHODS else "other", route, status)
        series = self._completed.get(key)
        if series is None:
            name, *_ = key
            requests = self.requests.labels(name, route, str(status))
            series = self._completed[key] = (requests, self.seconds.labels(name, route))
        requests, durations = series
        requests.inc()
        durations.observe(seconds, exemplar)

    def in_flight(self) -> AbstractContextManager[object]:
        """Count an attempt to pay as in flight until the context ends."""
        return self.charges_in_flight

    def count(self, outcome: str) -> None:
        """Count an attempt to pay that has ended."""
        series = self._outcomes.get(outcome)
        if series is None:
            series = self._outcomes[outcome] = self.charges.labels(outcome)
        series.inc()

    def count_decline(self, gateway: str, code: str) -> None:
        """Count a declined attempt; a code that is no short word, or one too many, is `other`."""
        if code not in self._codes:
            if len(self._codes) >= MAX_CODES or not _CODE.fullmatch(code):
                code = "other"
            self._codes.add(code)
        self.declines.labels(gateway, code).inc()

    def count_limited(self) -> None:
        """Count an attempt to pay that the decline limits refused."""
        self.declines_limited.inc()

    def count_refused_notification(self, reason: str) -> None:
        """Count a webhook that was refused."""
        self.notifications_refused.labels(reason).inc()

    def count_refused_sign_in(self, reason: str) -> None:
        """Count a request without valid credentials."""
        self.sign_ins_refused.labels(reason).inc()
