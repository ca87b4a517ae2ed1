"""What a request to pay needs to know: its order, recent declines, and earlier requests like it."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from attrs import field, frozen

from application.ports.idempotency_store import RequestKey, StoredReply
from domain.identifiers import OrderId
from domain.order import Order


@frozen
class ChargeQuery:
    """The question of a request to pay."""

    order_id: OrderId
    sources: Collection[str] = ()
    """The sources whose declines are counted, without repetitions."""
    window: timedelta = timedelta()
    """How far the declines are counted back."""
    key: RequestKey | None = None
    """The idempotency key of the request."""


@frozen
class KnownRequest:
    """The request that has an idempotency key."""

    fingerprint: str
    holder: str
    """Who executes it."""
    is_leased: bool
    """Whether its lease has not ended."""
    reply: StoredReply | None = None


@frozen
class ChargeReading:
    """The answer, from one moment."""

    order: Order | None
    declines: Mapping[str, int] = field(factory=dict)
    """By source, within the window."""
    request: KnownRequest | None = None
    """The request with the same key; None if there is none, or no key was asked for."""
