"""Serve and worker without their wires: answers and loops round the real use cases."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final

import msgspec
from attrs import define, field, frozen

from application.application import UseCases
from application.ports.event_publisher import BrokerUnavailable
from application.ports.gateway_notifications import Notification
from application.ports.payment_gateway import CardToken
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.create_charge import PayOrder
from domain.claim import AlreadyPaid, ExpectedAmount
from domain.identifiers import OrderId, PaymentId, UserId
from domain.money import Currency
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.errors import reply_to
from entrypoints.http.idempotency import HandlerResult, IdempotencyGuard
from entrypoints.http.payments import reply_to_charge
from entrypoints.http.replies import Reply as HttpReply
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from payments_kit.simulation.loop import SimulatedProcess
from payments_kit.simulation.runtime import SimulatedRuntime

CLAIMED: Final[ContextVar[list[PaymentId] | None]] = ContextVar("claimed", default=None)
"""The payments begun for the request that is being answered."""

_UNEXPECTED: Final = 500

# What entrypoints/workers.py waits: its figures, without the jitter that no seed decides.
_MAX_PAUSE: Final = 5.0
_FIRST_PAUSE: Final = 0.2
# Longer than there, as every look at nothing costs steps; it only has to be shorter than the leases.
_IDLE: Final = 1.0


@frozen
class Reply:
    """What came back over HTTP."""

    status: int
    payment_id: PaymentId | None
    payment_status: str
    claimed: tuple[PaymentId, ...] = ()


@frozen
class PayRequest:
    """`POST /api/payments`."""

    order_id: OrderId
    user_id: UserId
    token: CardToken
    key: str | None = None
    expected: ExpectedAmount = ExpectedAmount()


@define
class Serve:
    """One `payments serve`: entrypoints/http as it is, but for the reading of requests."""

    life: SimulatedProcess
    use_cases: UseCases
    once: IdempotencyGuard
    surprise: Callable[[BaseException], None]
    running: BackgroundTasks = field(factory=BackgroundTasks)
    waiting: list["asyncio.Future[Reply]"] = field(factory=list)
    """Requests that have not been answered."""

    async def pay(self, request: PayRequest) -> Reply:
        """Answer one request; with an idempotency key, as the first one with it."""
        claimed: list[PaymentId] = []
        CLAIMED.set(claimed)

        async def charge() -> HandlerResult:
            return await self._charge(request)

        try:
            if request.key is None:
                reply = (await self.running.to_its_end(charge())).reply
            else:
                command = {"order": request.order_id, "token": request.token.value}
                answering = self.once(request.user_id, request.key, command, charge)
                reply = await self.running.to_its_end(answering)
        except Exception as error:
            reply = reply_to(error)
            if reply.status == _UNEXPECTED:
                self.surprise(error)
        return _heard(reply, tuple(claimed))

    async def apply(self, notification: Notification) -> int:
        """Answer the gateway's webhook."""
        try:
            await self.running.to_its_end(self.use_cases.receive_notification(notification))
        except Exception as error:
            reply = reply_to(error)
            if reply.status == _UNEXPECTED:
                self.surprise(error)
            return reply.status
        return 200

    async def refund(self, payment_id: PaymentId, minor_units: int | None) -> None:
        """Give money back for an operator."""
        try:
            await self.running.to_its_end(self.use_cases.refund_payment(payment_id, minor_units))
        except Exception as error:
            if reply_to(error).status == _UNEXPECTED:
                self.surprise(error)

    async def _charge(self, request: PayRequest) -> HandlerResult:
        try:
            charge = await self.use_cases.create_charge(
                PayOrder(request.order_id, request.user_id, request.token, request.expected)
            )
        except AlreadyPaid as paid:
            return HandlerResult(reply_to(paid), final=True)
        return reply_to_charge(charge)


class _Told(msgspec.Struct):
    """Where a body says which payment it is about, and what became of that."""

    id: str | None = None
    status: str | int | None = None
    payment: "_Told | None" = None


_TOLD: Final = msgspec.json.Decoder(_Told)


def _heard(reply: HttpReply, claimed: tuple[PaymentId, ...]) -> Reply:
    told = _TOLD.decode(reply.content)
    payment = told.payment or told
    payment_id = PaymentId(payment.id) if payment.id else None
    return Reply(reply.status, payment_id, str(payment.status), claimed)


@define
class Worker:
    """One `payments worker`, with all its roles."""

    life: SimulatedProcess
    use_cases: UseCases
    intake: OrderIntake
    completion: PaymentCreatedIntake
    surprise: Callable[[BaseException], None]
    stops: bool = False
    """Set to have each role end after what it is doing."""

    @property
    def roles(self) -> tuple[Callable[[], Awaitable[int]], ...]:
        """What it does again and again."""
        return (
            self.intake.run_once,
            self.completion.run_once,
            self.use_cases.relay_outbox.run_once,
            self.use_cases.recover_payments.run_once,
            self.use_cases.apply_deferred_notifications.run_once,
        )

    async def run(self, role: Callable[[], Awaitable[int]]) -> None:
        """Play one role until stopped; entrypoints/workers.py without what no seed decides."""
        failures = 0
        while not self.stops:
            try:
                done = await role()
            except (StorageUnavailable, BrokerUnavailable):
                failures += 1
                await asyncio.sleep(min(_MAX_PAUSE, _FIRST_PAUSE * 2**failures))
            except Exception as error:
                failures += 1
                self.surprise(error)
                await asyncio.sleep(_MAX_PAUSE)
            else:
                failures = 0
                if not done:
                    await asyncio.sleep(_IDLE)


def a_worker(
    runtime: SimulatedRuntime,
    life: SimulatedProcess,
    use_cases: UseCases,
    surprise: Callable[[BaseException], None],
) -> Worker:
    """A worker with its subscriptions."""
    orders = runtime.subscribe("payments-orders", "order:created", "order:cancelled")
    payments = runtime.subscribe("orders-payments", "payment:created")
    return Worker(
        life,
        use_cases,
        OrderIntake(orders, use_cases.replicate_order, use_cases.cancel_order, Currency("usd")),
        PaymentCreatedIntake(payments, use_cases.complete_order),
        surprise,
    )
