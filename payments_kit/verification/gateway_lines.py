"""What a gateway lists, as lines of a file."""

from typing import Final, assert_never

from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    RefundNotification,
    UnusableNotification,
)
from application.ports.gateway_records import (
    ChargeRecord,
    FailedCharge,
    ListedDispute,
    ListedRefund,
)
from domain.identifiers import PaymentId
from domain.money import Money
from domain.outcome import Authorized, Charged, Pending
from domain.payment import Payment
from domain.refund import Refunded, RefundFailed, RefundOutcome, RefundPending, ReportedRefund
from payments_kit.verification.lines import ChargeLine, DisputeLine, RefundLine

UNREADABLE: Final = "unreadable"

_UNKNOWN: Final = "?"
"""What stands for an id that a gateway does not say."""

_NO_CURRENCY: Final = "xxx"  # ISO 4217


def claimed_in(record: ChargeRecord) -> PaymentId | None:
    """Return the payment that the labels of a charge name."""
    if isinstance(record, UnreadableCharge):
        return getattr(record.notification, "payment_id", None)
    return record.payment.id


def charge_line(gateway: str, record: ChargeRecord) -> ChargeLine:
    """Return the line of a charge."""
    match record:
        case UnreadableCharge():
            return ChargeLine(
                gateway=gateway,
                id=record.notification.id,
                payment=claimed_in(record) or _UNKNOWN,
                amount=0,
                currency=_NO_CURRENCY,
                state=UNREADABLE,
            )
        case FailedCharge(payment=payment, charge_id=charge_id):
            return _charge(gateway, payment, charge_id, payment.amount, "failed")
        case ListedCharge(payment=payment, outcome=outcome, refunded=refunded):
            match outcome:
                case Charged():
                    found = _charge(gateway, payment, outcome.charge_id, outcome.amount, "captured")
                    found.refunded = refunded.minor_units
                    return found
                case Authorized():
                    return _charge(gateway, payment, outcome.charge_id, outcome.amount, "held")
                case Pending():
                    reference = outcome.reference or payment.id
                    return _charge(gateway, payment, reference, payment.amount, "pending")
                case _:
                    assert_never(outcome)
        case _:
            assert_never(record)


def _charge(
    gateway: str, payment: Payment, charge_id: str, amount: Money, state: str
) -> ChargeLine:
    return ChargeLine(
        gateway=gateway,
        id=charge_id,
        payment=payment.id,
        order=payment.order_id,
        amount=amount.minor_units,
        currency=amount.currency.code,
        state=state,
        claimed_at=payment.created_at,
    )


def refund_line(gateway: str, record: ListedRefund) -> RefundLine:
    """Return the line of a refund; it names one of ours if its labels prove that."""
    match record.notification:
        case UnusableNotification(id=name):
            return RefundLine(
                gateway=gateway,
                id=name,
                charge=_UNKNOWN,
                amount=0,
                currency=_NO_CURRENCY,
                state=UNREADABLE,
                created_at=record.created_at,
            )
        case RefundNotification(charge_id=charge_id, reported=reported):
            is_ours = reported.attempt is not None
            ours = reported.refund_id if is_ours else None
            return _refund(gateway, charge_id, reported, ours, record)
        case ExternalRefundNotification(charge_id=charge_id, reported=reported):
            return _refund(gateway, charge_id, reported, None, record)
        case _:
            assert_never(record.notification)


def _refund(
    gateway: str,
    charge_id: str,
    reported: ReportedRefund,
    ours: str | None,
    record: ListedRefund,
) -> RefundLine:
    return RefundLine(
        gateway=gateway,
        id=reported.reference,
        charge=charge_id,
        refund=ours,
        amount=reported.amount.minor_units,
        currency=reported.amount.currency.code,
        state=_state(reported.outcome),
        created_at=record.created_at,
    )


def _state(outcome: RefundOutcome) -> str:
    match outcome:
        case Refunded():
            return "succeeded"
        case RefundPending():
            return "pending"
        case RefundFailed():
            return "failed"
        case _:
            assert_never(outcome)


def dispute_line(gateway: str, record: ListedDispute) -> DisputeLine:
    """Return the line of a dispute."""
    match record.notification:
        case DisputeNotification() as said:
            return DisputeLine(
                gateway=gateway,
                id=said.dispute_id,
                charge=said.charge_id,
                amount=said.amount.minor_units,
                currency=said.amount.currency.code,
                reason=said.reason,
                state=said.unknown_status or said.status.value,
                created_at=record.created_at,
            )
        case UnusableNotification(id=name):
            return DisputeLine(
                gateway=gateway,
                id=name,
                charge=_UNKNOWN,
                amount=0,
                currency=_NO_CURRENCY,
                state=UNREADABLE,
                created_at=record.created_at,
            )
        case _:
            assert_never(record.notification)
