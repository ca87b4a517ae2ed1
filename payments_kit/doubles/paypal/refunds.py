"""Refunds of captures; https://developer.paypal.com/docs/api/payments/v2/#captures_refund."""

from decimal import Decimal
from typing import Final

from payments_kit.doubles.paypal import amounts, views
from payments_kit.doubles.paypal.errors import Json, failed
from payments_kit.doubles.paypal.ledger import Ledger, Plan
from payments_kit.doubles.paypal.replies import Request, Result, created

# https://www.paypal.com/us/cshelp/article/how-do-i-issue-a-refund-help101
REFUND_DAYS: Final = 180
_KEPT: Final = ("custom_id", "invoice_id", "note_to_payer")
_REFUNDABLE: Final = ("COMPLETED", "PARTIALLY_REFUNDED")


def create(ledger: Ledger, request: Request) -> Result:
    """Refund a capture, as `POST /v2/payments/captures/{id}/refund` does."""
    capture = ledger.get("captures", request.object_id)
    _check_refundable(ledger, capture)
    left = amounts.decimal(capture["amount"]) - Decimal(capture["_refunded"])
    value = _value(capture, request.body, left)
    if value < left:
        _check_partial(ledger, capture)
    _check_invoice(ledger, request.body.get("invoice_id"))
    plan = ledger.next_refunds.pop(0) if ledger.next_refunds else Plan()
    if plan.issue is not None:
        raise failed(plan.issue)
    refund = _new_refund(ledger, capture, value, request.body, plan)
    ledger.refunds[refund["id"]] = refund
    if plan.report:
        ledger.reports[refund["id"]] = plan.report
    if refund["status"] != "FAILED":
        _count(ledger, capture, value)
    _break_down(capture, refund)
    _announce(ledger, refund)
    return created(views.refund, ledger, refund, request, 201)


def read(ledger: Ledger, request: Request) -> Result:
    """Show a refund."""
    refund = ledger.get("refunds", request.object_id)
    return Result(lambda: views.refund(ledger, refund))


def finish(ledger: Ledger, refund: Json, *, succeeded: bool) -> None:
    """End a pending refund, or let a completed one fail."""
    if refund["status"] not in ("PENDING", "COMPLETED"):
        raise ValueError(f"Refund {refund['id']} is {refund['status']} already")
    refund.pop("status_details", None)
    ledger.touch(refund, status="COMPLETED" if succeeded else "FAILED")
    capture = ledger.captures[refund["_capture"]]
    if not succeeded:
        _count(ledger, capture, -amounts.decimal(refund["amount"]))
    _announce(ledger, refund)


def _check_refundable(ledger: Ledger, capture: Json) -> None:
    if capture["status"] == "PENDING":
        raise failed("PENDING_CAPTURE")
    if capture["status"] == "REFUNDED":
        raise failed("CAPTURE_FULLY_REFUNDED")
    if any(it["_capture"] == capture["id"] and it["_charged_back"] for it in _disputes(ledger)):
        raise failed("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK")
    if capture["status"] not in _REFUNDABLE:
        raise failed("REFUND_NOT_ALLOWED")
    if ledger.timestamp(-REFUND_DAYS * 86400) > capture["create_time"]:
        raise failed("REFUND_TIME_LIMIT_EXCEEDED")


def _check_partial(ledger: Ledger, capture: Json) -> None:
    for dispute in _disputes(ledger):
        if dispute["_capture"] == capture["id"] and dispute["status"] != "RESOLVED":
            raise failed("TRANSACTION_DISPUTED")


def _disputes(ledger: Ledger) -> list[Json]:
    return list(ledger.disputes.values())


def _check_invoice(ledger: Ledger, invoice_id: str | None) -> None:
    used = {it.get("invoice_id") for it in ledger.refunds.values() if it["status"] != "FAILED"}
    if ledger.unique_invoices and invoice_id is not None and invoice_id in used:
        raise failed("DUPLICATE_INVOICE_ID")


def _value(capture: Json, body: Json, left: Decimal) -> Decimal:
    if "amount" not in body:
        return left
    value = amounts.checked(body["amount"], "/amount")
    if body["amount"]["currency_code"] != capture["amount"]["currency_code"]:
        raise failed("REFUND_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code")
    if value > left:
        raise failed("REFUND_AMOUNT_EXCEEDED", "/amount/value", body["amount"]["value"])
    return value


def _new_refund(ledger: Ledger, capture: Json, value: Decimal, body: Json, plan: Plan) -> Json:
    at = ledger.timestamp()
    refund: Json = {
        "id": ledger.new_id(),
        "status": plan.status or "COMPLETED",
        "amount": amounts.money(capture["amount"]["currency_code"], value),
        "create_time": at,
        "update_time": at,
        **{name: body[name] for name in _KEPT if name in body},
        "_order": capture["_order"],
        "_unit": capture["_unit"],
        "_capture": capture["id"],
    }
    if refund["status"] == "PENDING":
        refund["status_details"] = {"reason": plan.reason or "ECHECK"}
    return refund


def _count(ledger: Ledger, capture: Json, value: Decimal) -> None:
    refunded = Decimal(capture["_refunded"]) + value
    whole = amounts.decimal(capture["amount"])
    status = "REFUNDED" if refunded == whole else "PARTIALLY_REFUNDED"
    ledger.touch(
        capture, _refunded=f"{refunded:f}", status="COMPLETED" if refunded == 0 else status
    )


def _break_down(capture: Json, refund: Json) -> None:
    """Describe the money; PayPal keeps its fee for the capture."""
    currency = refund["amount"]["currency_code"]
    refund["seller_payable_breakdown"] = {
        "gross_amount": refund["amount"],
        "paypal_fee": amounts.money(currency, Decimal(0)),
        "net_amount": refund["amount"],
        "total_refunded_amount": amounts.money(currency, Decimal(capture["_refunded"])),
    }


def _announce(ledger: Ledger, refund: Json) -> None:
    """Send the event of a refund; https://developer.paypal.com/api/rest/webhooks/event-names/."""
    types = {
        "COMPLETED": "PAYMENT.CAPTURE.REFUNDED",
        "PENDING": "PAYMENT.REFUND.PENDING",
        "FAILED": "PAYMENT.REFUND.FAILED",
    }
    amount, type_ = refund["amount"], types[refund["status"]]
    summary = f"A refund of {amount['value']} {amount['currency_code']}: {refund['status']}"
    ledger.emit(type_, "refund", views.refund(ledger, refund), summary)
