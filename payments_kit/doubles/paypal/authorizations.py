"""Authorizations: money held; https://developer.paypal.com/docs/api/payments/v2/#authorizations."""

from decimal import Decimal
from typing import Final

from payments_kit.doubles.paypal import amounts, captures, views
from payments_kit.doubles.paypal.errors import Json, failed
from payments_kit.doubles.paypal.ledger import Ledger, Plan
from payments_kit.doubles.paypal.replies import Request, Result, created

# https://developer.paypal.com/docs/checkout/standard/customize/authorization/
VALID_DAYS: Final = 29
MAX_CAPTURES: Final = 10
# At most 15% more than was authorized, and at most 75 more;
# https://developer.paypal.com/docs/api/payments/v2/#authorizations_reauthorize
_OVERAGE, _MAX_INCREASE = Decimal("1.15"), Decimal(75)


def authorize_order(ledger: Ledger, request: Request) -> Result:
    """Hold the money of an approved order, as `POST /v2/checkout/orders/{id}/authorize` does."""
    order = ledger.get("orders", request.object_id)
    if order["intent"] != "AUTHORIZE":
        raise failed("ACTION_DOES_NOT_MATCH_INTENT")
    if order["status"] in ("COMPLETED", "VOIDED"):
        raise failed("ORDER_ALREADY_AUTHORIZED")
    plan = captures.check_approved(ledger, order, ledger.next_authorizations)
    unit = order["purchase_units"][0]
    captures.check_invoice(ledger, unit.get("invoice_id"))
    _hold(ledger, order, unit, amounts.decimal(unit["amount"]), plan)
    ledger.touch(order, status="COMPLETED")
    return created(views.order, ledger, order, request, 200)


def read(ledger: Ledger, request: Request) -> Result:
    """Show an authorization."""
    authorization = ledger.get("authorizations", request.object_id)
    return Result(lambda: views.authorization(ledger, authorization))


def capture(ledger: Ledger, request: Request) -> Result:
    """Take held money, as `POST /v2/payments/authorizations/{id}/capture` does."""
    authorization, body = ledger.get("authorizations", request.object_id), request.body
    _check_open(ledger, authorization)
    taken = _captured(ledger, authorization)
    value = _value(authorization, body, "AUTH_CAPTURE_CURRENCY_MISMATCH", taken)
    if taken + value > _most(amounts.decimal(authorization["amount"])):
        raise failed("MAX_CAPTURE_AMOUNT_EXCEEDED", "/amount/value")
    if authorization["_captures"] >= MAX_CAPTURES:
        raise failed("MAX_CAPTURE_COUNT_EXCEEDED")
    invoice = body.get("invoice_id") or authorization.get("invoice_id")
    captures.check_invoice(ledger, invoice, authorization["id"])
    plan = ledger.next_captures.pop(0) if ledger.next_captures else Plan()
    if plan.issue is not None:
        raise failed(plan.issue)
    order = ledger.orders[authorization["_order"]]
    unit = order["purchase_units"][0] | ({"invoice_id": invoice} if invoice else {})
    final = body.get("final_capture", False)
    it = captures.take(
        ledger, order, unit, value, plan, authorization=authorization["id"], final=final
    )
    whole = final or taken + value >= amounts.decimal(authorization["amount"])
    if it["status"] != "DECLINED":
        status = "CAPTURED" if whole else "PARTIALLY_CAPTURED"
        ledger.touch(authorization, status=status, _captures=authorization["_captures"] + 1)
    return created(views.capture, ledger, it, request, 201)


def void(ledger: Ledger, request: Request) -> Result:
    """Release held money, as `POST /v2/payments/authorizations/{id}/void` does."""
    authorization = ledger.get("authorizations", request.object_id)
    if authorization["status"] == "VOIDED":
        raise failed("PREVIOUSLY_VOIDED")
    if authorization["status"] == "CAPTURED":
        raise failed("PREVIOUSLY_CAPTURED")
    if authorization["_parent"] is not None:
        raise failed("CANNOT_BE_VOIDED")
    _end(ledger, authorization)
    if request.full:
        return Result(lambda: views.authorization(ledger, authorization))
    return Result(lambda: None, 204)


