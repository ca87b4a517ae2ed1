"""`/ops/differences`: where a gateway's books and ours do not agree."""

import base64
import binascii
from datetime import datetime
from typing import Final

import msgspec
from attrs import frozen
from htpy import Node, bdi, div, p
from litestar import Response

from application.ports.differences import (
    DifferenceKind,
    Differences,
    OpenDifference,
    PlaceOfDifference,
)
from entrypoints.console.elements import Column, badge, link_to_order, listing, moment
from entrypoints.console.pages import Visit, html_response
from entrypoints.console.payment_list import pager
from entrypoints.http.operator_bodies import LISTED, MAX_LISTED
from entrypoints.http.query_fields import QueryFields
from entrypoints.http.validation import is_text

PATH: Final = "/ops/differences"

_COLUMNS: Final = (
    *(Column("Found"), Column("Difference"), Column("Gateway"), Column("Ours"), Column("Theirs")),
    *(Column("Order"), Column("Reason")),
)
_ABOUT: Final = (
    "The last comparisons of the gateways' books with ours found these, and could not repair them. "
    "No money moves before an operator has looked: compare the payment with the gateway's own "
    "pages. A difference leaves the list when a comparison does not find it any more."
)
_EMPTY: Final = "The gateways' books and ours agree, as far as they were compared."
_CURSOR_RULE: Final = "must be the `next` of another page"


@frozen
class DifferencesPage:
    """The page."""

    differences: Differences

    async def show(self, visit: Visit) -> Response[bytes]:
        """Show one page of open differences, the oldest first."""
        fields = QueryFields.of(visit.request)
        limit, place = fields.number("limit", 1, MAX_LISTED, LISTED), _place(fields)
        fields.check()
        found = await self.differences.list_open(limit + 1, place)
        listed = found[:limit]
        following = _cursor(listed[-1].place) if len(found) > limit else None
        query = {name: values[0] for name, values in fields.values.items()}
        rows = (_row(each, visit.now) for each in listed)
        page = visit.frame("Differences", PATH).around(
            p(class_="lead")[_ABOUT],
            listing("Differences", _COLUMNS, rows, _EMPTY),
            pager(query, following),
        )
        return html_response(page)


def _row(found: OpenDifference, now: datetime) -> tuple[Node, ...]:
    each = found.difference
    mode = "" if each.livemode else ", test mode"
    return (
        moment(found.found_at, now),
        [badge(each.kind.value, "alert"), div(class_="detail")[bdi[each.subject]]],
        f"{each.gateway}{mode}",
        bdi[each.ours or "–"],
        bdi[each.theirs or "–"],
        "–" if each.order_id is None else link_to_order(each.order_id),
        div(class_="wrapped")[bdi[each.reason or "–"]],
    )


def _cursor(place: PlaceOfDifference) -> str:
    kind = place.kind.value
    content = [place.found_at, place.gateway, place.livemode, kind, place.subject]
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode().rstrip("=")


def _place(fields: QueryFields) -> PlaceOfDifference | None:
    value = fields.text("cursor")
    if value is None:
        return None
    try:
        content = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        found_at, gateway, livemode, kind, subject = msgspec.json.decode(
            content, type=tuple[datetime, str, bool, str, str]
        )
        if found_at.tzinfo is not None and is_text(gateway) and is_text(subject):
            return PlaceOfDifference(found_at, gateway, livemode, DifferenceKind(kind), subject)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        pass
    fields.refuse("cursor", _CURSOR_RULE)
    return None
