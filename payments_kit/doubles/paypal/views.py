"""Objects as the API shows them: with links, without what is the double's own.

https://developer.paypal.com/api/rest/responses/#hateoas-links
"""

from payments_kit.doubles.paypal.errors import Json
from payments_kit.doubles.paypal.ledger import PAYEE, PAYER, Ledger

APPROVE_PATH = "/checkoutnow"  # of https://www.paypal.com; the double serves it itself
_ORDERS, _PAYMENTS = "/v2/checkout/orders", "/v2/payments"


def minimal(it: Json) -> Json:
    """Return what `Prefer: return=minimal` shows: the id, the status and the links."""
    return {name: it[name] for name in ("id", "status", "links")}


def order(ledger: Ledger, it: Json) -> Json:
    """Show an order with its payments."""
    units = [{"payee": PAYEE} | unit | _payments(ledger, it, unit) for unit in it["purchase_units"]]
    shown = _shown(ledger, it) | {"purchase_units": units, "links": _order_links(ledger, it)}
    if it["_instrument"] is not None:
        wallet = {name: PAYER[name] for name in ("email_address", "name", "address")}
        wallet |= {"account_id": PAYER["payer_id"], "account_status": "VERIFIED"}
        shown |= {"payer": PAYER, "payment_source": {"paypal": wallet}}
    return shown


def authorization(ledger: Ledger, it: Json) -> Json:
    """Show an authorization."""
    path = f"{_PAYMENTS}/authorizations/{it['id']}"
    links = [_link(ledger, path, "self")]
    if it["status"] in ("CREATED", "PARTIALLY_CAPTURED"):
        links += [
            _link(ledger, f"{path}/{each}", each, "POST")
            for each in ("capture", "void", "reauthorize")
        ]
    links.append(_link(ledger, f"{_ORDERS}/{it['_order']}", "up"))
    related = {"supplementary_data": {"related_ids": {"order_id": it["_order"]}}}
    return _shown(ledger, it) | related | {"payee": PAYEE, "links": links}


def capture(ledger: Ledger, it: Json) -> Json:
    """Show a capture."""
    path = f"{_PAYMENTS}/captures/{it['id']}"
    links = [_link(ledger, path, "self"), _link(ledger, f"{path}/refund", "refund", "POST")]
    related = {"order_id": it["_order"]}
    if it["_authorization"] is None:
        links.append(_link(ledger, f"{_ORDERS}/{it['_order']}", "up"))
    else:
        related["authorization_id"] = it["_authorization"]
        links.append(_link(ledger, f"{_PAYMENTS}/authorizations/{it['_authorization']}", "up"))
    shown = _shown(ledger, it) | {"supplementary_data": {"related_ids": related}}
    return shown | {"payee": PAYEE, "links": links}


def refund(ledger: Ledger, it: Json) -> Json:
    """Show a refund."""
    links = [
        _link(ledger, f"{_PAYMENTS}/refunds/{it['id']}", "self"),
        _link(ledger, f"{_PAYMENTS}/captures/{it['_capture']}", "up"),
    ]
    return _shown(ledger, it) | {"payer": PAYEE, "links": links}


def approve_address(ledger: Ledger, order_id: str) -> str:
    """Return the page where the customer approves an order."""
    return f"{ledger.address}{APPROVE_PATH}?token={order_id}"


def _payments(ledger: Ledger, it: Json, unit: Json) -> Json:
    payments: Json = {}
    views = (("authorizations", authorization), ("captures", capture), ("refunds", refund))
    for kind, view in views:
        found = [
            view(ledger, each)
            for each in ledger.of_order(kind, it["id"])
            if each["_unit"] == unit["reference_id"]
        ]
        if found:
            for each in found:
                each.pop("supplementary_data", None)
                each.pop("payee", None)
            payments[kind] = found
    return {"payments": payments} if payments else {}


def _order_links(ledger: Ledger, it: Json) -> list[Json]:
    path = f"{_ORDERS}/{it['id']}"
    links = [_link(ledger, path, "self")]
    approve = {"href": approve_address(ledger, it["id"]), "method": "GET"}
    if it["status"] == "PAYER_ACTION_REQUIRED":
        return [*links, approve | {"rel": "payer-action"}]
    if it["status"] in ("CREATED", "APPROVED"):
        verb = it["intent"].lower()
        links += [
            approve | {"rel": "approve"},
            _link(ledger, path, "update", "PATCH"),
            _link(ledger, f"{path}/{verb}", verb, "POST"),
        ]
    return links


def _shown(ledger: Ledger, it: Json) -> Json:
    shown = {name: value for name, value in it.items() if not name.startswith("_")}
    return shown | ledger.reports.get(it["id"], {})


def _link(ledger: Ledger, path: str, rel: str, method: str = "GET") -> Json:
    return {"href": f"{ledger.address}{path}", "rel": rel, "method": method}
