"""`/api/payments`: pay for an order, and look at one's payments."""

from typing import Final

from attrs import frozen
from litestar import Response
from litestar.params import FromPath

from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.create_charge import ChargeResult, CreateCharge, PayOrder
from application.use_cases.limit_declines import TooManyDeclines
from application.use_cases.read_payments import ReadPayments
from domain.claim import AlreadyPaid
from domain.identifiers import PaymentId
from domain.payment import PaymentStatus
from entrypoints.http.addresses import decline_sources
from entrypoints.http.auth import Authenticator, User
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.errors import RETRY, NotFound, payment_under_way, reply_to
from entrypoints.http.idempotency import HandlerResult, IdempotencyGuard
from entrypoints.http.metrics import Metrics
from entrypoints.http.replies import (
    ErrorDetail,
    payment_body,
    payment_path,
    problem,
    reply,
)
from entrypoints.http.requests import (
    AnyRequest,
    ChargeRequest,
    charge_request,
    idempotency_key,
    is_payment_id,
    order_in_query,
    read_json,
)

# A key must not mean the same at another route.
_KEYS_OF: Final = "payments "

_UNWANTED: Final = {
    "order_cancelled": "The order was cancelled while it was being paid",
    "order_expired": "The order expired while it was being paid",
    "order_already_paid": "The order was paid otherwise meanwhile",
}


@frozen
class PaymentRoutes:
    """The routes of users."""

    create_charge: CreateCharge
    read_payments: ReadPayments
    authenticator: Authenticator
    once: IdempotencyGuard
    running: BackgroundTasks
    metrics: Metrics
    trusted_proxies: int

    async def create(self, request: AnyRequest) -> Response[bytes]:
        """Pay for an order: at most once, however often and from wherever it is asked."""
        user = await self.authenticator.user(request)
        key = idempotency_key(request)
        command = charge_request(await read_json(request))
        sources = decline_sources(request, user.id, self.trusted_proxies)

        async def charge() -> HandlerResult:
            return await self._charge(user, command, sources)

        if key is None:
            finished = await self.running.to_its_end(charge())
            return finished.reply.response()
        answer = await self.running.to_its_end(
            self.once(user.id, _KEYS_OF + key, _identity(command), charge)
        )
        return answer.response()

    async def show(self, request: AnyRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Look at a payment of one's own."""
        user = await self.authenticator.user(request)
        if not is_payment_id(payment_id):
            raise NotFound
        payment, order = await self.read_payments.one(PaymentId(payment_id), user.id)
        return reply(200, payment_body(payment, order)).response()

    async def index(self, request: AnyRequest) -> Response[bytes]:
        """Look at one's own payments of an order, oldest first."""
        user = await self.authenticator.user(request)
        payments, order = await self.read_payments.of_order(order_in_query(request), user.id)
        return reply(200, [payment_body(payment, order) for payment in payments]).response()

    async def _charge(
        self, user: User, command: ChargeRequest, sources: tuple[str, ...]
    ) -> HandlerResult:
        with self.metrics.charges_in_flight.track_inprogress():
            try:
                charge = await self.create_charge(
                    PayOrder(command.order_id, user.id, command.token, command.expected, sources)
                )
            except AlreadyPaid as paid:
                self._count("already_paid")
                return HandlerResult(reply_to(paid), final=True)
            except TooManyDeclines:
                self.metrics.declines_limited.inc()
                raise
            except (GatewayUnavailable, StorageUnavailable):
                self._count("unavailable")
                raise
        self._count(charge.payment.status.value)
        return reply_to_charge(charge)

    def _count(self, outcome: str) -> None:
        self.metrics.charges.labels(outcome).inc()


def reply_to_charge(charge: ChargeResult) -> HandlerResult:
    """What a customer is told of an attempt to pay; what can still change is not final."""
    payment = charge.payment
    body = payment_body(payment, action=charge.action)
    where = {"Location": payment_path(payment.id)}
    match payment.status:
        case PaymentStatus.SUCCEEDED:
            return HandlerResult(reply(201, body, where), final=True)
        case PaymentStatus.FAILED:
            detail = ErrorDetail("The payment was declined", code=payment.code or "declined")
            return HandlerResult(problem(402, detail, payment=body), final=True)
        case PaymentStatus.REQUIRES_ACTION if not charge.is_new:
            return HandlerResult(payment_under_way(body), final=False)
        case PaymentStatus.PROCESSING | PaymentStatus.REQUIRES_ACTION | PaymentStatus.REVIEW:
            return HandlerResult(reply(202, body, where), final=True)
        case PaymentStatus.REVERSED:
            reason = payment.code or "unwanted"
            message = _UNWANTED.get(reason, "The order may not be paid")
            detail = ErrorDetail(f"{message}; the money is being given back", code=reason)
            return HandlerResult(problem(400, detail, payment=body), final=False)
        case PaymentStatus.ABANDONED:
            detail = ErrorDetail("The payment did not reach the gateway; nothing was charged")
            return HandlerResult(problem(503, detail, headers=RETRY, payment=body), final=False)


def _identity(command: ChargeRequest) -> dict[str, object]:
    return {
        "order": command.order_id,
        "token": command.token.value,
        "amount": command.expected.minor_units,
        "currency": command.expected.currency,
    }
