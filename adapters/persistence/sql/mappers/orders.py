"""Orders with their payments, refunds and disputes to rows and back."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from adapters.persistence.sql.mappers.payments import payment_from
from adapters.persistence.sql.mappers.values import Values, money_from, money_values
from adapters.persistence.sql.stored_names import current_name, current_reason
from adapters.persistence.sql.tables import disputes, orders, payments, refunds
from domain.capture import CaptureMode
from domain.dispute import Dispute, DisputeStatus
from domain.history import HistoryEntry, HistoryHead
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId, UserId
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund, RefundStatus
from domain.replica import OrderReplica, OrderStatus, Shipment, Terms

# Where the columns of each table begin in a row of the joined tables.
ORDER_WIDTH: Final = len(orders.columns)
"""The number of columns of an order."""
_REFUND: Final = ORDER_WIDTH + len(payments.columns)
_DISPUTE: Final = _REFUND + len(refunds.columns)
_NO_HISTORY: Final = (None, None, None)
WIDTH: Final = _DISPUTE + len(disputes.columns)
"""The number of columns of the joined tables; a row may have more after them."""


class StoredOrder(NamedTuple):
    """An order as it is stored; a tuple, because each commit handles several."""

    revision: int
    order: Order
    head: HistoryHead | None


def order_row(replica: OrderReplica, revision: int, head: HistoryHead | None) -> Values:
    """Return the row of an order's replica; `head` is where the order's history ends."""
    terms = replica.terms
    if terms is None:
        terms_values: Values = (None,) * 6
    else:
        capture = None if terms.capture is None else terms.capture.value
        price = money_values(terms.price)
        terms_values = (terms.version, terms.user_id, *price, terms.expires_at, capture)
    shipment = replica.shipment
    shipped = (None, None) if shipment is None else (shipment.version, shipment.minor_units)
    status = replica.status.value
    ends = _NO_HISTORY if head is None else (head.seq, bytes.fromhex(head.hash), head.revision)
    return (replica.id, revision, replica.version, status, *terms_values, *shipped, *ends)


def history_row(order_id: OrderId, entry: HistoryEntry) -> Values:
    """Return the row of an entry of an order's history."""
    return (order_id, entry.seq, entry.content, bytes.fromhex(entry.hash))


def refund_row(refund: Refund) -> Values:
    """Return the row of a refund."""
    return (
        refund.id,
        refund.payment_id,
        refund.order_id,
        refund.charge_id,
        *money_values(refund.amount),
        refund.reason,
        refund.created_at,
        refund.status.value,
        refund.reference,
        refund.code,
        refund.automatic,
        refund.attempt,
        refund.next_check_at,
    )


def dispute_row(dispute: Dispute) -> Values:
    """Return the row of a dispute."""
    return (
        dispute.id,
        dispute.payment_id,
        dispute.order_id,
        dispute.charge_id,
        *money_values(dispute.amount),
        dispute.reason,
        dispute.status.value,
    )


def unpaid_order_from(row: Values) -> dict[OrderId, StoredOrder]:
    """Return the order of a row that begins with its columns, and which has no payment."""
    if row[0] is None:
        return {}
    revision, replica, head = _replica(*row[:ORDER_WIDTH])
    return {replica.id: StoredOrder(revision, Order(replica), head)}


def orders_from(rows: Iterable[Values]) -> dict[OrderId, StoredOrder]:
    """Return the orders, as they are stored, of rows of the joined tables.

    A payment with several refunds and disputes is in several rows. A row may be without an order.
    """
    replicas: dict[OrderId, tuple[int, OrderReplica, HistoryHead | None]] = {}
    payments_of: defaultdict[OrderId, dict[str, Payment]] = defaultdict(dict)
    refunds_of: defaultdict[OrderId, dict[str, Refund]] = defaultdict(dict)
    disputes_of: defaultdict[OrderId, dict[str, Dispute]] = defaultdict(dict)
    for row in rows:
        if row[0] is None:
            continue
        order_id = OrderId(row[0])
        if order_id not in replicas:
            replicas[order_id] = _replica(*row[:ORDER_WIDTH])
        payment_id = row[ORDER_WIDTH]
        if payment_id is not None and payment_id not in payments_of[order_id]:
            payments_of[order_id][payment_id] = payment_from(*row[ORDER_WIDTH:_REFUND])
        refund_id, dispute_id = row[_REFUND], row[_DISPUTE]
        if refund_id is not None and refund_id not in refunds_of[order_id]:
            refunds_of[order_id][refund_id] = refund_from(*row[_REFUND:_DISPUTE])
        if dispute_id is not None and dispute_id not in disputes_of[order_id]:
            disputes_of[order_id][dispute_id] = _dispute(*row[_DISPUTE:WIDTH])
    return {
        order_id: StoredOrder(
            revision,
            Order(
                replica,
                tuple(sorted(payments_of[order_id].values(), key=_age)),
                tuple(sorted(refunds_of[order_id].values(), key=_age)),
                tuple(each for _, each in sorted(disputes_of[order_id].items())),
            ),
            head,
        )
        for order_id, (revision, replica, head) in replicas.items()
    }


def _replica(
    order_id: str,
    revision: int,
    version: int,
    status: str,
    terms_version: int | None,
    user_id: str,
    price: int,
    currency: str,
    expires_at: datetime | None,
    capture: str | None,
    shipped_version: int | None,
    shipped_amount: int | None,
    history_seq: int | None,
    history_hash: bytes,
    history_revision: int,
) -> tuple[int, OrderReplica, HistoryHead | None]:
    terms = None
    if terms_version is not None:
        if expires_at is not None:  # asyncpg returns datetime.max without a time zone
            expires_at = expires_at.replace(tzinfo=UTC)
        mode = None if capture is None else CaptureMode(capture)
        due = money_from(price, currency)
        terms = Terms(terms_version, UserId(user_id), due, expires_at, mode)
    shipment = None if shipped_version is None else Shipment(shipped_version, shipped_amount)
    replica = OrderReplica(OrderId(order_id), version, OrderStatus(status), terms, shipment)
    head = None
    if history_seq is not None:
        head = HistoryHead(history_seq, history_hash.hex(), history_revision)
    return revision, replica, head


def refund_from(
    refund_id: str,
    payment_id: str,
    order_id: str,
    charge_id: str,
    amount: int,
    currency: str,
    reason: str,
    created_at: datetime,
    status: str,
    reference: str | None,
    code: str | None,
    automatic: bool,
    attempt: int,
    next_check_at: datetime | None,
) -> Refund:
    """Return the refund of a row."""
    return Refund(
        id=RefundId(refund_id),
        payment_id=PaymentId(payment_id),
        order_id=OrderId(order_id),
        charge_id=ChargeId(charge_id),
        amount=money_from(amount, currency),
        reason=current_reason(reason, automatic=automatic),
        created_at=created_at,
        status=RefundStatus(status),
        reference=reference,
        code=current_name(code),
        automatic=automatic,
        attempt=attempt,
        next_check_at=next_check_at,
    )


def _dispute(
    dispute_id: str,
    payment_id: str,
    order_id: str,
    charge_id: str,
    amount: int,
    currency: str,
    reason: str,
    status: str,
) -> Dispute:
    return Dispute(
        id=DisputeId(dispute_id),
        payment_id=PaymentId(payment_id),
        order_id=OrderId(order_id),
        charge_id=ChargeId(charge_id),
        amount=money_from(amount, currency),
        reason=reason,
        status=DisputeStatus(status),
    )


def _age(each: Payment | Refund) -> tuple[datetime, str]:
    return each.created_at, each.id
