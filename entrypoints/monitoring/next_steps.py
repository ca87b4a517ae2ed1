"""What an operator does about each problem, in one sentence; docs/runbook.md has the rest."""

from collections.abc import Mapping
from typing import Final

from application.ports.alerts import AlertKind
from application.ports.backlog import BacklogKind

DEAD_LETTERS: Final = "dead_letters"
CLOCK: Final = "clock"

_BACKLOG: Final[Mapping[BacklogKind, str]] = {
    BacklogKind.PAYMENT_OPEN: (
        "they settle by themselves once the gateway answers and a worker with the role recover runs"
    ),
    BacklogKind.PAYMENT_PENDING: (
        "ask the gateway what the payment waits for; it settles once the gateway reports its end"
    ),
    BacklogKind.PAYMENT_IN_REVIEW: (
        "compare the charge with the order, then `payments review accept` or `review refund` it,"
        " or decide in the console"
    ),
    BacklogKind.REFUND_PENDING: "ask the gateway what the refund waits for",
    BacklogKind.REFUND_FAILED: (
        "refund again with `payments refund` or in the console, or give the money back another way"
    ),
    BacklogKind.EVENT_WAITING: "start NATS, and a worker with the role relay",
    BacklogKind.EVENT_PARKED: "tell the event's consumers yourself, because it is never published",
    BacklogKind.NOTIFICATION_UNUSABLE: (
        "read it with `payments notifications show`, then update this service, or compare the"
        " object with the gateway's own pages"
    ),
    BacklogKind.DIFFERENCE: (
        "read it with `payments reconcile`, and compare the payment with the gateway's own pages;"
        " no money is moved until then"
    ),
    BacklogKind.NOTIFICATION_DEFERRED: "start a worker with the role recover, and read its log",
}

_ALERTS: Final[Mapping[AlertKind, str]] = {
    AlertKind.BOOKS_BEHIND: (
        "find out whether the database was restored or failed over; what it lacks is read again"
        " from the gateway and from NATS"
    ),
    AlertKind.CAPTURE_FAILED: (
        "compare the payment with the gateway's own pages, then capture another amount or release"
        " it; nothing is captured until then"
    ),
    AlertKind.CHARGED_TWICE: (
        "check that the refund of the second charge succeeds; it is sent automatically"
    ),
    AlertKind.CLOCK_SKEW: "synchronize the clocks of this host and of the database's host (NTP)",
    AlertKind.CONSUMER_UNSUITABLE: (
        "change or delete the named stream or consumer; it is created again as it should be"
    ),
    AlertKind.DATABASE_REFUSAL: (
        "correct what the database names, such as a missing privilege or a full disk"
    ),
    AlertKind.DEAD_LETTER: (
        "read it with `payments dead-letters list` and `show`, then correct the sender or `replay`"
    ),
    AlertKind.EXPIRY_NOT_UNDERSTOOD: (
        "correct `expiresAt` in the orders service; until then these orders never expire"
    ),
    AlertKind.EXTERNAL_REFUND_MISMATCH: (
        "compare the payment with the gateway's own pages, and correct there what is wrong"
    ),
    AlertKind.GATEWAY_KEY_REFUSED: "set a valid key (STRIPE_KEY) and restart",
    AlertKind.GATEWAY_MISSING: (
        "add the gateway to PAYMENT_GATEWAY again, last in the list, until its payments have ended"
    ),
    AlertKind.GATEWAY_REFUSAL: (
        "correct the account or the configuration at the gateway; customers cannot pay until then"
    ),
    AlertKind.GATEWAY_UNREADABLE: (
        "look for an incident at the gateway, or for a proxy that answers in its place"
    ),
    AlertKind.LOOKUP_IMPOSSIBLE: (
        "remove the cause that it names; the payment blocks its order until it can be looked up"
    ),
    AlertKind.NOTIFICATION_REFUSED: (
        "compare STRIPE_WEBHOOK_SECRET with the endpoint's secret at the gateway"
    ),
    AlertKind.PERMISSION_MISSING: "grant the named permission",
    AlertKind.SIGN_IN_UNAVAILABLE: "check JWKS_URL and the identity provider",
    AlertKind.STREAM_RECREATED: (
        "let the orders service publish again what it has published since the time that the line"
        " names; of the stream PAYMENTS, use `payments outbox republish --since`"
    ),
    AlertKind.OTHER: "read docs/runbook.md of the newest version that runs",
}

NEXT_STEPS: Final[Mapping[str, str]] = {
    **{kind.value: text for kind, text in _BACKLOG.items()},
    **{kind.value: text for kind, text in _ALERTS.items()},
    DEAD_LETTERS: (
        "read them with `payments dead-letters list` and `show`, then `replay` what is corrected"
    ),
    CLOCK: _ALERTS[AlertKind.CLOCK_SKEW],
}
"""By the name of the problem, which is its heading in docs/runbook.md."""
