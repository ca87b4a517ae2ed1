"""Serve and worker: the real handlers and loops, without the HTTP server and the signals."""

import asyncio
import random
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

import msgspec
from attrs import define, evolve, field, frozen

from adapters.messaging.in_memory import InMemorySubscription
from application.application import UseCases
from application.ports.gateway_notifications import Notification
from application.use_cases.create_session import OpenSession
from application.use_cases.pay_order import PayOrder
from domain.identifiers import PaymentId, UserId
from domain.money import Currency
from domain.order_reviews import ReviewDecision
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.cancellation import CancellationHandler
from entrypoints.http.captures import CaptureCommand, CaptureHandler, VoidCommand
from entrypoints.http.errors import reply_to
from entrypoints.http.handlers import (
    NotificationHandler,
    PaymentHandler,
    RefundCommand,
    RefundHandler,
)
from entrypoints.http.idempotency import IdempotencyGuard
from entrypoints.http.repeated_replies import RepeatedReplies
from entrypoints.http.replies import Reply
from entrypoints.http.reviews import ReviewCommand, ReviewHandler
from entrypoints.worker import Role
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.loops import Loop, Pacing, run_loops
from entrypoints.worker.roles import WorkerDependencies, loops_of
from payments_kit.simulation.pauses import sleep_or_wake
from payments_kit.simulation.process import SimulatedProcess
from payments_kit.simulation.runtime import SimulatedRuntime

CLAIMED: Final[ContextVar[list[PaymentId] | None]] = ContextVar("claimed", default=None)
"""The payments that the current request has started."""

# Longer than in production, as an idle check costs steps; it must only be shorter than the leases.
_MIN_IDLE_SECONDS: Final = 1.0

_ROLES: Final[tuple[Role, ...]] = ("replicate", "relay", "recover", "complete")


@frozen
class Response:
    """The reply to a request to pay, as the customer reads it."""

    status: int
    payment_id: PaymentId | None
    payment_status: str
    payment: dict[str, Any] | None = None
    """The payment in the body."""
    claimed: tuple[PaymentId, ...] = ()
    """The payments that the request started; the customer does not see them."""
    code: str | None = None


@define
class Serve:
    """One `payments serve`."""

    process: SimulatedProcess
    use_cases: UseCases
    payments: PaymentHandler
    cancellations: CancellationHandler
    refunds: RefundHandler
    captures: CaptureHandler
    reviews: ReviewHandler
    notifications: NotificationHandler
    unanswered: list["asyncio.Future[Response]"] = field(factory=list)
    """The requests whose connections are lost if the process crashes."""

    async def pay(self, command: PayOrder, key: str | None) -> Response:
        """Reply to `POST /api/payments`."""
        claimed: list[PaymentId] = []
        CLAIMED.set(claimed)
        try:
            reply = await self.payments.pay(command, key)
        except Exception as error:
            reply = reply_to(error)
        return _read(reply, claimed)

    async def create_session(self, command: OpenSession) -> str | None:
        """Reply to `POST /api/payments/sessions`: with a token, or None."""
        try:
            return (await self.use_cases.create_session(command)).session.token
        except Exception as error:
            reply_to(error)
            return None

    async def refund(self, command: RefundCommand, key: str | None) -> int:
        """Reply to `POST /api/payments/{id}/refunds`."""
        try:
            return (await self.refunds.refund(command, key)).status
        except Exception as error:
            return reply_to(error).status

    async def cancel(self, payment_id: PaymentId, user: UserId) -> Response:
        """Reply to `POST /api/payments/{id}/cancel`."""
        try:
            reply = await self.cancellations.cancel(payment_id, user)
        except Exception as error:
            reply = reply_to(error)
        return _read(reply, [])

    async def capture(
        self, payment_id: PaymentId, minor_units: int | None, currency: str | None = None
    ) -> Response:
        """Reply to `POST /api/payments/{id}/captures`."""
        try:
            reply = await self.captures.capture(CaptureCommand(payment_id, minor_units, currency))
        except Exception as error:
            reply = reply_to(error)
        return _read(reply, [])

    async def void(self, payment_id: PaymentId) -> Response:
        """Reply to `POST /api/payments/{id}/void`."""
        try:
            reply = await self.captures.void(VoidCommand(payment_id, "voided"))
        except Exception as error:
            reply = reply_to(error)
        return _read(reply, [])

    async def review(self, payment_id: PaymentId, decision: ReviewDecision) -> Response:
        """Reply to `POST /api/payments/{id}/review`."""
        try:
            reply = await self.reviews.review(ReviewCommand(payment_id, decision, "any"))
        except Exception as error:
            reply = reply_to(error)
        return _read(reply, [])

    async def receive(self, gateway: str, notification: Notification, body: bytes = b"") -> int:
        """Reply to a webhook of a gateway."""
        try:
            return (await self.notifications.receive(gateway, notification, body)).status
        except Exception as error:
            return reply_to(error).status


