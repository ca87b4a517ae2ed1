"""The state of the double: its objects, tokens, request ids, faults, webhooks and requests."""

from collections import Counter, deque

from attrs import define, field

from payments_kit.doubles.faults import Faults
from payments_kit.doubles.paypal.errors import Json
from payments_kit.doubles.paypal.idempotency import RequestIds
from payments_kit.doubles.paypal.ledger import Ledger
from payments_kit.doubles.paypal.replies import error_of
from payments_kit.doubles.paypal.tokens import Tokens
from payments_kit.doubles.paypal.webhooks import Webhooks
from payments_kit.doubles.wire import Wire

MAX_RECENT_REQUESTS = 2000


@define
class Double:
    """All parts of the double; `recent` describes the latest requests, `counts` counts all."""

    ledger: Ledger = field(factory=Ledger)
    tokens: Tokens = field(factory=Tokens)
    keys: RequestIds = field(factory=RequestIds)
    faults: Faults = field(factory=Faults)
    webhooks: Webhooks = field(factory=Webhooks)
    counts: Counter[str] = field(factory=Counter)
    recent: deque[Json] = field(factory=lambda: deque(maxlen=MAX_RECENT_REQUESTS))
    wire: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wire = Wire(self.faults, error_of)
        self.ledger.listeners.append(self.webhooks.enqueue)

    def reset(self) -> None:
        """Remove everything but the webhook endpoints and the credentials."""
        self.ledger.clear()
        self.tokens.expire()
        self.keys.slots.clear()
        self.faults.clear()
        self.faults.happened.clear()
        self.webhooks.deliveries.clear()
        self.counts.clear()
        self.recent.clear()
