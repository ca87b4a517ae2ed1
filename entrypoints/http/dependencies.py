"""House: what the HTTP service is made of, composed elsewhere."""

from collections.abc import Awaitable, Callable, Mapping

from attrs import field, frozen
from prometheus_client import CollectorRegistry

from application.application import UseCases
from application.ports.gateway_notifications import NotificationReader
from application.ports.idempotency_store import IdempotencyStore
from entrypoints.settings import Settings

Check = Callable[[], Awaitable[None]]
"""Raises unless what it checks can be used now."""


@frozen(kw_only=True)
class HttpDependencies:
    """The inventory, and what surrounds it."""

    use_cases: UseCases
    idempotency_store: IdempotencyStore
    settings: Settings
    notification_reader: NotificationReader | None = None
    """Without it, webhooks are refused."""
    checks: Mapping[str, Check] = field(factory=dict)
    """By name; one that fails makes the service unready."""
    registry: CollectorRegistry = field(factory=CollectorRegistry)
    """The metrics of /metrics; whoever composes the house may add some."""
