"""The page of the customer's bank, to which a method that redirects leads."""

from decimal import Decimal
from html import escape
from http import HTTPStatus
from string import Template
from typing import Final

from aiohttp import web
from attrs import frozen
from yarl import URL

from payments_kit.demo.bank import Bank
from payments_kit.demo.payments_client import PaymentsClient
from payments_kit.demo.web_replies import HEADERS, STATIC

# Sent as a form by the buttons of the page.
APPROVE: Final = "approve"
# Dollars have two digits after the point, and the demo's orders are in dollars.
_MINOR_UNIT: Final = Decimal("0.01")


@frozen
class BankPage:
    """Asks the customer to approve a payment, and sends the customer back to the shop.

    The address is the fake gateway's: it names the payment, and where the customer comes back to.
    """

    payments: PaymentsClient
    bank: Bank

    async def show(self, request: web.Request) -> web.Response:
        """Show the payment, with buttons as long as it waits for the bank."""
        payment_id, return_url = _parameters(request)
        payment = await self._find(payment_id)
        waits = payment["status"] == "requires_action"
        amount = _MINOR_UNIT * int(payment["amount"])
        page = Template((STATIC / "bank.html").read_text())
        fields = {
            "amount": f"{amount} {payment['currency'].upper()}",
            "address": request.path_qs,
            "return_url": return_url,
            "form_hidden": "" if waits else "hidden",
            "done_hidden": "hidden" if waits else "",
        }
        text = page.substitute({name: escape(value) for name, value in fields.items()})
        headers = {"Content-Type": "text/html; charset=utf-8", **HEADERS}
        return web.Response(text=text, headers=headers)

    async def decide(self, request: web.Request) -> web.Response:
        """Decide, and send the customer back to the shop."""
        payment_id, return_url = _parameters(request)
        await self._find(payment_id)
        form = await request.post()
        await self.bank.decide(payment_id, approved=form.get("decision") == APPROVE)
        return web.Response(
            status=HTTPStatus.SEE_OTHER, headers={"Location": return_url, **HEADERS}
        )

    async def _find(self, payment_id: str) -> dict[str, str]:
        """Return a payment of the customer.

        Raises:
            web.HTTPNotFound: there is none.
        """
        reply = await self.payments.get_payment(payment_id)
        if reply.status != HTTPStatus.OK:
            raise web.HTTPNotFound
        return dict(reply.body)


def _parameters(request: web.Request) -> tuple[str, str]:
    """Return the payment's id, and where to return to.

    Raises:
        web.HTTPNotFound: they are missing, or the latter is not a page of this server.
    """
    payment_id, return_url = request.query.get("payment"), request.query.get("returnUrl")
    if not payment_id or not payment_id.isalnum() or not return_url:
        raise web.HTTPNotFound
    try:
        origin = URL(return_url).origin()
    except ValueError:
        raise web.HTTPNotFound from None
    if origin != request.url.origin():
        raise web.HTTPNotFound
    return payment_id, return_url
