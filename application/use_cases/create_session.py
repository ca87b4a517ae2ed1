"""CreateSession: let a customer approve a payment at the gateway before it is charged."""

import asyncio
import logging

from attrs import frozen

from application.gateway_health import GatewayHealth
from application.log_context import note
from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.gateway_sessions import CreateSession as CreateAtGateway
from application.ports.gateway_sessions import Session, SessionRequest
from application.ports.gateways import Gateways
from application.ports.payment_gateway import (
    CALL_SECONDS,
    GatewayUnavailable,
    KeyRefused,
    OutcomeUnknown,
)
from application.ports.unit_of_work import BeginUnitOfWork
from application.use_cases.claim_order import GatewayNotOffered, offered_gateways
from domain.capture import CaptureMode
from domain.claim import ExpectedAmount, OrderNotFound, payable_terms
from domain.identifiers import OrderId, UserId
from domain.money import Money
from domain.outcome import Refused

logger = logging.getLogger(__name__)


@frozen
class OpenSession:
    """The command to create a session for an order."""

    order_id: OrderId
    payer: UserId
    gateway: str
    """The gateway's name, or its name in the settings."""
    return_url: str
    cancel_url: str


@frozen
class CreatedSession:
    """A session, and what its customer is to approve."""

    gateway: str
    session: Session
    amount: Money


@frozen
class SessionRefused(Exception):
    """The gateway refuses the shop: an operator must act."""

    code: str


@frozen
class CreateSession:
    """Create a session for an order that may be paid now. Nothing is claimed or charged by it."""

    begin: BeginUnitOfWork
    gateways: Gateways
    capture_mode: CaptureMode
    """For orders that do not say themselves when their money is captured."""
    health: GatewayHealth
    alerts: Alerts
    now: Clock

    async def __call__(self, command: OpenSession) -> CreatedSession:
        """Return a new session each time.

        Raises:
            OrderNotFound, NotYourOrder, OrderCancelled, OrderExpired, NothingDue, AlreadyPaid,
            PaymentInProgress: the order may not be paid now; see `payable_terms`.
            GatewayNotOffered: the gateway has no sessions, or may not take this order.
            SessionRefused: the gateway refuses the shop.
            GatewayUnavailable, StorageUnavailable: there is no session.
        """
        note(order_id=command.order_id)
        order = await self.begin().orders.get(command.order_id)
        if order is None:
            raise OrderNotFound(command.order_id)
        payer, now = command.payer, self.now()
        terms = payable_terms(order.replica, order.live_payment, payer, ExpectedAmount(), now)
        offered = offered_gateways(self.gateways, order, self.capture_mode)
        able = {each.name: each.sessions.create_session for each in offered}
        at = self.gateways.named(command.gateway)
        create = None if at is None else able.get(at.name)
        if at is None or create is None:
            names = (name for name, create in able.items() if create is not None)
            raise GatewayNotOffered(command.gateway, tuple(names))
        request = SessionRequest(
            order_id=order.id,
            amount=terms.price,
            capture_mode=terms.capture or self.capture_mode,
            return_url=command.return_url,
            cancel_url=command.cancel_url,
        )
        try:
            session = await self._create(at.name, create, request)
        except GatewayUnavailable:
            self.health.failed(at.name)
            raise
        self.health.answered(at.name)
        return CreatedSession(at.name, session, terms.price)

    async def _create(
        self, gateway: str, create: CreateAtGateway, request: SessionRequest
    ) -> Session:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                created = await create(request)
        except KeyRefused as refused:
            await self.alerts.report(AlertKind.GATEWAY_KEY_REFUSED, gateway, str(refused))
            raise
        except (OutcomeUnknown, TimeoutError) as unknown:
            logger.warning("whether there is a session is unknown: %s", unknown)
            raise GatewayUnavailable(f"no session: {unknown}") from unknown
        if isinstance(created, Refused):
            words = f"{created.code}: {created.message}"
            logger.warning("the gateway refuses a session: %s", words)
            await self.alerts.report(AlertKind.GATEWAY_REFUSAL, created.code, words)
            raise SessionRefused(created.code)
        return created
