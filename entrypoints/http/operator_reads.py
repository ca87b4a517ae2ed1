"""`GET /api/operator/orders/{id}`: operators read an order with everything that belongs to it."""

from attrs import frozen
from litestar import Response
from litestar.params import FromPath

from application.use_cases.find_order import FindOrder
from entrypoints.http.errors import NotFound
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.operator_keys import OperatorKeys
from entrypoints.http.replies import json_reply
from entrypoints.http.requests import refuse_query
from entrypoints.http.responses import to_response
from entrypoints.http.validation import is_text
from entrypoints.order_document import order_body


@frozen
class OperatorReads:
    """The routes with which operators read."""

    find_order: FindOrder
    operators: OperatorKeys

    async def order(self, request: HttpRequest, order_id: FromPath[str]) -> Response[bytes]:
        """Return an order with its payments, refunds and disputes, each with its explanation.

        The id may also be one of a payment, or the gateway's of a charge.
        """
        self.operators.authenticate(request)
        if not is_text(order_id):
            raise NotFound
        refuse_query(request)
        found = await self.find_order(order_id)
        return to_response(json_reply(200, order_body(found)))
