"""`/ops/payments`: payments by what an operator asks for, the newest first."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from attrs import frozen
from htpy import Node, a, bdi, button, datalist, div, form, label, nav, option, select
from htpy import input as input_
from litestar import Response

from application.ports.payment_search import PaymentSearch
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.console.elements import Column, amount, badge, link_to_order, listing, moment, note
from entrypoints.console.pages import Visit, html_response
from entrypoints.console.texts import words
from entrypoints.http.errors import BadRequest
from entrypoints.http.operator_bodies import LISTED, MAX_LISTED
from entrypoints.http.payment_lists import cursor_of, payment_filter, place_in
from entrypoints.http.query_fields import QueryFields

PATH: Final = "/ops/payments"

COLUMNS: Final = (
    *(Column("Created"), Column("Status"), Column("Amount", is_number=True), Column("Order")),
    *(Column("User"), Column("Gateway", is_minor=True), Column("Charge", is_minor=True)),
)

_EMPTY: Final = "No payment is like this. Remove a filter, or choose a longer time."
_NONE: Final = "There are no payments yet. The first one appears here as soon as an order is paid."


@frozen
class PaymentListPage:
    """The page."""

    search: PaymentSearch
    gateways: Sequence[str]

    async def show(self, visit: Visit) -> Response[bytes]:
        """Show one page of payments."""
        values = {name: each for name, each in visit.request.query_params.items() if each}
        frame = visit.frame("Payments", PATH)
        try:
            content, status = await self._found(visit), HTTPStatus.OK
        except BadRequest as error:
            messages = [div[each.message] for each in error.details]
            content, status = note("bad", messages), HTTPStatus.BAD_REQUEST
        page = frame.around(self._filters(values), div(id="results")[content])
        return html_response(page, status)

    async def _found(self, visit: Visit) -> Node:
        query = visit.request.query_params
        given = {name: [each for each in query.getall(name, []) if each] for name in query}
        fields = QueryFields({name: values for name, values in given.items() if values})
        wanted, place = payment_filter(fields), place_in(fields)
        limit = fields.number("limit", 1, MAX_LISTED, LISTED)
        fields.check()
        found = await self.search.page(wanted, limit + 1, place)
        listed = found[:limit]
        following = cursor_of(listed[-1]) if len(found) > limit else None
        is_filtered = bool(fields.values)
        rows = (row_of(each, visit.now) for each in listed)
        return [
            listing("Payments", COLUMNS, rows, _EMPTY if is_filtered else _NONE),
            pager({name: values[0] for name, values in fields.values.items()}, following),
        ]

    def _filters(self, values: Mapping[str, str]) -> Node:
        chosen = values.get("status", "")
        return form(
            class_="filters",
            action=PATH,
            hx_get=PATH,
            hx_target="#results",
            hx_select="#results",
            hx_swap="outerHTML",
            hx_push_url="true",
            hx_trigger="submit, change",
        )[
            label["Status", select(name="status")[_statuses(chosen)]],
            label[
                "Gateway",
                input_(name="gateway", value=values.get("gateway", ""), list="gateways"),
            ],
            datalist(id="gateways")[(option(value=each) for each in self.gateways)],
            label["Order", input_(name="orderId", value=values.get("orderId", ""))],
            label["User", input_(name="userId", value=values.get("userId", ""))],
            label["Since (UTC)", _moment_input("since", values)],
            label["Until (UTC)", _moment_input("until", values)],
            div(class_="buttons")[
                button(type="submit", class_="main")["Filter"],
                a(class_="button quiet", href=PATH)["Reset"],
            ],
        ]


def row_of(payment: Payment, now: datetime) -> Sequence[Node]:
    """Return the cells of a payment."""
    return (
        moment(payment.created_at, now),
        [badge(payment.status.value), _code(payment)],
        amount(payment.amount.minor_units, payment.amount.currency.code),
        link_to_order(payment.order_id),
        a(href=f"{PATH}?{urlencode({'userId': payment.user_id})}")[bdi[payment.user_id]],
        bdi[payment.gateway],
        bdi[payment.charge_id or "–"],
    )


def pager(query: Mapping[str, str], following: str | None) -> Node:
    """Return the links to the first page and to the next one."""
    if following is None and "cursor" not in query:
        return None
    others = {name: value for name, value in query.items() if name != "cursor"}
    following_query = urlencode({**others, "cursor": following or ""})
    return nav(class_="pager", aria_label="Pages")[
        a(class_="button quiet", href=f"?{urlencode(others)}")["First page"]
        if "cursor" in query
        else None,
        a(class_="button", rel="next", href=f"?{following_query}")["Next page"]
        if following
        else None,
    ]


def _code(payment: Payment) -> Node:
    return div(class_="detail")[bdi[payment.code]] if payment.code else None


def _statuses(chosen: str) -> Iterator[Node]:
    known = sorted(each.value for each in PaymentStatus)
    # What a link has chosen stays visible, also if there is no such status.
    unknown = [chosen] if chosen and chosen not in known else []
    yield option(value="")["Any"]
    for each in (*known, *unknown):
        yield option(value=each, selected=each == chosen)[words(each)]


def _moment_input(name: str, values: Mapping[str, str]) -> Node:
    value = values.get(name, "")
    try:
        at = datetime.fromisoformat(value.replace(" ", "+"))
        value = f"{at.astimezone(UTC) if at.tzinfo else at:%Y-%m-%dT%H:%M}"
    except (ValueError, OverflowError):
        value = ""
    return input_(name=name, type="datetime-local", value=value)
