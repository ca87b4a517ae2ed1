"""The page where a customer of the fake gateway approves a payment before the shop takes it."""

from decimal import Decimal
from html import escape
from http import HTTPStatus
from string import Template
from typing import Final

from aiohttp import web
from attrs import frozen

from payments_kit.demo.bank import Bank, WalletSession
from payments_kit.demo.bank_page import APPROVE
from payments_kit.demo.web_replies import HEADERS, STATIC

# Dollars have two digits after the point, and the demo's orders are in dollars.
_MINOR_UNIT: Final = Decimal("0.01")


@frozen
class ApprovePage:
    """Shows a session, and sends its customer back to where the shop has said.

    These addresses are the session's, which the service has checked, and not those of the request.
    """

    bank: Bank

    async def show(self, request: web.Request) -> web.Response:
        """Show what is to be approved, with buttons as long as it can be."""
        session = await self._find(request)
        fields = {
            "amount": f"{_MINOR_UNIT * session.minor_units} {session.currency.upper()}",
            "address": request.path_qs,
            "return_url": session.return_url,
            "form_hidden": "" if session.is_open else "hidden",
            "done_hidden": "hidden" if session.is_open else "",
        }
        page = Template((STATIC / "approve.html").read_text())
        text = page.substitute({name: escape(value) for name, value in fields.items()})
        headers = {"Content-Type": "text/html; charset=utf-8", **HEADERS}
        return web.Response(text=text, headers=headers)

    async def decide(self, request: web.Request) -> web.Response:
        """Approve or not, and send the customer back to the shop."""
        session = await self._find(request)
        form = await request.post()
        is_approved = form.get("decision") == APPROVE and await self.bank.approve(session.token)
        target = session.return_url if is_approved else session.cancel_url
        headers = {"Location": target, **HEADERS}
        return web.Response(status=HTTPStatus.SEE_OTHER, headers=headers)

    async def _find(self, request: web.Request) -> WalletSession:
        """Return the session that the address names.

        Raises:
            web.HTTPNotFound: there is none.
        """
        session = await self.bank.find_session(request.query.get("session", ""))
        if session is None:
            raise web.HTTPNotFound
        return session
