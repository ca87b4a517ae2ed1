"""SessionRoute: a customer approves a payment at the gateway before it is charged."""

from attrs import frozen
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from application.log_context import note
from application.use_cases.create_session import CreatedSession, CreateSession, OpenSession
from domain.identifiers import OrderId, UserId
from entrypoints.http import openapi, openapi_errors
from entrypoints.http import openapi_operations as operations
from entrypoints.http.auth import Authenticator
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.json_fields import JsonFields
from entrypoints.http.replies import Reply, json_reply
from entrypoints.http.reply_bodies import SessionBody
from entrypoints.http.request_bodies import PaymentRules
from entrypoints.http.request_fields import SESSION
from entrypoints.http.requests import read_json
from entrypoints.http.responses import to_response


@frozen
class SessionRoute:
    """`POST /api/payments/sessions`."""

    create_session: CreateSession
    authenticator: Authenticator
    rules: PaymentRules

    async def create(self, request: HttpRequest) -> Response[bytes]:
        """Create what the customer approves at the gateway. Nothing is charged by it."""
        user = await self.authenticator.authenticate(request)
        command = parse_session(await read_json(request), user.id, self.rules)
        note(order_id=command.order_id)
        return to_response(_reply(await self.create_session(command)))


def session_route(sessions: SessionRoute) -> HTTPRouteHandler:
    """Return the route."""
    return post(
        "/api/payments/sessions",
        operation_id="createSession",
        operation_class=operations.CreateSession,
        security=openapi.USER_SECURITY,
        responses=openapi.SESSION_CREATED
        | openapi_errors.problems(
            400, 401, 404, 408, 409, 413, 415, 502, 503, errors=openapi_errors.SESSION_ERRORS
        ),
    )(sessions.create)


def parse_session(content: bytes, payer: UserId, rules: PaymentRules) -> OpenSession:
    """Parse the body of `POST /api/payments/sessions`; it may have more fields.

    Raises:
        BadRequest: with one detail for each invalid field; for each required field if the body is
            not a JSON object.
    """
    fields = JsonFields.of(content, SESSION)
    fields.require("gateway", "returnUrl", "cancelUrl")
    order_id = fields.text("orderId")
    gateway = fields.one_of("gateway", rules.gateways) or ""
    return_url = fields.url("returnUrl", rules.return_origins) or ""
    cancel_url = fields.url("cancelUrl", rules.return_origins) or ""
    fields.check()
    return OpenSession(OrderId(order_id), payer, gateway, return_url, cancel_url)


def _reply(created: CreatedSession) -> Reply:
    body = SessionBody(
        gateway=created.gateway,
        token=created.session.token,
        approve_url=created.session.approve_url,
        amount=created.amount.minor_units,
        currency=created.amount.currency.code,
    )
    return json_reply(201, body)