def open_serve(runtime: SimulatedRuntime, process: SimulatedProcess, use_cases: UseCases) -> Serve:
    """Compose a serve process."""
    guard, tasks = IdempotencyGuard(runtime.idempotency_store()), BackgroundTasks()
    replies = RepeatedReplies(use_cases.find_action)
    return Serve(
        process,
        use_cases,
        PaymentHandler(use_cases.create_charge, replies, tasks),
        CancellationHandler(use_cases.cancel_payment, tasks),
        RefundHandler(use_cases.refund_payment, guard, tasks),
        CaptureHandler(use_cases.capture_payment, use_cases.void_payment, guard, tasks),
        ReviewHandler(use_cases.review_payment, guard, tasks),
        NotificationHandler(use_cases.keep_notification, tasks),
    )


def _read(reply: Reply, claimed: list[PaymentId]) -> Response:
    body = msgspec.json.decode(reply.content)
    payment = body.get("payment") or body
    payment_id = PaymentId(payment["id"]) if payment.get("id") else None
    named = payment if payment_id else None
    status, code = str(payment.get("status")), body.get("errors", [{}])[0].get("code")
    return Response(reply.status, payment_id, status, named, tuple(claimed), code)


class LoopEnded(Exception):
    """A loop of a worker ended although the worker was not stopped."""


@define
class Worker:
    """One `payments worker` with all its roles."""

    process: SimulatedProcess
    dependencies: WorkerDependencies
    pacing: Pacing
    stop: asyncio.Event = field(factory=asyncio.Event)
    is_stopped: bool = False

    @property
    def loops(self) -> list[Loop]:
        """The real loops, with a longer time between two idle checks."""
        return [
            evolve(
                loop,
                idle_seconds=max(_MIN_IDLE_SECONDS, loop.idle_seconds),
                first_idle_seconds=None,
            )
            for role in _ROLES
            for loop in loops_of(role, self.dependencies)
        ]

    async def run(self) -> None:
        """Run until the world stops it.

        Raises:
            LoopEnded: a loop ended by itself, and its work would never be done again.
        """
        await run_loops(self.loops, self.stop, self.pacing)
        if not self.is_stopped:
            raise LoopEnded(self.process.name)

    def shut_down(self) -> None:
        """Let the loops finish their current work and end."""
        self.is_stopped = True
        self.stop.set()


def open_worker(
    runtime: SimulatedRuntime, process: SimulatedProcess, use_cases: UseCases, draw: random.Random
) -> Worker:
    """Compose a worker process; its jitter is drawn from `draw`."""
    orders = runtime.subscribe("payments", "order:created", "order:cancelled")
    shipments = runtime.subscribe("payments-shipments", "order:shipped")
    payments = runtime.subscribe("payments-complete", "payment:created")

    def order_intake(events: InMemorySubscription) -> OrderIntake:
        return OrderIntake(
            events,
            runtime.alignment(events),
            use_cases.replicate_order,
            use_cases.cancel_order,
            use_cases.advance_positions,
            Currency("usd"),
            runtime.alerts(),
        )

    dependencies = WorkerDependencies(
        use_cases,
        order_intake(orders),
        PaymentCreatedIntake(
            payments,
            runtime.alignment(payments),
            use_cases.complete_order,
            use_cases.advance_positions,
        ),
        runtime.outbox_signal(),
        shipment_intake=order_intake(shipments),
    )
    return Worker(
        process,
        dependencies,
        Pacing(partial(sleep_or_wake, runtime.loop), lambda: draw.uniform(0.5, 1.0)),
    )
