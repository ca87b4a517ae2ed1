"""A lost end: what a payment has become if only a later one shows that it had ended."""

from datetime import datetime

from domain.outcome import Declined
from domain.payment import Payment
from domain.payment_status import ORDER_ALREADY_PAID, PaymentStatus


def end_before(later: Payment, earlier: Payment, now: datetime) -> Payment:
    """Return the earlier payment, ended without a capture if it is open; it is checked at once.

    An order is claimed again only after its payment has ended. What the gateway still has of the
    earlier one is cancelled there, and a capture of it is given back.
    """
    if not earlier.is_open or earlier.created_at >= later.created_at:
        return earlier
    if earlier.status is PaymentStatus.PROCESSING:  # its request may still be executed
        return earlier.abandon().check_now(now)
    released = earlier.release(ORDER_ALREADY_PAID, now)
    return released.fail(Declined(ORDER_ALREADY_PAID)).check_now(now)
