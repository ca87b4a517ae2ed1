"""Alerts: what an operator must know, reported where it is noticed and shown in every process."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final, Protocol

from attrs import frozen

MAX_SUBJECT: Final = 100
"""Characters of a subject that are stored: our ids have at most 36, the name of a host at most 64
(Linux, HOST_NAME_MAX)."""

MAX_TEXT: Final = 500
"""Characters of a text that are stored: a gateway's message is a sentence or two."""


@unique
class AlertKind(Enum):
    """What has happened. docs/runbook.md describes each kind: what to do about it."""

    BOOKS_BEHIND = "books_behind"
    """The database is older than what was charged or published, as after a restored backup."""
    CAPTURE_FAILED = "capture_failed"
    """What is authorized for a payment could not be captured."""
    CHARGED_TWICE = "charged_twice"
    """A payment has a second charge, which is given back."""
    CLOCK_SKEW = "clock_skew"
    """The clock of a host differs from the database's."""
    CONSUMER_UNSUITABLE = "consumer_unsuitable"
    """A stream or durable consumer would lose or repeat events, so it is not used."""
    DATABASE_REFUSAL = "database_refusal"
    """The database refuses a statement, such as for a missing privilege."""
    DEAD_LETTER = "dead_letter"
    """An event could not be used."""
    EXPIRY_NOT_UNDERSTOOD = "expiry_not_understood"
    """An order event has an `expiresAt` that cannot be read, so the order never expires."""
    EXTERNAL_REFUND_MISMATCH = "external_refund_mismatch"
    """A refund made outside this service does not fit its payment."""
    GATEWAY_KEY_REFUSED = "gateway_key_refused"
    """The gateway refuses our key."""
    GATEWAY_MISSING = "gateway_missing"
    """Payments wait at a gateway that the settings no longer have."""
    GATEWAY_REFUSAL = "gateway_refusal"
    """The gateway refuses the shop, not the customer's card."""
    GATEWAY_UNREADABLE = "gateway_unreadable"
    """The gateway's answer cannot be understood."""
    LOOKUP_IMPOSSIBLE = "lookup_impossible"
    """A payment with an unknown outcome cannot be looked up at the gateway."""
    NOTIFICATION_REFUSED = "notification_refused"
    """A webhook cannot be verified: a wrong signature or secret, or a wrong clock."""
    PERMISSION_MISSING = "permission_missing"
    """A key or a role lacks a permission that the service needs."""
    SIGN_IN_UNAVAILABLE = "sign_in_unavailable"
    """The keys of the identity provider cannot be fetched or used."""
    STREAM_RECREATED = "stream_recreated"
    """A stream was deleted and created again: what was not applied of it is gone."""
    OTHER = "other"
    """Stored by a later version of this service, which knows more kinds."""

    @property
    def current_for(self) -> timedelta:
        """How long an alert of this kind is shown after its last report."""
        return _CURRENT_FOR.get(self, _DEFAULT_CURRENT_FOR)


# A condition that lasts is reported at least every minute. An hour without a report
# means that it has ended, even if the reporting process was restarted or waits between attempts.
_DEFAULT_CURRENT_FOR: Final = timedelta(hours=1)

# These happen once and are reported once. An operator must see them also after a weekend.
_ONCE: Final = timedelta(days=3)

_CURRENT_FOR: Final = {
    AlertKind.BOOKS_BEHIND: _ONCE,
    AlertKind.CAPTURE_FAILED: _ONCE,
    AlertKind.CHARGED_TWICE: _ONCE,
    AlertKind.EXPIRY_NOT_UNDERSTOOD: _ONCE,
    AlertKind.EXTERNAL_REFUND_MISMATCH: _ONCE,
    AlertKind.STREAM_RECREATED: _ONCE,
    # Reported with each check of such a payment, and some are checked every six hours only.
    AlertKind.GATEWAY_MISSING: timedelta(hours=13),
    AlertKind.LOOKUP_IMPOSSIBLE: timedelta(hours=13),
    # Reported with the request that is refused, and a shop may have no customers at night.
    AlertKind.GATEWAY_REFUSAL: timedelta(hours=12),
}

MAX_CURRENT_FOR: Final = max(kind.current_for for kind in AlertKind)
"""The longest time for which any alert is shown after its last report."""


@frozen
class Alert:
    """The reports of one kind about one subject."""

    kind: AlertKind
    subject: str
    """What it is about: a payment, an order, a host, a gateway."""
    text: str
    """The newest report, in one line."""
    first_at: datetime
    """When these reports began; an alert that is not current any more begins again."""
    last_at: datetime
    count: int
    """How often it was reported since `first_at`."""


class Alerts(Protocol):
    """Reports alerts, and returns those of all processes.

    Promises, checked by tests/contracts/alerts.py on every adapter:

    - There is one alert for each kind and subject; a report updates its text, time and count.
    - A report that follows its predecessor too soon is counted, and written later.
    - Texts of any content are stored, bounded and in one line.
    - The number of subjects of each kind is bounded; further ones share one subject.
    """

    async def report(self, kind: AlertKind, subject: str, text: str) -> None:
        """Log an alert and store it. It never raises: while the database is away, it is logged."""

    async def list_current(self) -> Sequence[Alert]:
        """Return the current alerts of all processes, the newest first.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """


class AlertStore(Protocol):
    """Stores alerts; `Alerts` is built on it (application/throttled_alerts.py)."""

    async def add(self, kind: AlertKind, subject: str, text: str, count: int) -> None:
        """Add this many reports to the alert of this kind and subject.

        An alert that is no longer current begins again.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def list_current(self) -> Sequence[Alert]:
        """Return the current alerts, the newest first, at most MAX_LISTED.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """


MAX_LISTED: Final = 1000
"""More alerts than anybody reads; it bounds the cost of reading them every few seconds."""
