"""`/api/payments/{id}/captures`, `…/void`, `…/refunds`, `…/review`: operators move money."""

from attrs import frozen
from litestar import Response
from litestar.params import FromPath

from application.acting import acting
from domain.actor import Actor
from domain.identifiers import PaymentId
from entrypoints.http.captures import CaptureHandler
from entrypoints.http.errors import NotFound
from entrypoints.http.handlers import RefundHandler
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.operator_keys import OperatorKeys
from entrypoints.http.request_bodies import parse_capture, parse_refund, parse_review, parse_void
from entrypoints.http.requests import idempotency_key, read_json, refuse_query
from entrypoints.http.responses import to_response
from entrypoints.http.reviews import ReviewHandler
from entrypoints.http.validation import is_payment_id


@frozen
class OperatorRoutes:
    """The routes for operators."""

    refunds: RefundHandler
    captures: CaptureHandler
    reviews: ReviewHandler
    operators: OperatorKeys

    async def refund(self, request: HttpRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Refund part or all of a payment."""
        operator, key = self._admit(request, payment_id)
        command = parse_refund(await read_json(request, required=False), PaymentId(payment_id))
        with acting(Actor.operator(operator, command.reason)):
            return to_response(await self.refunds.refund(command, key))

    async def capture(self, request: HttpRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Capture part or all of what is authorized; the rest is released."""
        operator, key = self._admit(request, payment_id)
        command = parse_capture(await read_json(request, required=False), PaymentId(payment_id))
        with acting(Actor.operator(operator)):
            return to_response(await self.captures.capture(command, key))

    async def void(self, request: HttpRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Release what is authorized; its order can be paid again then."""
        operator, key = self._admit(request, payment_id)
        command = parse_void(await read_json(request, required=False), PaymentId(payment_id))
        with acting(Actor.operator(operator, command.reason)):
            return to_response(await self.captures.void(command, key))

    async def review(self, request: HttpRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Decide about a payment in review: the order keeps it, or all of it is given back."""
        operator, key = self._admit(request, payment_id)
        command = parse_review(await read_json(request), PaymentId(payment_id))
        with acting(Actor.operator(operator, command.reason)):
            return to_response(await self.reviews.review(command, key))

    def _admit(self, request: HttpRequest, payment_id: str) -> tuple[str, str | None]:
        """Return the operator of a request, and its idempotency key."""
        operator = self.operators.authenticate(request)
        if not is_payment_id(payment_id):
            raise NotFound
        refuse_query(request)
        return operator, idempotency_key(request)
