"""HttpDependencies: everything that the HTTP service needs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from attrs import field, frozen
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry

from application.application import UseCases
from application.ports.alerts import Alerts
from application.ports.clock import Clock
from application.ports.gateway_notifications import NotificationReader
from application.ports.idempotency_store import IdempotencyStore
from application.ports.inbound_events import DeadLetters
from application.ports.payment_search import PaymentSearch
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.jwks import Fetch
from entrypoints.http.probes import Check
from entrypoints.http.request_tracing import NoSpans, RequestTracing
from entrypoints.http.responses import on_error
from entrypoints.http.sign_in_refusals import RefusalLog
from entrypoints.settings import Settings

OpenDeadLetters = Callable[[], AbstractAsyncContextManager[DeadLetters]]
"""Connects to NATS for one request: few operators ask, and `serve` needs it for nothing else."""

MoreRoutes = Callable[["HttpDependencies", RefusalLog, BackgroundTasks], Sequence[HTTPRouteHandler]]
"""Returns routes that are composed elsewhere, on the same dependencies."""

ShowError = Callable[[Request[Any, Any, Any], Exception], Response[bytes]]
"""Returns the response to an exception of a route or of Litestar's routing."""


def _no_more_routes(*_: object) -> Sequence[HTTPRouteHandler]:
    return ()


@frozen(kw_only=True)
class HttpDependencies:
    """The use cases, and what the HTTP service needs in addition."""

    use_cases: UseCases
    idempotency_store: IdempotencyStore
    settings: Settings
    alerts: Alerts
    clock: Clock
    fetch_keys_from: Callable[[str], Fetch]
    """Returns what fetches the keys of JWKS_URL."""
    open_dead_letters: OpenDeadLetters
    search: PaymentSearch
    notification_readers: Mapping[str, NotificationReader] = field(factory=dict)
    """By name of the gateway whose webhooks each reads."""
    public_keys: Mapping[str, str] = field(factory=dict)
    """By name of the gateway: its key for browsers."""
    checks: Mapping[str, Check] = field(factory=dict)
    """The readiness checks by name; the service is not ready if one of them raises."""
    more_routes: MoreRoutes = _no_more_routes
    """The operators' console."""
    show_error: ShowError = on_error
    """Those of the console are pages."""
    registry: CollectorRegistry = field(factory=CollectorRegistry)
    """The metrics served at /metrics; the composition may register more."""
    tracing: RequestTracing = field(factory=NoSpans)
    """Records the spans of requests."""
