"""What must hold between the durations, and why; docs/architecture.md shows the same table.

A name is that of a constant; `module.NAME` where several modules have one. OTHERS has what is no
constant of a module.
"""

import ast
from collections.abc import Mapping
from itertools import chain
from types import CodeType
from typing import Any, Final

from attrs import field, fields, frozen

from adapters.messaging.jetstream.plans import ORDERS, PAYMENTS
from adapters.persistence.sql.clock import MAX_STEP_BACK
from application.ports.alerts import MAX_CURRENT_FOR, AlertKind
from application.ports.backlog import BacklogKind
from application.use_cases.recover_payments import MAX_CONCURRENT
from entrypoints.composition.worker import KEPT_ALERTS, KEPT_NOTIFICATIONS
from entrypoints.console.operators import LIMITS
from entrypoints.monitoring.problems import MAX_AGES
from entrypoints.settings.model import Settings
from entrypoints.worker.batches import DELAYS

OTHERS: Final = {
    "minutes": 60.0,
    "hours": 3600.0,
    "days": 86400.0,
    "DRAIN_OF_SERVE": float(str(fields(Settings).drain_seconds.default)),
    "MAX_STEP_BACK": MAX_STEP_BACK,
    "DELAYS": float(sum(DELAYS)),
    "ORDERS_DUPLICATES": ORDERS.duplicate_window.total_seconds(),
    "PAYMENTS_DUPLICATES": PAYMENTS.duplicate_window.total_seconds(),
    "LIMIT_OF_OPEN_PAYMENTS": MAX_AGES[BacklogKind.PAYMENT_OPEN].total_seconds(),
    "LIMIT_OF_DEFERRED": MAX_AGES[BacklogKind.NOTIFICATION_DEFERRED].total_seconds(),
    "LOOKUP_ALERT": AlertKind.LOOKUP_IMPOSSIBLE.current_for.total_seconds(),
    "MISSING_ALERT": AlertKind.GATEWAY_MISSING.current_for.total_seconds(),
    "MAX_CURRENT_FOR": MAX_CURRENT_FOR.total_seconds(),
    "KEPT_ALERTS": KEPT_ALERTS.total_seconds(),
    "KEPT_NOTIFICATIONS": KEPT_NOTIFICATIONS.total_seconds(),
    "CONSOLE_SESSION": LIMITS.longest.total_seconds(),
    # Recovery checks up to 100 orders in a run.
    "ROUNDS": float(-(-100 // MAX_CONCURRENT)),
}

CHARGES: Final = (
    (
        "engine.STATEMENT_SECONDS < FIRST_CHECK_AFTER",
        "a claim whose commit was slow can still be charged",
    ),
    (
        "FIRST_CHECK_AFTER + CALL_SECONDS + CLOCK_MARGIN <= ABANDON_AFTER",
        "a missing record means that a payment never arrived only when its request is over",
    ),
    (
        "MAX_STEP_BACK + engine.STATEMENT_SECONDS / 2 < CLOCK_MARGIN",
        "the clocks of two processes: a correction, and half of the slowest reading",
    ),
    (
        "ABANDON_AFTER + RECOVER_SECONDS < 30",
        "the order of a charge that was never sent can be paid again within the promised 30 s",
    ),
    (
        "payment_gateway.LOOKUP_SECONDS + 2 * RECOVER_SECONDS < 30",
        "a look-up that began just before the gateway answers again is followed by another one",
    ),
    (
        "2 * 10 + MARGIN_SECONDS < payment_gateway.LOOKUP_SECONDS",
        "a gateway that takes 10 s for each of two answers is understood",
    ),
    (
        "CHECK_INTERVAL + CALL_SECONDS + MAX_PAUSE_SECONDS <= 30",
        "after a failure, the next check begins, and is answered, within the promised 30 s",
    ),
    (
        "FIRST_CHECK_AFTER < CHECK_INTERVAL",
        "the intervals between checks grow, so that a gateway that is down is asked less often",
    ),
    (
        "FIRST_CHECK_AFTER + CALL_SECONDS + 3 * (POOL_SECONDS + engine.STATEMENT_SECONDS)"
        " < REQUEST_LEASE",
        "a request is not repeated while it runs: the charge, its commit, and one after a conflict",
    ),
    ("REQUEST_LEASE <= 1 * minutes", "the request of a process that crashed can be repeated soon"),
    (
        "24 * hours + CHARGE_WINDOW + CLOCK_MARGIN <= LATE_CAPTURE_WINDOW",
        "a request is executed within 24 h after it was sent, which may be some time after the"
        " claim",
    ),
    (
        "EXECUTED_WITHIN <= KEY_LIFETIME",
        "a late request meets the key of the one that replaced it",
    ),
    ("KEY_LIFETIME <= 24 * hours", "simulated gateways forget a key as early as Stripe may"),
    ("CALL_SECONDS + CLOCK_MARGIN <= SEND_LEASE", "recovery sends no refund that is being sent"),
    (
        "SEND_LEASE + 2 * payment_gateway.LOOKUP_SECONDS + CALL_SECONDS < IN_PROGRESS",
        "what recovery still finds and sends is no difference for reconciliation",
    ),
    (
        "IN_PROGRESS + MARGIN < LIMIT_OF_OPEN_PAYMENTS",
        "a payment that is open for too long is a difference first, then a problem",
    ),
    (
        "2 * (ABANDON_AFTER + 30) < LIMIT_OF_OPEN_PAYMENTS",
        "what recovery ends in time is no problem for an operator",
    ),
)

WAITS: Final = (
    (
        "books_guard.WAIT_SECONDS + CALL_SECONDS < FINISH_SECONDS",
        "a charge ends in a graceful stop",
    ),
    ("BODY_SECONDS < FINISH_SECONDS", "so does a request whose body is still arriving"),
    ("FINISH_SECONDS < STOP_SECONDS", "what is finished is also answered"),
    (
        "DRAIN_OF_SERVE + STOP_SECONDS < 30",
        "Kubernetes kills a process after 30 s",
    ),
    (
        "create_charge.CANCEL_SECONDS + books_guard.WAIT_SECONDS + CALL_SECONDS < 30",
        "proxies wait 30 s for the answer to a payment, also if an earlier one is cancelled first",
    ),
    (
        "stripe_open_intents.CANCEL_SECONDS < create_charge.CANCEL_SECONDS",
        "a customer waits for as long as a cancellation takes",
    ),
    (
        "stripe_wire.CONNECT_SECONDS < books_guard.WAIT_SECONDS",
        "the books can be compared on a connection that has yet to be opened",
    ),
    (
        "paypal_certificates.FETCH_SECONDS < gateway_notifications.READ_SECONDS",
        "a certificate is fetched to read a webhook",
    ),
    (
        "gateway_notifications.READ_SECONDS + POOL_SECONDS + engine.STATEMENT_SECONDS"
        " < FINISH_SECONDS",
        "a webhook ends in a graceful stop",
    ),
    (
        "CALL_SECONDS < loops.GRACE_SECONDS",
        "a worker that stops finishes what moves money",
    ),
    ("loops.GRACE_SECONDS + SHUTDOWN_SECONDS < 30", "Kubernetes kills a process after 30 s"),
    ("60 < server.IDLE_SECONDS", "proxies give an idle connection up first, after 60 s"),
    ("http_probes.CHECK_SECONDS < 1", "a probe of Kubernetes waits for 1 s"),
    ("ACTION_SECONDS < ASK_AGAIN_AFTER", "a page that polls asks the gateway once at a time"),
    (
        "database_url.CONNECT_SECONDS <= POOL_SECONDS",
        "who waits for a connection also waits for one that is being opened",
    ),
    (
        "ROUNDS * payment_gateway.LOOKUP_SECONDS < READY_SECONDS",
        "a run of recovery on a gateway that does not answer is normal",
    ),
    (
        "ROUNDS * (2 * payment_gateway.LOOKUP_SECONDS + CALL_SECONDS) < LIVE_SECONDS",
        "a worker whose gateway is as slow as can be is not restarted",
    ),
    ("2 * READY_SECONDS <= LIVE_SECONDS", "it is not ready for some time before it is restarted"),
    ("LIVE_SECONDS <= 10 * minutes", "a loop that hangs is restarted"),
)

GATEWAY_CALLS: Final = (
    (
        "stripe_wire.CONNECT_SECONDS < SEND_SECONDS",
        "after a token is converted, the charge can still be sent",
    ),
    (
        "3 * SEND_SECONDS < CALL_SECONDS - MARGIN_SECONDS",
        "converting it has most of the time",
    ),
    (
        "stripe_wire.CONNECT_SECONDS <= LIST_SECONDS",
        "after a refund is refused, the others can be listed",
    ),
    (
        "3 * LIST_SECONDS < CALL_SECONDS - MARGIN_SECONDS",
        "the refund itself has most of the time",
    ),
    (
        "stripe_wire.CONNECT_SECONDS < stripe_captures.READ_SECONDS",
        "after a capture is refused, the reason can be read",
    ),
    (
        "3 * stripe_captures.READ_SECONDS < CALL_SECONDS - MARGIN_SECONDS",
        "the capture itself has most of the time",
    ),
    (
        "paypal_wire.CONNECT_SECONDS + paypal_charging.READ_SECONDS < TAKE_SECONDS",
        "after an order is read and bound, its money can be taken, and a refusal be read",
    ),
    (
        "2 * TAKE_SECONDS < CALL_SECONDS",
        "reading and binding an order have as much time as taking its money",
    ),
    (
        "TOKEN_SECONDS < CALL_SECONDS - MARGIN_SECONDS - TAKE_SECONDS",
        "so it does if an access token must be fetched first",
    ),
    ("paypal_wire.CONNECT_SECONDS < TOKEN_SECONDS", "a connection may have to be opened for it"),
    (
        "payment_gateway.LOOKUP_SECONDS + CALL_SECONDS < RENEW_BEFORE_SECONDS",
        "no access token ends during a call",
    ),
    ("paypal_wire.CONNECT_SECONDS <= paypal_charging.READ_SECONDS", "the same after a refusal"),
    ("2 * paypal_charging.READ_SECONDS < TAKE_SECONDS", "taking the money has most of the time"),
    ("paypal_wire.CONNECT_SECONDS <= paypal_refunds.READ_SECONDS", "as with Stripe"),
    ("3 * paypal_refunds.READ_SECONDS < CALL_SECONDS", "as with Stripe"),
    ("paypal_wire.CONNECT_SECONDS < paypal_authorizations.READ_SECONDS", "as with Stripe"),
    ("3 * paypal_authorizations.READ_SECONDS < CALL_SECONDS", "as with Stripe"),
    ("TOLERANCE_SECONDS == 5 * minutes", "as in Stripe's own libraries"),
    ("MAX_AHEAD == TOLERANCE_SECONDS", "as with Stripe"),
    ("3 * days < MAX_AGE", "PayPal repeats a webhook for 3 days"),
    (
        "MAX_AGE < KEPT_NOTIFICATIONS",
        "an old webhook that is sent again is known, and changes nothing",
    ),
)

EVENTS: Final = (
    (
        "BEGIN_WITHIN + REPLY_SECONDS < LEASE",
        "what a relay publishes is confirmed before another relay begins",
    ),
    (
        "LEASE + 2 * (streams.LOOKUP_SECONDS + REPLY_SECONDS) + jetstream_connection.WAIT_SECONDS"
        " < PAYMENTS_DUPLICATES",
        "what a slow relay repeats after its lease is stored once",
    ),
    ("DUPLICATE_WINDOW == PAYMENTS_DUPLICATES", "the broker in memory is as the real one"),
    ("DUPLICATE_WINDOW == ORDERS_DUPLICATES", "the same"),
    ("1 < REPLY_SECONDS", "a far server replies within one second"),
    ("loops.IDLE_SECONDS * 2**10 > MAX_PAUSE_SECONDS", "doubled pauses reach the longest one"),
    ("LEASE < MAX_PAUSE_SECONDS", "after a crash of a relay, the next one begins soon"),
    (
        "2 * 2 * (POOL_SECONDS + engine.STATEMENT_SECONDS) < ACK_WAIT_SECONDS",
        "a batch that waits for the one before it is not delivered again: two reads, two commits",
    ),
    (
        "2 * engine.STATEMENT_SECONDS < ACK_WITHIN_SECONDS",
        "the slowest read and commit of a batch are acknowledged",
    ),
    (
        "2 * ACK_WITHIN_SECONDS < ACK_WAIT_SECONDS",
        "an acknowledgement comes long before its delivery is repeated",
    ),
    ("ACK_WAIT == ACK_WAIT_SECONDS", "the broker in memory is as the real one"),
    (
        "5 * 2 * REQUEST_SECONDS < STAND_IN_SECONDS",
        "a stand-in lives until the consumer exists again, after MAX_CREATIONS attempts",
    ),
    ("WAIT < MIN_EXPIRY", "a fetch ends before a server that we accept ends it"),
    ("1 * minutes < DELAYS", "an event fails for longer than a deployment before it is given up"),
    (
        "ALIGN_SECONDS <= STORAGE_DELAY",
        "where the streams end is compared before what the database refused is delivered again",
    ),
    ("EXPIRY_NOTICE == 24 * hours", "`payment:expiring` is promised 24 h before"),
)

BOOKS: Final = (
    ("60 + 30 <= MARGIN", "clocks differ by a minute at most; a charge is listed 30 s late"),
    ("books_guard.INTERVAL + MARGIN <= 3 * minutes", "a failover compares some minutes only"),
    ("4 * books_guard.RETRY_AFTER < books_guard.INTERVAL", "a failed comparison is repeated soon"),
    (
        "books_guard.RETRY_AFTER <= CHECK_INTERVAL",
        "a gateway that answers again is compared with when its payments are checked",
    ),
    ("1 * days <= compare_books.LOOK_BACK", "backups are made daily"),
    ("compare_books.SHORTEST == 1", "gateways list in whole seconds"),
    ("use_cases_reconcile.SHORTEST == 1", "the same"),
    ("reconcile_regularly.INTERVAL == 1 * hours", "as the contract promises"),
    (
        "IN_PROGRESS + MARGIN + 2 * reconcile_regularly.INTERVAL < OVERLAP",
        "what was in progress is compared again, also if a comparison takes long",
    ),
    (
        "2 * reconcile_regularly.DAY < reconcile_regularly.LOOK_BACK",
        "each day is compared in two long comparisons",
    ),
    ("3 * days <= DEFERRED_FOR", "Stripe repeats a webhook for 3 days"),
    ("DEFERRED_FOR <= reconcile_regularly.LOOK_BACK", "what was not applied then is found here"),
    ("DEFERRED_FOR + DEFERRED_SECONDS < LIMIT_OF_DEFERRED", "what is deleted is no problem"),
    ("20 * days < PENDING_LIMIT", "a SEPA debit of 14 business days ends by itself"),
    ("PENDING_LIMIT <= 100 * PENDING_CHECK_INTERVAL", "a debit costs the gateway few requests"),
    ("2 * PENDING_CHECK_INTERVAL < MISSING_ALERT", "an alert lasts from one check to the next"),
    ("2 * PENDING_CHECK_INTERVAL < LOOKUP_ALERT", "the same"),
    ("MAX_CURRENT_FOR <= KEPT_ALERTS", "an alert is not deleted while it is shown"),
    ("CONSOLE_SESSION < 1 * days", "no session of an operator is deleted while it lives"),
    ("MAX_OFFSET_SECONDS <= MAX_STEP_BACK", "an operator is told of a clock that is not followed"),
    (
        "simulated_attempts.AUTHORIZED_FOR == stripe_objects.AUTHORIZED_FOR",
        "the simulated gateways hold as long as Stripe",
    ),
    ("SETTLEMENT_CHECK_INTERVAL < LOOKUP_ALERT", "the same for a refund that a bank delays"),
    ("10 * ALERT_SECONDS < DEFAULT_CURRENT_FOR", "what is reported again and again stays shown"),
    ("STORE_SECONDS < WRITE_SECONDS", "a slow write of an alert ends before the next one"),
    ("2 * WRITE_SECONDS < 1 * minutes", "an alert is shown well within a minute"),
    ("ROOT_SECONDS == 1 * minutes", "as the contract promises"),
    ("RECONCILE_SECONDS < 20", "a worker reconciles within 20 s after its start"),
    ("reconcile_regularly.RETRY_AFTER < reconcile_regularly.INTERVAL", "a failure is repeated"),
    ("RECORDS_DELAY == 3 * hours", "as PayPal says"),
)

TABLES: Final = {
    "Charges and refunds": CHARGES,
    "Who waits": WAITS,
    "Within one call of a gateway": GATEWAY_CALLS,
    "Events": EVENTS,
    "Books, reconciliation and alerts": BOOKS,
}
"""As docs/architecture.md shows them."""

RELATIONS: Final = tuple(chain.from_iterable(TABLES.values()))


@frozen
class Expression:
    """A relation that can be evaluated."""

    text: str
    code: CodeType = field(eq=False, repr=False)
    names: frozenset[str]
    """The constants in it, as they are named in it."""

    @classmethod
    def of(cls, text: str) -> "Expression":
        """Compile a relation."""
        tree = ast.parse(text, mode="eval")
        names = [
            ast.unparse(each)
            for each in ast.walk(tree)
            if isinstance(each, ast.Name | ast.Attribute)
        ]
        return cls(text, compile(tree, text, "eval"), frozenset(names))

    def holds(self, names: Mapping[str, Any]) -> bool:
        """Whether it is true."""
        return bool(eval(self.code, {"__builtins__": {}}, dict(names)))

    def __str__(self) -> str:
        return self.text
