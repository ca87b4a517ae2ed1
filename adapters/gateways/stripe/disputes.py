"""Translation of disputes; https://docs.stripe.com/api/disputes/object."""

from datetime import datetime

from adapters.gateways.stripe.objects import (
    Json,
    Unreadable,
    amount,
    is_whole,
    nested,
    text,
    time_of,
)
from adapters.gateways.stripe.statuses import dispute_status, is_known_dispute
from application.ports.gateway_notifications import DisputeNotification
from domain.identifiers import ChargeId, DisputeId


def dispute_of(event_id: str, type_: str, obj: Json) -> DisputeNotification:
    """Translate a dispute; it only names the charge.

    Raises:
        Unreadable: it cannot be read.
    """
    word, is_closed = text(obj, "status"), type_ == "charge.dispute.closed"
    return DisputeNotification(
        id=event_id,
        charge_id=ChargeId(text(obj, "charge")),
        dispute_id=DisputeId(text(obj, "id")),
        amount=amount(obj, "amount"),
        reason=text(obj, "reason"),
        status=dispute_status(word, is_closed=is_closed, was_taken=_was_taken(obj)),
        unknown_status=None if is_known_dispute(word, is_closed=is_closed) else word,
        due_by=_due_by(obj),
    )


def _due_by(dispute: Json) -> datetime | None:
    """Return until when Stripe awaits evidence; one that cannot be read is none."""
    due_by = nested(dispute, "evidence_details").get("due_by")
    try:
        return time_of(due_by) if is_whole(due_by) else None
    except Unreadable:
        return None


def _was_taken(dispute: Json) -> bool:
    """Whether Stripe has taken the disputed money: its balance transactions are negative."""
    transactions = dispute.get("balance_transactions")
    found = transactions if isinstance(transactions, list) else []
    amounts = [each.get("amount") for each in found if isinstance(each, dict)]
    return sum(amount for amount in amounts if isinstance(amount, int)) < 0
