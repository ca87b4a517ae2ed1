"""The page where a customer approves an order, or goes back to the shop.

https://developer.paypal.com/docs/checkout/standard/
"""

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from payments_kit.doubles.paypal import orders
from payments_kit.doubles.paypal.errors import Json
from payments_kit.doubles.paypal.instruments import DEFAULT, INSTRUMENTS
from payments_kit.doubles.paypal.ledger import PAYER, Ledger

_PAGE = """<!doctype html>
<html lang="en"><title>Test PayPal</title>
<h1>Test PayPal</h1>
<p>Pay {amounts}?</p>
<ul>{choices}</ul>
<p><a href="?token={order}&amp;result=cancelled">Cancel and return to the shop</a></p>
</html>
"""
_CHOICE = '<li><a href="?token={order}&amp;result=approved&amp;instrument={name}">{text}</a></li>'
_DONE = '<!doctype html><html lang="en"><title>Test PayPal</title><p>{text}</p></html>'


def reply(ledger: Ledger, request: web.Request) -> web.Response:
    """Show the page or, with a `result`, record the choice and send the customer back."""
    order = ledger.orders.get(request.query.get("token", ""))
    if order is None or order["status"] in ("COMPLETED", "VOIDED"):
        return _page(_DONE.format(text="This order can't be paid any more."), 410)
    result = request.query.get("result")
    instrument = request.query.get("instrument", DEFAULT)
    if result == "cancelled":
        return _back(cancelled(order), "Cancelled.")
    if result == "approved" and instrument in INSTRUMENTS:
        return _back(approved(ledger, order, instrument), "Approved.")
    return _page(_shown(order))


def approved(ledger: Ledger, order: Json, instrument: str) -> str | None:
    """Approve an order; return where the customer is sent then."""
    orders.approve(ledger, order, instrument)
    more = {"token": order["id"], "PayerID": PAYER["payer_id"]}
    return _with_query(order["_return_url"], more)


def cancelled(order: Json) -> str | None:
    """Return where a customer is sent who does not approve; the order stays as it is."""
    return _with_query(order["_cancel_url"], {"token": order["id"]})


def _shown(order: Json) -> str:
    amounts = (unit["amount"] for unit in order["purchase_units"])
    text = ", ".join(f"{amount['value']} {amount['currency_code']}" for amount in amounts)
    choices = "".join(
        _CHOICE.format(order=order["id"], name=name, text=_describe(name)) for name in INSTRUMENTS
    )
    return _PAGE.format(amounts=escape(text), choices=choices, order=order["id"])


def _describe(name: str) -> str:
    plan = INSTRUMENTS[name]
    return f"Pay with {name}: {plan.issue or plan.reason or plan.status or 'accepted'}"


def _back(address: str | None, text: str) -> web.Response:
    if address is None:
        return _page(_DONE.format(text=text))
    return web.Response(status=302, headers={"Location": address})


def _with_query(address: str | None, more: dict[str, str]) -> str | None:
    if address is None:
        return None
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query), *more.items()])
    return urlunsplit(parts._replace(query=query))


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")
