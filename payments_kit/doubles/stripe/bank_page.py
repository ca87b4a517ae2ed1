"""The page of a bank that a method such as iDEAL redirects the customer to.

https://docs.stripe.com/payments/ideal
"""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from payments_kit.doubles.stripe import lifecycle
from payments_kit.doubles.stripe.double import Double

PATH = "/_double/bank/"

_PAGE = """<!doctype html>
<html lang="en"><title>Test bank</title>
<h1>Test bank</h1>
<p>Pay {amount} {currency}?</p>
<p><a href="?result=succeeded">Authorize test payment</a></p>
<p><a href="?result=failed">Fail test payment</a></p>
</html>
"""


def reply(double: Double, request: web.Request) -> web.Response:
    """Show the page or, with a `result`, end the payment and send the customer back."""
    reference = request.path.removeprefix(PATH)
    intent = double.ledger.get("pi", reference, "payment_intent", status=404)
    result = request.query.get("result")
    if result not in ("succeeded", "failed"):
        page = _PAGE.format(amount=intent["amount"], currency=intent["currency"].upper())
        return web.Response(text=page, content_type="text/html")
    address = intent["next_action"] and intent["next_action"].get("redirect_to_url")
    lifecycle.authenticate(double.ledger, intent, succeeded=result == "succeeded")
    back = _returning(address["return_url"], intent["id"], intent["client_secret"], result)
    return web.Response(status=303, headers={"Location": back})


def _returning(return_url: str, reference: str, secret: str, result: str) -> str:
    """Return the shop's address with what Stripe adds to it."""
    parts = urlsplit(return_url)
    added = {
        "payment_intent": reference,
        "payment_intent_client_secret": secret,
        "redirect_status": result,
    }
    query = urlencode([*parse_qsl(parts.query), *added.items()])
    return urlunsplit(parts._replace(query=query))
