"""Captures: money taken; https://developer.paypal.com/docs/api/payments/v2/#captures."""

from decimal import Decimal

from payments_kit.doubles.paypal import amounts, views
from payments_kit.doubles.paypal.errors import Json, failed
from payments_kit.doubles.paypal.instruments import INSTRUMENTS
from payments_kit.doubles.paypal.ledger import Ledger, Plan
from payments_kit.doubles.paypal.replies import Request, Result, created

# The event of each status; https://developer.paypal.com/api/rest/webhooks/event-names/
_EVENTS = {"COMPLETED": "COMPLETED", "PENDING": "PENDING", "DECLINED": "DECLINED"}


def capture_order(ledger: Ledger, request: Request) -> Result:
    """Take the money of an approved order, as `POST /v2/checkout/orders/{id}/capture` does."""
    order = ledger.get("orders", request.object_id)
    if order["intent"] != "CAPTURE":
        raise failed("ACTION_DOES_NOT_MATCH_INTENT")
    if order["status"] == "COMPLETED":
        raise failed("ORDER_ALREADY_CAPTURED")
    plan = check_approved(ledger, order, ledger.next_captures)
    for unit in order["purchase_units"]:
        check_invoice(ledger, unit.get("invoice_id"))
    for unit in order["purchase_units"]:
        take(ledger, order, unit, amounts.decimal(unit["amount"]), plan)
    ledger.touch(order, status="COMPLETED")
    return created(views.order, ledger, order, request, 200)


def read(ledger: Ledger, request: Request) -> Result:
    """Show a capture."""
    capture = ledger.get("captures", request.object_id)
    return Result(lambda: views.capture(ledger, capture))


def check_approved(ledger: Ledger, order: Json, plans: list[Plan]) -> Plan:
    """Return what happens to an approved order, or raise why it can't be paid."""
    if order["_instrument"] is None:
        raise failed("ORDER_NOT_APPROVED")
    plan = plans.pop(0) if plans else INSTRUMENTS[order["_instrument"]]
    if plan.issue is not None:
        redirect = {"href": views.approve_address(ledger, order["id"]), "method": "GET"}
        raise failed(plan.issue, links=[redirect | {"rel": "redirect"}])
    return plan


def check_invoice(ledger: Ledger, invoice_id: str | None, capture_of: str | None = None) -> None:
    """Refuse an invoice that was paid already, but not the captures of one authorization."""
    if not ledger.unique_invoices or not invoice_id:
        return
    for it in ledger.captures.values():
        same = capture_of is not None and it["_authorization"] == capture_of
        paid = it["status"] not in ("DECLINED", "FAILED")
        if paid and not same and it.get("invoice_id") == invoice_id:
            raise failed("DUPLICATE_INVOICE_ID")


def take(
    ledger: Ledger,
    order: Json,
    unit: Json,
    value: Decimal,
    plan: Plan,
    *,
    authorization: str | None = None,
    final: bool = True,
) -> Json:
    """Make a capture of a purchase unit."""
    currency, at = unit["amount"]["currency_code"], ledger.timestamp()
    capture: Json = {
        "id": ledger.new_id(),
        "status": plan.status or "COMPLETED",
        "amount": amounts.money(currency, value),
        "final_capture": final,
        "disbursement_mode": "INSTANT",
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        "create_time": at,
        "update_time": at,
        **{name: unit[name] for name in ("custom_id", "invoice_id") if unit.get(name)},
        "_order": order["id"],
        "_unit": unit["reference_id"],
        "_authorization": authorization,
        "_refunded": amounts.money(currency, Decimal(0))["value"],
    }
    if plan.reason is not None:
        capture["status_details"] = {"reason": plan.reason}
    ledger.captures[capture["id"]] = capture
    if plan.report:
        ledger.reports[capture["id"]] = plan.report
    _break_down(capture)
    _announce(ledger, capture, _EVENTS[capture["status"]])
    return capture


def finish(ledger: Ledger, capture: Json, *, succeeded: bool) -> None:
    """End a pending capture: the money arrives, or never will."""
    if capture["status"] != "PENDING":
        raise ValueError(f"Capture {capture['id']} is {capture['status']} already")
    capture.pop("status_details", None)
    ledger.touch(capture, status="COMPLETED" if succeeded else "DECLINED")
    _break_down(capture)
    _announce(ledger, capture, "COMPLETED" if succeeded else "DENIED")


def _break_down(capture: Json) -> None:
    if capture["status"] != "COMPLETED":
        return
    currency, gross = capture["amount"]["currency_code"], amounts.decimal(capture["amount"])
    fee = amounts.fee(currency, gross)
    capture["seller_receivable_breakdown"] = {
        "gross_amount": amounts.money(currency, gross),
        "paypal_fee": amounts.money(currency, fee),
        "net_amount": amounts.money(currency, gross - fee),
    }


def _announce(ledger: Ledger, capture: Json, what: str) -> None:
    amount = capture["amount"]
    summary = f"Payment {what.lower()} for {amount['value']} {amount['currency_code']}"
    shown = views.capture(ledger, capture)
    ledger.emit(f"PAYMENT.CAPTURE.{what}", "capture", shown, summary)
