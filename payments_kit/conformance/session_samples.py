"""Sessions for the conformance tests: created, claimed, charged and approved."""
# ruff: noqa: S101 - these are parts of tests

from typing import Final

from attrs import evolve

from application.ports.gateway_sessions import GatewaySessions, Session, SessionRequest
from application.ports.payment_gateway import CardToken
from domain.capture import CaptureMode
from domain.outcome import Outcome, RequiresAction
from domain.payment import Payment
from payments_kit.conformance.samples import payment_for
from payments_kit.conformance.session_harness import SessionHarness

_RETURN: Final = "https://shop.example/orders/1"
_CANCEL: Final = "https://shop.example/cart"


async def created(harness: SessionHarness, payment: Payment) -> Session:
    """Create a session for a payment that is not claimed yet."""
    create = GatewaySessions.of(harness.gateway).create_session
    assert create is not None, "the adapter has no create_session"
    request = SessionRequest(
        order_id=payment.order_id,
        amount=payment.amount,
        capture_mode=payment.capture_mode,
        return_url=_RETURN,
        cancel_url=_CANCEL,
    )
    session = await create(request)
    assert isinstance(session, Session), f"no session was created: {session}"
    return session


def using(harness: SessionHarness, payment: Payment, session: Session) -> Payment:
    """Return a payment as it is claimed with a session: its reference is stored."""
    return evolve(payment, reference=GatewaySessions.of(harness.gateway).reference(session.token))


async def opened(
    harness: SessionHarness, mode: CaptureMode = CaptureMode.AUTOMATIC
) -> tuple[Payment, Session]:
    """Return a payment that is claimed with a new session."""
    payment = evolve(payment_for(harness), capture_mode=mode)
    session = await created(harness, payment)
    payment = using(harness, payment, session)
    assert payment.reference, "the token has no reference"
    return payment, session


async def waiting(
    harness: SessionHarness, mode: CaptureMode = CaptureMode.AUTOMATIC
) -> tuple[Payment, Session]:
    """Return a payment that was charged before its customer has approved it."""
    payment, session = await opened(harness, mode)
    outcome = await charge(harness, payment, session)
    assert isinstance(outcome, RequiresAction), f"it was {outcome}"
    return payment, session


async def approved(
    harness: SessionHarness, mode: CaptureMode = CaptureMode.AUTOMATIC
) -> tuple[Payment, Session]:
    """Return a payment that its customer has approved after the charge."""
    payment, session = await waiting(harness, mode)
    await harness.approve(session.token)
    return payment, session


async def charge(harness: SessionHarness, payment: Payment, session: Session) -> Outcome:
    """Charge a payment with its session."""
    return await harness.gateway.charge(payment, CardToken(session.token, _RETURN))


async def take(harness: SessionHarness, payment: Payment) -> Outcome:
    """Take the money of a payment."""
    take = GatewaySessions.of(harness.gateway).take
    assert take is not None, "the adapter has no take"
    return await take(payment)
