"""Pages of a simulated gateway's records: those of some payments, in the order of their ids."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from adapters.gateways.simulated.disputes import DisputeRecord
from adapters.gateways.simulated.record import GatewayRecord
from adapters.gateways.simulated.refunds import RefundRecord
from application.ports.gateway_history import ListedCharge
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    RefundNotification,
)
from application.ports.gateway_records import (
    ChargeRecord,
    FailedCharge,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
    Record,
)
from domain.identifiers import DisputeId, PaymentId
from domain.outcome import Authorized, Charged, Declined, Pending

PAGE: Final = 100
"""How many payments one page is about."""

Rows = Sequence[tuple[PaymentId, GatewayRecord]]
"""At most PAGE payments after the cursor, in the order of their ids."""


def charges_of(rows: Rows, period: Period) -> Page[ChargeRecord]:
    """Return the charges of a period."""
    return _page(rows, [each for _, record in rows for each in _charges(record, period)])


def refunds_of(rows: Rows, period: Period) -> Page[ListedRefund]:
    """Return the refunds of a period."""
    found = [
        _listed_refund(payment_id, refund)
        for payment_id, record in rows
        for refund in record.refunds
        if refund.created_at is None or is_in(period, refund.created_at)
    ]
    return _page(rows, found)


def disputes_of(rows: Rows, period: Period) -> Page[ListedDispute]:
    """Return the disputes of a period."""
    found = [
        _listed_dispute(dispute)
        for _, record in rows
        for dispute in record.disputes
        if is_in(period, dispute.created_at)
    ]
    return _page(rows, found)


def _charges(record: GatewayRecord, period: Period) -> Iterator[ChargeRecord]:
    for attempt in record.attempts:
        if attempt.claimed is None or not is_in(period, attempt.charged_at):
            continue
        match attempt.outcome:
            case Charged() | Authorized() | Pending() as outcome:
                refunded = attempt.amount - record.refundable(attempt)
                yield ListedCharge(attempt.claimed, outcome, refunded)
            case Declined() as outcome if attempt.is_debit:
                yield FailedCharge(attempt.claimed, attempt.charge_id, outcome)


def _listed_refund(payment_id: PaymentId, refund: RefundRecord) -> ListedRefund:
    event_id = f"listed_{refund.reference}_{refund.state.value}"
    charge_id, reported = refund.charge_id, refund.reported
    if refund.refund_id is None:
        external = ExternalRefundNotification(event_id, charge_id, reported)
        return ListedRefund(external, event_id.encode(), refund.created_at)
    ours = RefundNotification(event_id, payment_id, charge_id, reported)
    return ListedRefund(ours, event_id.encode(), refund.created_at)


def _listed_dispute(dispute: DisputeRecord) -> ListedDispute:
    event_id = f"listed_{dispute.id}_{dispute.status.value}"
    notification = DisputeNotification(
        id=event_id,
        charge_id=dispute.charge_id,
        dispute_id=DisputeId(dispute.id),
        amount=dispute.amount,
        reason="fraudulent",
        status=dispute.status,
        due_by=dispute.due_by,
    )
    return ListedDispute(notification, event_id.encode(), dispute.created_at)


def _page(rows: Rows, records: Sequence[Record]) -> Page[Record]:
    return Page(records, rows[-1][0] if len(rows) == PAGE else None)


def is_in(period: Period, moment: datetime | None) -> bool:
    """Whether something happened in a period."""
    return moment is not None and period.since <= moment < period.until
