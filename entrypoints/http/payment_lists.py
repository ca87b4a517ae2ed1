"""`GET /api/operator/payments`: the query of an operator, and the cursor of its pages."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final

import msgspec
from attrs import frozen
from litestar import Response
from msgspec import UNSET

from application.ports.payment_search import PaymentFilter, PaymentSearch, PlaceInList
from domain.identifiers import OrderId, PaymentId, UserId
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.operator_bodies import LISTED, MAX_LISTED, PaymentPage, payment_item
from entrypoints.http.operator_keys import OperatorKeys
from entrypoints.http.query_fields import QueryFields
from entrypoints.http.replies import json_reply
from entrypoints.http.responses import to_response
from entrypoints.http.validation import is_text

_CURSOR_RULE: Final = "must be the `next` of another page"


@frozen
class PaymentLists:
    """The route for operators."""

    search: PaymentSearch
    operators: OperatorKeys

    async def index(self, request: HttpRequest) -> Response[bytes]:
        """Return payments, the newest first."""
        self.operators.authenticate(request)
        fields = QueryFields.of(request)
        wanted, place = payment_filter(fields), place_in(fields)
        limit = fields.number("limit", 1, MAX_LISTED, LISTED)
        fields.check()
        # One more than the page, so that the last page says that it is the last.
        found = await self.search.page(wanted, limit + 1, place)
        listed = found[:limit]
        following = cursor_of(listed[-1]) if len(found) > limit else UNSET
        page = PaymentPage([payment_item(each) for each in listed], following)
        return to_response(json_reply(200, page))


def payment_filter(fields: QueryFields) -> PaymentFilter:
    """Return what the parameters of a query ask for."""
    order_id, user_id = fields.text("orderId"), fields.text("userId")
    return PaymentFilter(
        status=_status(fields),
        order_id=None if order_id is None else OrderId(order_id),
        user_id=None if user_id is None else UserId(user_id),
        gateway=fields.text("gateway"),
        since=fields.moment("since"),
        until=fields.moment("until"),
    )


def _status(fields: QueryFields) -> PaymentStatus | None:
    value = fields.text("status")
    if value is None:
        return None
    statuses = {each.value: each for each in PaymentStatus}
    if value not in statuses:
        fields.refuse("status", f"must be {' or '.join(sorted(statuses))}")
    return statuses.get(value)


def cursor_of(last: Payment) -> str:
    """Return the cursor of the page that follows this payment."""
    place = [last.created_at.astimezone(UTC).isoformat(), last.id]
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_in(fields: QueryFields) -> PlaceInList | None:
    """Return the place that the cursor of a query means."""
    value = fields.text("cursor")
    if value is None:
        return None
    try:
        content = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        created_at, payment_id = msgspec.json.decode(content, type=tuple[datetime, str])
        if created_at.tzinfo is not None and is_text(payment_id):
            return PlaceInList(created_at.astimezone(UTC), PaymentId(payment_id))
    except (binascii.Error, msgspec.DecodeError, OverflowError, ValueError):
        pass
    fields.refuse("cursor", _CURSOR_RULE)
    return None
