"""The durations that may be shorter, longer or both without breaking a promise, and why."""

from itertools import chain
from typing import Final

HALVED: Final = 0.5
DOUBLED: Final = 2.0

UNRELATED: Final = {
    "how often something is looked at, read again, drawn or logged": (
        *("AWAY_FOR", "pulls.IDLE_SECONDS", "backlog_metrics.REFRESH_SECONDS"),
        *("root_metrics.REFRESH_SECONDS", "dead_letter_metrics.REFRESH_SECONDS"),
        *("dead_letter_metrics.RECENT", "exporting.LOG_SECONDS", "notification_refusals.SECONDS"),
        *("notification_refusals.LOG_SECONDS", "sign_in_refusals.SECONDS", "RETENTION_SECONDS"),
        *("REPLAY_SECONDS", "RELAY_AGAIN_SECONDS", "roles.BOOKS_SECONDS", "http.BOOKS_SECONDS"),
        *("CLOCK_SECONDS", "CLOCK_RETRY_SECONDS", "READINESS_SECONDS", "LOOK_SECONDS"),
        *("accounting.PROGRESS_SECONDS", "cli_reconcile.PROGRESS_SECONDS", "search.RECENT"),
        *("live.SECONDS", "FRESH_FOR", "health.SECONDS", "check_times.SHORTEST"),
        *("PENDING_FIRST_CHECK_AFTER", "outbox_signal.CHECK_SECONDS", "CACHE_SECONDS"),
        *("outbox_signal.RETRY_SECONDS", "PING_SECONDS", "jetstream_connection.RETRY_SECONDS"),
        *("REFRESH_AFTER_SECONDS", "FETCH_INTERVAL_SECONDS", "MAX_FETCH_INTERVAL_SECONDS"),
    ),
    "how long a person, a client or an operator may take or has to wait": (
        *("AUTHENTICATION_WINDOW", "WINDOW", "errors.RETRY_SECONDS", "DISCARD_SECONDS"),
        *("REFUSED_SECONDS", "dead_letter_access.SECONDS", "EARLY", "EXPIRE_AFTER_SECONDS"),
        *("FLUSH_SECONDS", "ASK_SECONDS", "key_fetching.FETCH_SECONDS"),
        *("paypal_client.CHECK_SECONDS", "stripe_client.CHECK_SECONDS", "ONCE"),
    ),
    "how long a connection may take to open, to close or to be missed": (
        *("CLOSE_SECONDS", "MAX_CONNECT_SECONDS", "PATIENCE_SECONDS", "pulls.GRACE_SECONDS"),
        *("jetstream_connection.CONNECT_SECONDS", "jetstream_connection.CANCEL_SECONDS"),
        *("DRAIN_SECONDS",),
    ),
    "a migration, which no request waits for": (
        *("LOCK_SECONDS", "TABLE_LOCK_SECONDS", "migrate.STATEMENT_SECONDS"),
    ),
    "a limit or a unit of another system": (
        *("MIN_AGE", "MIN_ACK_WAIT", "OLDEST_DISPUTE", "OLDEST", "MAX_DAYS", "DEFAULT_SECONDS"),
        *("NANOSECONDS", "NANOSECONDS_A_MILLISECOND", "SECOND", "MICROSECOND", "MAX_SECONDS"),
        *("TIME_TOLERANCE", "FIRST_WINDOW", "simulated_movements.DAY"),
    ),
}
"""Those in no relation."""

FREE: Final = {
    "the same more often, or sooner": (
        *(("books_guard.RETRY_AFTER", HALVED), ("reconcile_regularly.DAY", HALVED)),
        *(("ALIGN_SECONDS", HALVED), ("RECOVER_SECONDS", HALVED), ("DEFERRED_SECONDS", HALVED)),
        *(("RECONCILE_SECONDS", HALVED), ("WAIT", HALVED), ("ALERT_SECONDS", HALVED)),
        *(
            ("WRITE_SECONDS", HALVED),
            ("loops.IDLE_SECONDS", HALVED),
            ("reconcile_regularly.RETRY_AFTER", HALVED),
        ),
        *(("SETTLEMENT_CHECK_INTERVAL", HALVED), ("MAX_OFFSET_SECONDS", HALVED)),
    ),
    "the same less often, or later, and still within its limit": (
        *(
            ("RECOVER_SECONDS", DOUBLED),
            ("DEFERRED_SECONDS", DOUBLED),
            ("ASK_AGAIN_AFTER", DOUBLED),
        ),
        *(("RECONCILE_SECONDS", DOUBLED), ("STORAGE_DELAY", DOUBLED), ("ALERT_SECONDS", DOUBLED)),
        *(("reconcile_regularly.RETRY_AFTER", DOUBLED), ("SETTLEMENT_CHECK_INTERVAL", DOUBLED)),
        *(("STORE_SECONDS", DOUBLED), ("WRITE_SECONDS", DOUBLED), ("loops.IDLE_SECONDS", DOUBLED)),
    ),
    "more of the past is compared or kept": (
        *(("compare_books.LOOK_BACK", DOUBLED), ("reconcile_regularly.LOOK_BACK", DOUBLED)),
        *(("OVERLAP", DOUBLED), ("KEPT_NOTIFICATIONS", DOUBLED), ("STAND_IN_SECONDS", DOUBLED)),
        *(("DEFAULT_CURRENT_FOR", HALVED), ("DEFAULT_CURRENT_FOR", DOUBLED)),
    ),
    "less patience with a slow machine; what is given up is repeated": (
        *(("BEGIN_WITHIN", HALVED), ("database_url.CONNECT_SECONDS", HALVED)),
        *(("engine.STATEMENT_SECONDS", HALVED), ("streams.LOOKUP_SECONDS", HALVED)),
        *(("jetstream_connection.WAIT_SECONDS", HALVED), ("REQUEST_SECONDS", HALVED)),
        *(("paypal_wire.CONNECT_SECONDS", HALVED), ("stripe_wire.CONNECT_SECONDS", HALVED)),
        *(
            ("paypal_certificates.FETCH_SECONDS", HALVED),
            ("stripe_open_intents.CANCEL_SECONDS", HALVED),
        ),
        *(("BODY_SECONDS", HALVED), ("http_probes.CHECK_SECONDS", HALVED)),
        *(("ACTION_SECONDS", HALVED), ("SHUTDOWN_SECONDS", HALVED), ("STORE_SECONDS", HALVED)),
        ("MARGIN_SECONDS", HALVED),
    ),
    "more patience, and still within its limit": (
        *(("streams.LOOKUP_SECONDS", DOUBLED), ("jetstream_connection.WAIT_SECONDS", DOUBLED)),
        ("MARGIN_SECONDS", DOUBLED),
        *(("SHUTDOWN_SECONDS", DOUBLED), ("server.IDLE_SECONDS", DOUBLED), ("MIN_EXPIRY", DOUBLED)),
    ),
    "tokens of hours may be renewed some minutes sooner or later": (
        *(("RENEW_BEFORE_SECONDS", HALVED), ("RENEW_BEFORE_SECONDS", DOUBLED)),
    ),
}
"""Those in a relation that does not break if they are halved or doubled."""

FREE_SIDES: Final = frozenset(chain.from_iterable(FREE.values()))
WITHOUT_RELATION: Final = frozenset(chain.from_iterable(UNRELATED.values()))
