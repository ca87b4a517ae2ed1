"""`/ops/search`: any id leads to its order, or to the payments of its user."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from attrs import frozen
from htpy import bdi, p
from litestar import Response

from application.ports.clock import Clock
from application.ports.order_ids import OrderIds
from application.ports.payment_search import PaymentFilter, PaymentSearch
from application.use_cases.find_order import FindOrder, NothingFound
from domain.identifiers import UserId
from entrypoints.console.elements import nothing, order_path, payment_path
from entrypoints.console.layout import Frame
from entrypoints.console.pages import Visit, html_response, redirect
from entrypoints.console.payment_list import PATH
from entrypoints.http.validation import MAX_CHARACTERS, is_text

RECENT: Final = timedelta(days=30)
"""Users and references have no index of their own, which would cost every charge: they are looked
for in the payments of this time, the newest first."""


@frozen
class SearchPage:
    """The page."""

    find_order: FindOrder
    order_ids: OrderIds
    search: PaymentSearch
    now: Clock

    async def show(self, visit: Visit) -> Response[bytes]:
        """Lead to what has this id; say so if nothing has."""
        query = visit.request.query_params.get("q", "").strip()
        if is_text(query):
            path = await self._path_of(query)
            if path is not None:
                return redirect(path)
        return _nothing(visit, query)

    async def _path_of(self, any_id: str) -> str | None:
        try:
            found = await self.find_order(any_id)
        except NothingFound:
            return await self._path_of_others(any_id)
        return payment_path(found.payment) if found.payment else order_path(found.order.id)

    async def _path_of_others(self, any_id: str) -> str | None:
        """Return the path for what the gateway or the shop names so, if it is recent."""
        order_id = await self.order_ids.of_refund_or_dispute(any_id)
        if order_id is not None:
            return order_path(order_id)
        since = self.now() - RECENT
        named = await self.search.page(PaymentFilter(reference=any_id, since=since), 1)
        if named:
            return payment_path(named[0])
        if await self.search.page(PaymentFilter(user_id=UserId(any_id), since=since), 1):
            return f"{PATH}?{urlencode({'userId': any_id})}"
        return None


def _nothing(visit: Visit, query: str) -> Response[bytes]:
    shown = query[:MAX_CHARACTERS]
    text = (
        ["Nothing has the id ", bdi(class_="searched")[shown], "."]
        if is_text(query)
        else [f"An id has 1 to {MAX_CHARACTERS} characters."]
    )
    hint = (
        "The search knows orders, payments, refunds, disputes and the gateway's charges; and, of "
        f"the last {RECENT.days} days, users and the gateway's own payments, such as pi_…. "
        "Ids are compared to the letter."
    )
    page = Frame("Search", visit.operator, query=shown).around(
        nothing(*text), p(class_="hint")[hint]
    )
    return html_response(page, 404 if is_text(query) else 400)
