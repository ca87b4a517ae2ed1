"""Orders: created by the shop, approved by the customer; https://developer.paypal.com/docs/api/orders/v2/."""

from decimal import Decimal

from payments_kit.doubles.paypal import amounts, views
from payments_kit.doubles.paypal.errors import Json, failed
from payments_kit.doubles.paypal.ledger import Ledger
from payments_kit.doubles.paypal.replies import Request, Result
from payments_kit.doubles.paypal.shapes import BREAKDOWN_ADDED, BREAKDOWN_SUBTRACTED

DEFAULT_REFERENCE = "default"


def create(ledger: Ledger, request: Request) -> Result:
    """Create an order, as `POST /v2/checkout/orders` does."""
    body = request.body
    if "payment_source" in body and request.key is None:
        raise failed("PAYPAL_REQUEST_ID_REQUIRED", "PayPal-Request-Id", location="header")
    units = checked_units([dict(unit) for unit in body["purchase_units"]], body["intent"])
    source = body.get("payment_source", {}).get("paypal")
    context = body.get("application_context", {}) if source is None else source.get(
        "experience_context", {}
    )  # fmt: skip
    at = ledger.timestamp()
    order: Json = {
        "id": ledger.new_id(),
        "intent": body["intent"],
        "status": "CREATED" if source is None else "PAYER_ACTION_REQUIRED",
        "purchase_units": units,
        "create_time": at,
        "update_time": at,
        "_return_url": context.get("return_url"),
        "_cancel_url": context.get("cancel_url"),
        "_instrument": None,
    }
    if source is not None:
        order["payment_source"] = {"paypal": {}}
    ledger.orders[order["id"]] = order

    def show() -> Json:
        full = views.order(ledger, order)
        return full if request.full else views.minimal(full) | _source(full)

    return Result(show, 201, 200)


def read(ledger: Ledger, request: Request) -> Result:
    """Show an order."""
    order = ledger.get("orders", request.object_id)
    return Result(lambda: views.order(ledger, order))


def checked_units(units: list[Json], intent: str) -> list[Json]:
    """Return purchase units as they are stored, or raise what is wrong with them."""
    _check_units(units, intent)
    for unit in units:
        unit.setdefault("reference_id", DEFAULT_REFERENCE)
        amount = unit["amount"]
        unit["amount"] = amount | amounts.money(amount["currency_code"], amounts.decimal(amount))
    return units


def approve(ledger: Ledger, order: Json, instrument: str) -> None:
    """Let the customer approve an order, or choose another instrument for it."""
    if order["status"] not in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED"):
        raise ValueError(f"Order {order['id']} is {order['status']} already")
    order.pop("payment_source", None)
    ledger.touch(order, status="APPROVED", _instrument=instrument)
    summary = "An order has been approved by buyer"
    ledger.emit("CHECKOUT.ORDER.APPROVED", "checkout-order", views.order(ledger, order), summary)


def expire(ledger: Ledger, order: Json) -> None:
    """Let an order that was not completed in time disappear, as at PayPal."""
    if order["status"] == "COMPLETED":
        raise ValueError(f"Order {order['id']} is completed already")
    del ledger.orders[order["id"]]


def _source(full: Json) -> Json:
    return {"payment_source": full["payment_source"]} if "payment_source" in full else {}


def _check_units(units: list[Json], intent: str) -> None:
    currencies = {unit["amount"]["currency_code"] for unit in units}
    if len(currencies) > 1:
        raise failed("MULTI_CURRENCY_ORDER", "/purchase_units/0/amount/currency_code")
    if len(units) > 1:
        if intent == "AUTHORIZE":
            raise failed("UNSUPPORTED_INTENT", "/intent", intent)
        references = [unit.get("reference_id") for unit in units]
        if None in references:
            raise failed("REFERENCE_ID_REQUIRED", "/purchase_units")
        if len(set(references)) < len(references):
            raise failed("DUPLICATE_REFERENCE_ID", "/purchase_units")
    for index, unit in enumerate(units):
        _check_amount(unit, f"/purchase_units/{index}/amount")


def _check_amount(unit: Json, field: str) -> None:
    amount = unit["amount"]
    value = amounts.checked(amount, field)
    breakdown = amount.get("breakdown")
    items = unit.get("items", [])
    if items and (breakdown is None or "item_total" not in breakdown):
        raise failed("ITEM_TOTAL_REQUIRED", f"{field}/breakdown/item_total")
    if breakdown is None:
        return
    prices = (amounts.decimal(each["unit_amount"]) * int(each["quantity"]) for each in items)
    if items and amounts.decimal(breakdown["item_total"]) != sum(prices, Decimal(0)):
        raise failed("ITEM_TOTAL_MISMATCH", f"{field}/breakdown/item_total")
    for name, part in breakdown.items():
        amounts.checked(part, f"{field}/breakdown/{name}", zero=True)
        if part["currency_code"] != amount["currency_code"]:
            raise failed("MULTI_CURRENCY_ORDER", f"{field}/breakdown/{name}/currency_code")
    parts = {name: amounts.decimal(part) for name, part in breakdown.items()}
    total = sum((parts.get(name, Decimal(0)) for name in BREAKDOWN_ADDED), Decimal(0))
    total -= sum((parts.get(name, Decimal(0)) for name in BREAKDOWN_SUBTRACTED), Decimal(0))
    if total != value:
        raise failed("AMOUNT_MISMATCH", field, amount["value"])
