"""`/ops/orders/{id}`, or `/ops/order?id=…`: the whole story of one order."""

from typing import Final
from urllib.parse import urlencode

from attrs import frozen
from htpy import Node, a, bdi, div, h1, p, span
from litestar import Response

from application.use_cases.find_order import FindOrder, FoundOrder
from entrypoints.console.action_kinds import BY_NAME
from entrypoints.console.elements import (
    Column,
    amount,
    badge,
    card,
    facts,
    id_of,
    listing,
    moment_of,
    note,
    nothing,
)
from entrypoints.console.explanations import explanation_of
from entrypoints.console.pages import Visit, html_response
from entrypoints.console.payment_cards import payment_card
from entrypoints.console.payment_list import PATH
from entrypoints.console.timeline import timeline
from entrypoints.http.errors import NotFound
from entrypoints.http.validation import is_text
from entrypoints.order_document import OrderBody, order_body

_REFUNDS: Final = (
    *(Column("Created"), Column("Status"), Column("Amount", is_number=True), Column("Reason")),
    *(Column("Refund"), Column("Payment")),
)
_DISPUTES: Final = (
    *(Column("Status"), Column("Amount", is_number=True), Column("Reason"), Column("Dispute")),
    Column("Payment"),
)


@frozen
class OrderPage:
    """The page."""

    find_order: FindOrder

    async def show(self, visit: Visit) -> Response[bytes]:
        """Show an order; the id may also be one of a payment or of a charge."""
        query = visit.request.query_params
        any_id = str(visit.request.path_params.get("order_id") or query.get("id", ""))
        if not is_text(any_id):
            raise NotFound
        found = await self.find_order(any_id)
        order = order_body(found)
        frame = visit.frame(f"Order {order.id}", PATH, _heading(order, visit))
        done = BY_NAME.get(query.get("done", ""))
        page = frame.around(
            note("good", done.done) if done else None,
            div(class_="story")[
                div(class_="main-column")[
                    _now(order, visit),
                    self._payments(found, order, visit),
                    _refunds(order, visit) if order.refunds else None,
                    _disputes(order) if order.disputes else None,
                ],
                card("Timeline", timeline(order.history, visit.now), name="timeline"),
            ],
        )
        return html_response(page)

    def _payments(self, found: FoundOrder, order: OrderBody, visit: Visit) -> Node:
        if not order.payments:
            return card("Payments", nothing("Nobody has tried to pay this order yet."))
        newest_first = reversed([*zip(found.order.payments, order.payments, strict=True)])
        return [payment_card(found, payment, body, visit) for payment, body in newest_first]


def _now(order: OrderBody, visit: Visit) -> Node:
    content = explanation_of(order.explanation, visit.now, is_open=True)
    return card("What happens now", content, name="now")


def _heading(order: OrderBody, visit: Visit) -> Node:
    user = order.user_id
    link = None if user is None else a(href=f"{PATH}?{urlencode({'userId': user})}")[bdi[user]]
    return [
        p(class_="eyebrow")["Order"],
        div(class_="title")[
            h1[id_of(order.id, "order id")],
            badge(order.status),
            span(class_="price")[amount(order.amount, order.currency)],
        ],
        facts(
            ("User", link or "–"),
            ("Version", str(order.version)),
            ("Expires", moment_of(order.expires_at, visit.now)),
            ("Capture", order.capture or "as configured"),
        ),
    ]


def _refunds(order: OrderBody, visit: Visit) -> Node:
    rows = (
        (
            moment_of(each.created_at, visit.now),
            [badge(each.status), div(class_="detail")[bdi[each.code]] if each.code else None],
            amount(each.amount, each.currency),
            [bdi[each.reason], div(class_="detail")["by the rules"] if each.automatic else None],
            id_of(each.id, "refund id"),
            a(class_="id", href=f"#payment-{each.payment_id}")[bdi[each.payment_id]],
        )
        for each in order.refunds
    )
    waits = [each for each in order.refunds if each.explanation.waiting_for]
    return card(
        "Refunds",
        listing("Refunds", _REFUNDS, rows, ""),
        [
            div(class_="wait")[
                p["Refund ", id_of(each.id)], explanation_of(each.explanation, visit.now)
            ]
            for each in waits
        ],
        name="refunds",
    )


def _disputes(order: OrderBody) -> Node:
    rows = (
        (
            badge(each.status),
            amount(each.amount, each.currency),
            bdi[each.reason],
            id_of(each.id, "dispute id"),
            a(class_="id", href=f"#payment-{each.payment_id}")[bdi[each.payment_id]],
        )
        for each in order.disputes
    )
    return card("Disputes", listing("Disputes", _DISPUTES, rows, ""), name="disputes")
