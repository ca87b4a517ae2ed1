"""How long what is no longer needed is kept."""

from attrs import field, frozen

from entrypoints.settings.parsers import whole_number
from entrypoints.settings.variable import declare


@frozen(kw_only=True, slots=False)
class RetentionSettings:
    """How long what is no longer needed is kept."""

    retention_events_days: int = field(
        default=14,
        metadata=declare(
            "RETENTION_EVENTS_DAYS",
            whole_number(1, 3650),
            "how long [what is no longer needed is kept](docs/retention.md): sent events",
        ),
    )
    # Stripe repeats a notification for 3 days, and for 30 if an operator asks for it
    # (https://docs.stripe.com/webhooks#retries).
    retention_notifications_days: int = field(
        default=30,
        metadata=declare(
            "RETENTION_NOTIFICATIONS_DAYS",
            whole_number(3, 3650),
            "the ids of applied notifications",
        ),
    )
    # Longer than the longest DECLINE_WINDOW_SECONDS, which is a day.
    retention_declines_days: int = field(
        default=7,
        metadata=declare(
            "RETENTION_DECLINES_DAYS",
            whole_number(1, 3650),
            "declines, with users and IP addresses",
        ),
    )
    retention_alerts_days: int = field(
        default=30,
        metadata=declare("RETENTION_ALERTS_DAYS", whole_number(1, 3650), "alerts"),
    )
    retention_differences_days: int = field(
        default=90,
        metadata=declare(
            "RETENTION_DIFFERENCES_DAYS",
            whole_number(1, 3650),
            "differences that a reconciliation no longer finds",
        ),
    )
    # IdempotencyStore promises to repeat the first reply for a day.
    retention_replies_days: int = field(
        default=2,
        metadata=declare(
            "RETENTION_REPLIES_DAYS",
            whole_number(1, 3650),
            "replies to requests with an `Idempotency-Key`",
        ),
    )
