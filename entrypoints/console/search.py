"""`/ops/search`: any id leads to its order, or to the payments of its user."""

from urllib.parse import urlencode

from attrs import frozen
from htpy import bdi, p
from litestar import Response

from application.ports.payment_search import PaymentFilter, PaymentSearch
from application.use_cases.find_order import FindOrder, NothingFound
from domain.identifiers import UserId
from entrypoints.console.elements import nothing, order_path, payment_path
from entrypoints.console.layout import Frame
from entrypoints.console.pages import Visit, html_response, redirect
from entrypoints.console.payment_list import PATH
from entrypoints.http.validation import MAX_CHARACTERS, is_text


@frozen
class SearchPage:
    """The page."""

    find_order: FindOrder
    search: PaymentSearch

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
            wanted = PaymentFilter(user_id=UserId(any_id))
            if await self.search.page(wanted, 1):
                return f"{PATH}?{urlencode({'userId': any_id})}"
            return None
        return payment_path(found.payment) if found.payment else order_path(found.order.id)


def _nothing(visit: Visit, query: str) -> Response[bytes]:
    shown = query[:MAX_CHARACTERS]
    text = (
        ["Nothing has the id ", bdi(class_="searched")[shown], "."]
        if is_text(query)
        else [f"An id has 1 to {MAX_CHARACTERS} characters."]
    )
    hint = (
        "The search knows orders, payments, refunds, charges and users, "
        "by our ids and by those of the gateway. Ids are compared to the letter."
    )
    page = Frame("Search", visit.operator, query=shown).around(
        nothing(*text), p(class_="hint")[hint]
    )
    return html_response(page, 404 if is_text(query) else 400)
