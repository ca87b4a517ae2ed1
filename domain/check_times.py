"""When a payment is checked, and for how long; payments use the database's clock."""

from datetime import datetime, timedelta
from typing import Final

FIRST_CHECK_AFTER: Final = timedelta(seconds=5)
"""When recovery first checks a payment. An ordinary charge is settled well before. A charge may
be sent only within this time after its claim."""

LONGEST_CALL: Final = timedelta(seconds=15)
"""How long a gateway adapter's call that moves money may take. Banks answer within some seconds,
and customers do not wait longer: after it they are told that the payment is in progress."""

CLOCK_MARGIN: Final = timedelta(seconds=5)
"""More than the readings of the database's clock by two processes may differ: half of a reading's
round trip, and a correction of two seconds (adapters/persistence/sql/clock.py)."""

CHARGE_WINDOW: Final = FIRST_CHECK_AFTER + LONGEST_CALL
"""No charge request is in flight after this time: it starts within FIRST_CHECK_AFTER, and its call
ends."""

ABANDON_AFTER: Final = CHARGE_WINDOW + CLOCK_MARGIN
"""From this age on, a payment without any record at the gateway never arrived there."""

CHECK_INTERVAL: Final = timedelta(seconds=10)
"""The longest time between two checks of an open payment. A check may take 25 s
(LOOKUP_SECONDS): the next one begins right after it, and so finds the outcome within the documented
30 s. Another process may begin one before that, which is harmless: a check changes nothing."""

AUTHENTICATION_WINDOW: Final = timedelta(hours=1)
"""How long a customer may take to authenticate before the payment is cancelled at the gateway.
Banks allow about 15 minutes."""

EXECUTED_WITHIN: Final = timedelta(hours=24)
"""How long after it was sent a gateway may execute a request, as the port of the gateways promises
(Stripe keeps an idempotency key that long: https://docs.stripe.com/api/idempotent_requests)."""

LATE_CAPTURE_WINDOW: Final = EXECUTED_WITHIN + ABANDON_AFTER
"""How long an abandoned payment is still checked: its last request may have been sent some seconds
after its claim."""

PENDING_FIRST_CHECK_AFTER: Final = timedelta(hours=1)
"""When a pending payment is first asked about. A bank debit takes days and the gateway sends a
notification when it ends, so a check only replaces a notification that was lost."""

PENDING_CHECK_INTERVAL: Final = timedelta(hours=6)
"""The longest time between two checks of a pending payment: a lost notification is made good on
the same day, and a debit of two weeks costs the gateway some 60 requests."""

PENDING_LIMIT: Final = timedelta(days=21)
"""How long a payment can be pending: a SEPA debit takes at most 14 business days
(https://docs.stripe.com/payments/sepa-debit), which is 20 days if it begins on a Friday, and a
holiday. The other debits are faster. A longer one is for an operator; it never fails by itself."""

EXPIRY_NOTICE: Final = timedelta(hours=24)
"""How long before an authorization runs out this is announced: enough for a shop to ship, or to ask
its customer."""

_SHORTEST: Final = timedelta(seconds=2)
"""The shortest time between two checks: intervals begin here and double."""


def open_interval(age: timedelta) -> timedelta:
    """Return the time between two checks of a payment of this age, whose outcome is unknown."""
    interval = min(max(age, _SHORTEST), CHECK_INTERVAL)
    if age < ABANDON_AFTER:
        return min(interval, ABANDON_AFTER - age)  # it is checked once it can be abandoned
    return interval


def pending_interval(age: timedelta) -> timedelta:
    """Return the time between two checks of a payment of this age, whose money comes later."""
    return min(max(age, PENDING_FIRST_CHECK_AFTER), PENDING_CHECK_INTERVAL)


def authorized_check(age: timedelta, now: datetime, until: datetime) -> datetime:
    """Return the next check of an authorization: as of a pending payment, or before it runs out."""
    moments = (until - EXPIRY_NOTICE, until)
    return min([now + pending_interval(age), *(each for each in moments if each > now)])


def abandoned_interval(age: timedelta, *, is_known: bool) -> timedelta | None:
    """Return the time between two checks of an abandoned payment; None if there are no more.

    One that the gateway has reported after all (`is_known`) may be pending there for long.
    """
    if is_known:
        return min(max(age, _SHORTEST), PENDING_CHECK_INTERVAL) if age < PENDING_LIMIT else None
    return max(age, _SHORTEST) if age < LATE_CAPTURE_WINDOW else None
