"""Sessions as a simulated gateway executes them, and the port's methods for them."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Final

from attrs import evolve

from adapters.gateways.simulated.attempts import Attempt
from adapters.gateways.simulated.cards import CARDS
from adapters.gateways.simulated.idempotency import KeyedReply, fingerprint, first_reply, store
from adapters.gateways.simulated.record import GatewayRecord, Result, Rule
from adapters.gateways.simulated.session_record import UNKNOWN, SessionRecord, reference_of
from application.ports.gateway_sessions import Session, SessionRequest
from domain.identifiers import PaymentId
from domain.outcome import Approved, Declined, Outcome, Refused
from domain.payment import Payment

_WALLET: Final = CARDS["pm_applePay"]
"""What an approved session is charged to; it never declines."""

_CLOSED: Final = "session_cancelled"
"""The code of a session that was cancelled before its money was taken."""


def take(
    record: GatewayRecord,
    key: str,
    payment: Payment,
    attempt_id: str,
    livemode: bool,
    now: datetime,
) -> tuple[GatewayRecord, Outcome]:
    """Take the money of an approved session once for each key; else say what it waits for."""
    session = record.session
    if session is None:
        return record, UNKNOWN
    rejected = session.rejection(payment)
    if rejected is not None:
        return record, rejected
    record = evolve(record, session=session.use(payment))
    request = fingerprint(payment.id, session.token, str(payment.amount))
    # Only what was done is repeated, not an error: the same key is sent again later.
    known = [each for each in record.replies if not each.is_server_error]
    is_done = first_reply(tuple(known), key, request, now) is not None
    # An error after the money was taken: the session itself has been used.
    has_failed = any(each.key == key and each.is_server_error for each in record.replies)
    is_done = is_done or (has_failed and any(it.session == session.token for it in record.attempts))
    if is_done or session.approved_at is None or session.is_closed:
        return record, _found(record, payment)
    attempt = Attempt.of(attempt_id, payment, _WALLET, livemode, now)
    attempt = evolve(attempt, session=session.token)
    if record.mischarge is not None:
        attempt = attempt.mischarged(record.mischarge)
    reply = KeyedReply(key, request, now, attempt.reference, attempt.state.value)
    attempts = (*record.attempts, attempt)
    replies = store(record.replies, reply)
    return evolve(record, attempts=attempts, replies=replies, mischarge=None), attempt.outcome


def find(
    record: GatewayRecord, payment: Payment, now: datetime
) -> tuple[GatewayRecord, Outcome | None]:
    """Return what has become of the session that the payment uses; it takes nothing.

    Before its charge has arrived, nothing is known of the payment.
    """
    record, session = record.expire(now), record.session
    is_free = session is None or (session.payment_id is None and session.rejection(payment) is None)
    return record, None if is_free else _found(record, payment)


def cancel(
    record: GatewayRecord, payment: Payment, now: datetime
) -> tuple[GatewayRecord, Outcome | None]:
    """Close the session that the payment uses, and release what is held."""
    session = record.session
    if session is not None and session.payment_id == payment.id:
        record = evolve(record.cancel(now)[0], session=session.close())
    return find(record, payment, now)


def _found(record: GatewayRecord, payment: Payment) -> Outcome:
    session = record.session
    if session is None:
        return UNKNOWN
    rejected = session.rejection(payment)
    if rejected is not None:
        return rejected
    charged = record.find()[1]
    if charged is not None:
        return charged
    if session.is_closed:
        return Declined(_CLOSED, session.token)
    return session.action if session.approved_at is None else Approved(session.token)


class SimulatedSessions(ABC):
    """What the customer of a simulated gateway approves before it is charged.

    A payment that uses a session is recorded with the session, not under its own id.
    """

    livemode: bool

    @abstractmethod
    async def _send(
        self, step: str, payment_id: PaymentId, rule: Rule[Result], key: str | None = None
    ) -> Result:
        """Apply a rule to a record; `key` is given if the request moves money."""

    @abstractmethod
    def _new_id(self) -> str:
        """Return an identifier for a new object at the gateway."""

    @abstractmethod
    def _now(self) -> datetime:
        """Return the gateway's time."""

    def _charge_key(self, payment: Payment) -> str:
        """Return the idempotency key of a charge; it does not depend on the card token."""
        return payment.id

    def reference_of(self, token: str) -> str | None:
        return reference_of(token)

    async def create_session(self, request: SessionRequest) -> Session | Refused:
        session = SessionRecord.of(f"session_{self._new_id()}", request)

        def rule(record: GatewayRecord) -> tuple[GatewayRecord, Session]:
            created = Session(session.token, session.approve_url)
            return evolve(record, session=record.session or session), created

        return await self._send("create_session", PaymentId(session.token), rule, session.token)

    async def take(self, payment: Payment) -> Outcome:
        return await self._take("take", payment, record_id(payment))

    async def _take(self, step: str, payment: Payment, session: PaymentId) -> Outcome:
        key = self._charge_key(payment)

        def rule(record: GatewayRecord) -> tuple[GatewayRecord, Outcome]:
            return take(record, key, payment, self._new_id(), self.livemode, self._now())

        return await self._send(step, session, rule, key)

    # --- for demonstrations and tests ----------------------------------------------------------

    async def approve(self, token: str) -> bool:
        """Act as the customer: approve a session; return whether it is approved now."""

        def rule(record: GatewayRecord) -> tuple[GatewayRecord, bool]:
            if record.session is None:
                return record, False
            approved = record.session.approve(self._now())
            is_approved = approved.approved_at is not None and not approved.is_closed
            return evolve(record, session=approved), is_approved

        return await self._send("approve", PaymentId(token), rule)


def record_id(payment: Payment) -> PaymentId:
    """Return under what a payment is recorded: its session, or its own id."""
    token = None if payment.reference is None else reference_of(payment.reference)
    return payment.id if token is None else PaymentId(token)
