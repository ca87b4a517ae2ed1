"""Translation of disputes; https://developer.paypal.com/docs/api/customer-disputes/v1/."""

from datetime import datetime

from adapters.gateways.paypal.objects import (
    Json,
    Unreadable,
    amount,
    identifier,
    items,
    nested,
    text,
    time,
)
from adapters.gateways.paypal.statuses import dispute_status
from application.ports.gateway_notifications import DisputeNotification
from domain.identifiers import ChargeId, DisputeId


def dispute_of(event_id: str, obj: Json) -> DisputeNotification:
    """Translate a dispute; it only names the capture.

    Raises:
        Unreadable: it cannot be read, or is about several captures.
    """
    transactions = items(obj, "disputed_transactions")
    if len(transactions) != 1:
        raise Unreadable("PayPal's dispute is not about exactly one transaction")
    outcome = nested(obj, "dispute_outcome").get("outcome_code")
    status, unknown = dispute_status(
        text(obj, "status"), outcome if isinstance(outcome, str) else None
    )
    return DisputeNotification(
        id=event_id,
        charge_id=ChargeId(identifier(transactions[0], "seller_transaction_id")),
        dispute_id=DisputeId(text(obj, "dispute_id")),
        amount=amount(obj, "dispute_amount"),
        reason=text(obj, "reason").lower(),
        status=status,
        unknown_status=unknown,
        due_by=_due_by(obj),
    )


def _due_by(dispute: Json) -> datetime | None:
    """Return until when PayPal awaits the shop's evidence; one that cannot be read is none."""
    try:
        return time(dispute, "seller_response_due_date")
    except Unreadable:
        return None
