"""Changes of orders (RFC 6902); https://developer.paypal.com/docs/api/orders/v2/#orders_patch."""

import re
from typing import Any, Final

from payments_kit.doubles.paypal import orders
from payments_kit.doubles.paypal.errors import Json, failed
from payments_kit.doubles.paypal.ledger import Ledger
from payments_kit.doubles.paypal.replies import Request, Result
from payments_kit.doubles.paypal.shapes import INTENT, PURCHASE_UNIT

_ANY: Final = ("replace", "add", "remove")
_OPERATIONS: Final = {
    "intent": ("replace",),
    "amount": ("replace",),
    "custom_id": _ANY,
    "description": _ANY,
    "invoice_id": _ANY,
    "items": _ANY,
    "soft_descriptor": ("replace", "remove"),
}
"""What PayPal lets a shop change, and how."""
_UNIT_PATH: Final = re.compile(r"/purchase_units/@reference_id=='([^']*)'/(\w+)")


def patch(ledger: Ledger, request: Request) -> Result:
    """Change an order, as `PATCH /v2/checkout/orders/{id}` does: all changes, or none."""
    order = ledger.get("orders", request.object_id)
    if order["status"] == "COMPLETED":
        raise failed("ORDER_ALREADY_COMPLETED")
    # PayPal changes orders "with a CREATED or APPROVED status".
    if order["status"] not in ("CREATED", "APPROVED"):
        raise failed("NOT_PATCHABLE")
    changed: Json = {"intent": order["intent"]}
    units: dict[str, Json] = {unit["reference_id"]: dict(unit) for unit in order["purchase_units"]}
    patches: Any = request.body
    for index, change in enumerate(patches):
        target, name = _target(f"/{index}", change, changed, units)
        _apply(f"/{index}", change, target, name)
    INTENT("/intent", changed["intent"])
    for index, unit in enumerate(units.values()):
        PURCHASE_UNIT(f"/purchase_units/{index}", unit)
    checked = orders.checked_units(list(units.values()), changed["intent"])
    ledger.touch(order, intent=changed["intent"], purchase_units=checked)
    return Result(lambda: None, 204)


def _target(field: str, change: Json, changed: Json, units: dict[str, Json]) -> tuple[Json, str]:
    """Return what a change is about: an object, and the name of its field."""
    if "path" not in change:
        raise failed("PATCH_PATH_REQUIRED", f"{field}/path")
    path = change["path"]
    if path == "/intent":
        return changed, "intent"
    found = _UNIT_PATH.fullmatch(path)
    if found is None or found[2] not in _OPERATIONS or found[2] == "intent":
        issue = "NOT_PATCHABLE" if path.startswith("/") else "INVALID_JSON_POINTER_FORMAT"
        raise failed(issue, f"{field}/path", path)
    if found[1] not in units:
        raise failed("REFERENCE_ID_NOT_FOUND", f"{field}/path", path)
    return units[found[1]], found[2]


def _apply(field: str, change: Json, target: Json, name: str) -> None:
    operation = change["op"]
    if operation not in _OPERATIONS[name]:
        raise failed("NOT_PATCHABLE", f"{field}/op", operation)
    if (name in target) is (operation == "add"):
        raise failed("INVALID_PATCH_OPERATION", f"{field}/op", operation)
    if operation == "remove":
        del target[name]
    elif change.get("value") is None:
        raise failed("PATCH_VALUE_REQUIRED", f"{field}/value")
    else:
        target[name] = change["value"]
