"""`/ops/reviews`: the payments that wait for a decision, the newest first."""

from typing import Final

from attrs import frozen
from htpy import a, p
from litestar import Response

from application.ports.payment_search import PaymentFilter, PaymentSearch
from domain.payment_status import PaymentStatus
from entrypoints.console.elements import Column, listing, payment_path
from entrypoints.console.pages import Visit, html_response
from entrypoints.console.payment_list import COLUMNS, pager, row_of
from entrypoints.http.operator_bodies import LISTED, MAX_LISTED
from entrypoints.http.payment_lists import cursor_of, place_in
from entrypoints.http.query_fields import QueryFields

PATH: Final = "/ops/reviews"

_COLUMNS: Final = (*COLUMNS, Column("Decision", is_hidden=True))
_ABOUT: Final = (
    "The gateway has captured another amount, currency or mode than was requested. "
    "Nothing is announced or given back before an operator decides."
)
_EMPTY: Final = "No payment waits for a decision."


@frozen
class ReviewQueue:
    """The page."""

    search: PaymentSearch

    async def show(self, visit: Visit) -> Response[bytes]:
        """Show one page of payments in review."""
        fields = QueryFields.of(visit.request)
        place, limit = place_in(fields), fields.number("limit", 1, MAX_LISTED, LISTED)
        fields.check()
        found = await self.search.page(PaymentFilter(PaymentStatus.REVIEW), limit + 1, place)
        listed = found[:limit]
        rows = (
            (
                *row_of(each, visit.now),
                a(class_="button", href=payment_path(each))["Decide"],
            )
            for each in listed
        )
        following = cursor_of(listed[-1]) if len(found) > limit else None
        query = {name: values[0] for name, values in fields.values.items()}
        page = visit.frame("Reviews", PATH).around(
            p(class_="lead")[_ABOUT],
            listing("Payments in review", _COLUMNS, rows, _EMPTY),
            pager(query, following),
        )
        return html_response(page)
