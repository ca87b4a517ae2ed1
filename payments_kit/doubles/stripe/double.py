"""The state of the double: its objects, idempotency keys, faults, webhooks and requests."""

from collections import Counter, deque

from attrs import define, field

from payments_kit.doubles.faults import Faults
from payments_kit.doubles.stripe.errors import Json
from payments_kit.doubles.stripe.idempotency import IdempotencyKeys
from payments_kit.doubles.stripe.ledger import Ledger
from payments_kit.doubles.stripe.replies import error_of
from payments_kit.doubles.stripe.webhooks import Webhooks
from payments_kit.doubles.wire import Wire

MAX_RECENT_REQUESTS = 2000


@define
class Double:
    """All parts of the double; `recent` describes the latest requests, `counts` counts all."""

    ledger: Ledger = field(factory=Ledger)
    keys: IdempotencyKeys = field(factory=IdempotencyKeys)
    faults: Faults = field(factory=Faults)
    webhooks: Webhooks = field(factory=Webhooks)
    forbidden: dict[str, str] = field(factory=dict)
    """What restricted keys may not do: a permission for each regular expression of requests, such
    as `GET /v1/charges`."""
    counts: Counter[str] = field(factory=Counter)
    recent: deque[Json] = field(factory=lambda: deque(maxlen=MAX_RECENT_REQUESTS))
    wire: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wire = Wire(self.faults, error_of)
        self.ledger.listeners.append(self.webhooks.enqueue)

    def reset(self) -> None:
        """Remove everything but the webhook endpoints."""
        self.ledger.clear()
        self.keys.slots.clear()
        self.faults.clear()
        self.faults.happened.clear()
        self.webhooks.deliveries.clear()
        self.forbidden.clear()
        self.counts.clear()
        self.recent.clear()
