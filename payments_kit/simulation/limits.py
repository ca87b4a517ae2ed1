"""Limits: the time limits of the code itself, at which mistakes are made."""

from bisect import bisect_left
from typing import Final

from adapters.gateways.simulated.attempts import AUTHORIZED_FOR
from adapters.gateways.simulated.idempotency import KEY_LIFETIME
from adapters.messaging.in_memory.broker import ACK_WAIT, DUPLICATE_WINDOW
from application.ports.payment_gateway import CALL_SECONDS, LOOKUP_SECONDS
from application.use_cases import books_guard, compare_books, pay_order, relay_outbox
from application.use_cases.apply_deferred_notifications import DEFERRED_FOR
from domain import check_times, refund

LIMITS: Final = tuple(
    sorted(
        {
            *(CALL_SECONDS, LOOKUP_SECONDS),
            *(
                each.total_seconds()
                for each in (
                    *(check_times.FIRST_CHECK_AFTER, check_times.CHECK_INTERVAL),
                    *(check_times.CHARGE_WINDOW, check_times.ABANDON_AFTER),
                    *(check_times.AUTHENTICATION_WINDOW, check_times.LATE_CAPTURE_WINDOW),
                    *(check_times.PENDING_FIRST_CHECK_AFTER, check_times.PENDING_CHECK_INTERVAL),
                    *(check_times.EXPIRY_NOTICE, check_times.PENDING_LIMIT),
                    *(refund.SEND_LEASE, refund.SETTLEMENT_CHECK_INTERVAL),
                    *(relay_outbox.LEASE, relay_outbox.BEGIN_WITHIN, pay_order.REQUEST_LEASE),
                    *(compare_books.MARGIN, compare_books.LOOK_BACK, books_guard.INTERVAL),
                    *(DEFERRED_FOR, AUTHORIZED_FOR, AUTHORIZED_FOR - check_times.EXPIRY_NOTICE),
                    *(KEY_LIFETIME, DUPLICATE_WINDOW, ACK_WAIT),
                )
            ),
        }
    )
)
"""Each in seconds, the shortest first."""


def place_of(seconds: float) -> str:
    """Return between which limits a time is, or at which one."""
    index = bisect_left(LIMITS, seconds)
    is_at = index < len(LIMITS) and seconds == LIMITS[index]
    return f"at {index}" if is_at else str(index)
