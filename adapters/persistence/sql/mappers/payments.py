"""Payments to rows and back."""

from datetime import datetime

from adapters.persistence.sql.mappers.values import Values, money_from, money_values
from adapters.persistence.sql.stored_names import current_name
from domain.capture import CaptureMode
from domain.identifiers import ChargeId, OrderId, PaymentId, UserId
from domain.money import Money
from domain.payment import Payment
from domain.payment_status import PaymentStatus


def payment_row(payment: Payment) -> Values:
    """Return the row of a payment."""
    captured = payment.captured_amount
    return (
        payment.id,
        payment.order_id,
        payment.user_id,
        *money_values(payment.amount),
        payment.gateway,
        payment.livemode,
        payment.created_at,
        payment.status.value,
        payment.charge_id,
        *((None, None) if captured is None else money_values(captured)),
        payment.reference,
        payment.code,
        payment.next_check_at,
        payment.capture_mode.value,
        payment.authorized_until,
        _minor_units(payment.requested_capture),
        _minor_units(payment.next_capture),
        payment.capture_attempt,
        payment.decided_at,
        payment.release_reason,
    )


def payment_from(
    payment_id: str,
    order_id: str,
    user_id: str,
    amount: int,
    currency: str,
    gateway: str,
    livemode: bool,
    created_at: datetime,
    status: str,
    charge_id: str | None,
    captured_amount: int | None,
    captured_currency: str,
    reference: str | None,
    code: str | None,
    next_check_at: datetime | None,
    capture_mode: str,
    authorized_until: datetime | None,
    requested_capture: int | None,
    next_capture: int | None,
    capture_attempt: int,
    decided_at: datetime | None,
    release_reason: str | None,
) -> Payment:
    """Return the payment of a row."""

    def captured(minor_units: int | None) -> Money | None:
        return None if minor_units is None else money_from(minor_units, currency)

    return Payment(
        id=PaymentId(payment_id),
        order_id=OrderId(order_id),
        user_id=UserId(user_id),
        amount=money_from(amount, currency),
        gateway=gateway,
        livemode=livemode,
        created_at=created_at,
        status=payment_status(status),
        charge_id=None if charge_id is None else ChargeId(charge_id),
        captured_amount=None
        if captured_amount is None
        else money_from(captured_amount, captured_currency),
        reference=reference,
        code=current_name(code),
        next_check_at=next_check_at,
        capture_mode=CaptureMode(capture_mode),
        authorized_until=authorized_until,
        requested_capture=captured(requested_capture),
        next_capture=captured(next_capture),
        capture_attempt=capture_attempt,
        decided_at=decided_at,
        release_reason=release_reason,
    )


def payment_status(stored: str) -> PaymentStatus:
    """Return a payment's status, also under the name that release 1.0.0rc1 stores."""
    return PaymentStatus(current_name(stored))


def _minor_units(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor_units
