"""Clients: requests to the service over a connection that may be lost."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Final

from attrs import define, field

from application.use_cases.create_session import OpenSession
from application.use_cases.pay_order import PayOrder
from domain.capture import CaptureMode
from domain.identifiers import OrderId, PaymentId, UserId
from domain.order_reviews import ReviewDecision
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.http.handlers import RefundCommand
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.cluster import Cluster
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.model.reports import Attempt, Reply
from payments_kit.simulation.processes import Response, Serve
from payments_kit.simulation.runtime import FIRST_GATEWAY
from payments_kit.simulation.trace import Trace

_CANCELLED: Final = 200
_TOO_MANY: Final = 429
SHOP: Final = "https://shop.example"

# Longer than a gateway call takes.
PATIENCE_SECONDS: Final = 20.0


@define
class Clients:
    """Sends requests to a random serve process, and records the replies."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    cluster: Cluster
    replies: list[Reply] = field(factory=list)
    captures_asked: list[tuple[str, int]] = field(factory=list)
    """What operators wanted to be captured, by payment, in minor units."""
    attempts: list[Attempt] = field(factory=list)
    """The requests to pay, if there are limits of declined cards."""
    reviewed: list[str] = field(factory=list)
    """The payments about which operators have decided."""

    async def pay(
        self, name: str, command: PayOrder, key: str | None, timeout: float
    ) -> Response | None:
        """Request a payment; None if no reply came within `timeout` seconds."""
        serve = self.cluster.choose_serve()
        if serve is None:
            self.trace.record(name, "finds no server")
            return None
        self.trace.record(name, f"asks {serve.process.name} to charge {command.order_id}")
        self.trace.count(Activity.PAYS)
        if command.gateway is not None:
            self.trace.count(Activity.PAYS_AT_SECOND)
        place, earlier = self._note_attempt(command), len(self.replies)
        asked_at = self.cluster.runtime.now()
        request = self.loop.create_future()
        serve.unanswered.append(request)

        async def reply() -> None:
            response = await serve.pay(command, key)
            if not request.done():
                self.record(command, response, key, asked_at, earlier)
                self._note_reply(place, response)
                request.set_result(response)

        replying = self.loop.spawn(serve.process, reply())
        if self.injector.occurs(FaultKind.CLIENT_DISCONNECTS, name):
            timeout = self.injector.uniform(FaultKind.CLIENT_DISCONNECTS, 0.0, timeout)
        try:
            async with asyncio.timeout(timeout):
                response: Response = await request
        except TimeoutError:
            replying.cancel()
            self.trace.record(name, "disconnects")
            return None
        except ConnectionResetError:
            self.trace.record(name, "loses the connection")
            return None
        self.trace.record(name, f"gets {response.status} {response.payment_id or ''}".rstrip())
        if response.status == _TOO_MANY:
            self.trace.count(Activity.TOO_MANY_DECLINES)
        return response

    def _note_attempt(self, command: PayOrder) -> int | None:
        """Note an attempt that counts if its card is declined; return its place, if it has one."""
        if not command.sources:
            return None
        self.attempts.append(Attempt(tuple(command.sources), self.cluster.runtime.now()))
        return len(self.attempts) - 1

    def _note_reply(self, place: int | None, response: Response) -> None:
        if place is None:
            return
        self.attempts[place] = self.attempts[place]._replace(
            status=response.status,
            replied_at=self.cluster.runtime.now(),
            started=response.claimed,
            declined=response.payment_id,
            code=(response.payment or {}).get("code"),
        )

    def record(
        self,
        command: PayOrder,
        response: Response,
        key: str | None = None,
        asked_at: datetime | None = None,
        earlier: int | None = None,
    ) -> None:
        """Record a reply, to check later that it stayed true."""
        self.replies.append(
            Reply(
                response.status,
                response.payment_id,
                command.payer,
                order_id=command.order_id,
                body=response.payment,
                started=response.claimed,
                code=response.code,
                key=key,
                wanted=(command.order_id, command.token, command.expected, command.gateway),
                asked_at=asked_at,
                at=self.cluster.runtime.now(),
                earlier=earlier,
            )
        )

    async def create_session(self, name: str, order_id: OrderId, user: UserId) -> str | None:
        """Ask for a session; return its token, or None."""
        serve = self.cluster.choose_serve()
        if serve is None:
            return None
        self.trace.count(Activity.CREATES_SESSION)
        command = OpenSession(order_id, user, FIRST_GATEWAY, SHOP, SHOP)
        creating = self.loop.spawn(serve.process, serve.create_session(command))
        await asyncio.wait([creating], timeout=PATIENCE_SECONDS)
        token: str | None = creating.result() if creating.done() else None
        self.trace.record(name, f"gets the session {token}")
        return token

    async def cancel(self, name: str, payment_id: PaymentId, user: UserId) -> None:
        """Cancel a payment, and record the reply."""
        serve = self.cluster.choose_serve()
        if serve is None:
            return
        self.trace.record(name, f"cancels {payment_id}")
        self.trace.count(Activity.CANCELS)

        async def reply() -> None:
            response = await serve.cancel(payment_id, user)
            self.trace.record(name, f"gets {response.status} for cancelling {payment_id}")
            if response.status == _CANCELLED:
                self.replies.append(Reply(_CANCELLED, payment_id, user, "cancel"))

        await asyncio.wait([self.loop.spawn(serve.process, reply())], timeout=PATIENCE_SECONDS)

    async def refund(self, command: RefundCommand, key: str | None) -> None:
        """Request a refund."""
        serve = self.cluster.choose_serve()
        if serve is None:
            return
        amount = command.minor_units or "all"
        self.trace.record("operator", f"refunds {amount} of {command.payment_id}")
        self.trace.count(Activity.REFUNDS)
        refunding = self.loop.spawn(serve.process, serve.refund(command, key))
        await asyncio.wait([refunding], timeout=PATIENCE_SECONDS)

    async def capture(self, payment: Payment, minor_units: int | None) -> None:
        """Capture an authorization, or a part of it, as an operator."""
        units = payment.amount.minor_units if minor_units is None else minor_units
        self.captures_asked.append((payment.id, units))
        self.trace.record("operator", f"captures {units} of {payment.id}")
        await self.operate(
            Activity.CAPTURES, "capture", lambda serve: serve.capture(payment.id, minor_units)
        )

    async def void(self, payment: Payment) -> None:
        """Release an authorization as an operator."""
        self.trace.record("operator", f"releases {payment.id}")
        await self.operate(Activity.RELEASES, "void", lambda serve: serve.void(payment.id))

    async def review(self, payment: Payment, decision: ReviewDecision) -> None:
        """Decide about a payment in review as an operator."""
        self.reviewed.append(payment.id)
        self.trace.record("operator", f"decides about {payment.id}: {decision.value}")
        await self.operate(
            Activity.REVIEWS, "review", lambda serve: serve.review(payment.id, decision)
        )

    async def operate(
        self,
        activity: Activity,
        request: str,
        send: Callable[[Serve], Coroutine[Any, Any, Response]],
    ) -> None:
        """Send an operator's request, and record the reply."""
        serve = self.cluster.choose_serve()
        if serve is None:
            return
        self.trace.count(activity)

        async def reply() -> None:
            response = await send(serve)
            body = response.payment or {}
            self.replies.append(
                Reply(response.status, response.payment_id, request=request, body=body)
            )

        replying = self.loop.spawn(serve.process, reply())
        await asyncio.wait([replying], timeout=PATIENCE_SECONDS)

    def authorized_payments(self) -> list[Payment]:
        """Return the payments that an operator captures or releases, or finds captured."""
        return [
            payment
            for _, order in self.cluster.runtime.database.orders.values()
            for payment in order.payments
            if payment.status in (PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED)
            and payment.capture_mode is CaptureMode.MANUAL
        ]

    def payments_in_review(self) -> list[Payment]:
        """Return the payments about which an operator must decide."""
        return [each for each in self.captured_payments() if each.status is PaymentStatus.REVIEW]

    def captured_payments(self) -> list[Payment]:
        """Return the payments that an operator may refund."""
        return [
            payment
            for _, order in self.cluster.runtime.database.orders.values()
            for payment in order.payments
            if payment.is_captured
        ]