def reauthorize(ledger: Ledger, request: Request) -> Result:
    """Hold the money anew, as `POST /v2/payments/authorizations/{id}/reauthorize` does."""
    authorization = ledger.get("authorizations", request.object_id)
    if authorization["_parent"] is not None:
        raise failed("REAUTHORIZATION_NOT_SUPPORTED")
    _check_open(ledger, authorization)
    value = _value(authorization, request.body, "AUTH_CURRENCY_MISMATCH", Decimal(0))
    if value > _most(amounts.decimal(authorization["amount"])):
        raise failed("MAX_CAPTURE_AMOUNT_EXCEEDED", "/amount/value")
    order = ledger.orders[authorization["_order"]]
    unit = order["purchase_units"][0]
    again = _hold(ledger, order, unit, value, Plan(), parent=authorization["id"])
    return created(views.authorization, ledger, again, request, 201)


def expire(ledger: Ledger, authorization: Json) -> None:
    """Let an authorization run out."""
    if authorization["status"] not in ("CREATED", "PARTIALLY_CAPTURED"):
        raise ValueError(f"Authorization {authorization['id']} is {authorization['status']}")
    authorization["_expired"] = True
    _end(ledger, authorization)


def finish(ledger: Ledger, authorization: Json, *, succeeded: bool) -> None:
    """End a pending authorization: the money is held, or will never be."""
    if authorization["status"] != "PENDING":
        raise ValueError(f"Authorization {authorization['id']} is {authorization['status']}")
    authorization.pop("status_details", None)
    ledger.touch(authorization, status="CREATED" if succeeded else "DENIED")
    _announce(ledger, authorization, "CREATED" if succeeded else "VOIDED")


def _hold(
    ledger: Ledger,
    order: Json,
    unit: Json,
    value: Decimal,
    plan: Plan,
    parent: str | None = None,
) -> Json:
    at = ledger.timestamp()
    # A capture that is declined at once is DECLINED; an authorization is DENIED.
    status = "DENIED" if plan.status == "DECLINED" else plan.status or "CREATED"
    authorization: Json = {
        "id": ledger.new_id(),
        "status": status,
        "amount": amounts.money(unit["amount"]["currency_code"], value),
        "seller_protection": {"status": "NOT_ELIGIBLE"},
        "expiration_time": ledger.timestamp(VALID_DAYS * 86400),
        "create_time": at,
        "update_time": at,
        **{name: unit[name] for name in ("custom_id", "invoice_id") if unit.get(name)},
        "_order": order["id"],
        "_unit": unit["reference_id"],
        "_captures": 0,
        "_parent": parent,
        "_expired": False,
    }
    if status == "PENDING":
        # The only reason that PayPal has for a pending authorization.
        authorization["status_details"] = {"reason": "PENDING_REVIEW"}
    ledger.authorizations[authorization["id"]] = authorization
    if plan.report:
        ledger.reports[authorization["id"]] = plan.report
    if status == "CREATED":
        _announce(ledger, authorization, "CREATED")
    return authorization


def _check_open(ledger: Ledger, authorization: Json) -> None:
    if authorization["_expired"] or ledger.timestamp() > authorization["expiration_time"]:
        raise failed("AUTHORIZATION_EXPIRED")
    match authorization["status"]:
        case "VOIDED":
            raise failed("AUTHORIZATION_VOIDED")
        case "CAPTURED":
            raise failed("AUTHORIZATION_ALREADY_CAPTURED")
        case "DENIED" | "PENDING":
            raise failed("AUTHORIZATION_DENIED")
        case _:
            return


def _value(authorization: Json, body: Json, mismatch: str, taken: Decimal) -> Decimal:
    if "amount" not in body:
        return amounts.decimal(authorization["amount"]) - taken
    if body["amount"]["currency_code"] != authorization["amount"]["currency_code"]:
        raise failed(mismatch, "/amount/currency_code")
    return amounts.checked(body["amount"], "/amount")


def _captured(ledger: Ledger, authorization: Json) -> Decimal:
    return sum(
        (
            amounts.decimal(it["amount"])
            for it in ledger.captures.values()
            if it["_authorization"] == authorization["id"] and it["status"] != "DECLINED"
        ),
        Decimal(0),
    )


def _most(authorized: Decimal) -> Decimal:
    return min(authorized * _OVERAGE, authorized + _MAX_INCREASE)


def _end(ledger: Ledger, authorization: Json) -> None:
    ledger.touch(authorization, status="VOIDED")
    if authorization["_captures"] == 0:
        ledger.touch(ledger.orders[authorization["_order"]], status="VOIDED")
    _announce(ledger, authorization, "VOIDED")


def _announce(ledger: Ledger, authorization: Json, what: str) -> None:
    shown = views.authorization(ledger, authorization)
    summary = f"An authorization: {what.lower()}"
    ledger.emit(f"PAYMENT.AUTHORIZATION.{what}", "authorization", shown, summary)
