"""The data of the in-memory gateway, which outlives the processes that use the gateway."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count

from attrs import define, field, frozen

from adapters.gateways.simulated.attempts import Attempt
from adapters.gateways.simulated.record import GatewayRecord, Result, Rule
from adapters.gateways.simulated.refunds import RefundRecord
from adapters.gateways.simulated.session_record import SessionRecord
from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    Notification,
    PaymentNotification,
    RefundNotification,
    SessionNotification,
)
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import PaymentId
from domain.outcome import Pending, RequiresAction


@frozen
class _DelayedRequest:
    """A request that is executed later; its sender no longer waits for the reply."""

    at: datetime
    payment_id: PaymentId
    rule: Callable[[GatewayRecord], tuple[GatewayRecord, object]]


@define
class GatewayLedger:
    """The records of all payments, and the notifications about their changes."""

    now: Clock
    records: dict[PaymentId, GatewayRecord] = field(factory=dict)
    notifications: list[Notification] = field(factory=list)
    """The notifications that a real gateway would have sent to the webhook, oldest first."""
    delayed: list[_DelayedRequest] = field(factory=list)
    on_delay: Callable[[float, PaymentId], None] = lambda _seconds, _payment_id: None
    """Called with the seconds until a delayed request is due."""
    prefix: str = ""
    """Begins every identifier, so that those of two gateways differ."""
    _numbers: Iterator[int] = field(factory=lambda: count(1))

    def new_id(self) -> str:
        """Return an identifier for a new object; the sequence is the same in every run."""
        return f"{self.prefix}{next(self._numbers):08d}"

    def apply(self, payment_id: PaymentId, rule: Rule[Result]) -> Result:
        """Execute a request, after the delayed requests that are due."""
        self.apply_delayed()
        return self._apply(payment_id, rule)

    def key_of(self, payment_id: PaymentId) -> PaymentId:
        """Return under what a payment is recorded: the session that it uses, or its own id."""
        if payment_id in self.records:
            return payment_id
        for key, record in self.records.items():
            if record.session is not None and record.session.payment_id == payment_id:
                return key
        return payment_id

    def record_of(self, payment_id: PaymentId) -> GatewayRecord:
        """Return the record of a payment."""
        return self.records.get(self.key_of(payment_id), GatewayRecord())

    def delay(self, seconds: float, payment_id: PaymentId, rule: Rule[Result]) -> None:
        """Execute a request after this time."""
        at = self.now() + timedelta(seconds=seconds)
        self.delayed.append(_DelayedRequest(at, payment_id, rule))
        self.on_delay(seconds, payment_id)

    def apply_delayed(self) -> None:
        """Execute the delayed requests that are due."""
        now = self.now()
        due = sorted((each for each in self.delayed if each.at <= now), key=lambda each: each.at)
        for request in due:
            self.delayed.remove(request)
            try:
                self._apply(request.payment_id, request.rule)
            except OutcomeUnknown:  # no caller is left to receive the error
                continue

    def all(self) -> Iterator[tuple[PaymentId, GatewayRecord]]:
        """Yield every payment with its record, after the delayed requests that are due.

        What is held for too long is released. A session that no payment uses is left out.
        """
        self.apply_delayed()
        now = self.now()
        for payment_id, record in self.records.items():
            used_by = payment_id if record.session is None else record.session.payment_id
            if used_by is not None:
                yield used_by, record.expire(now)

    def _apply(self, payment_id: PaymentId, rule: Rule[Result]) -> Result:
        before = self.records.get(payment_id, GatewayRecord())
        after, result = rule(before.expire(self.now()))
        if after != before:
            self.records[payment_id] = after
            if after.session is not None and after.session.payment_id is not None:
                payment_id = after.session.payment_id
            for attempt in _changed(before.attempts, after.attempts):
                self._notify_attempt(payment_id, attempt)
            for refund in _changed(before.refunds, after.refunds):
                self._notify_refund(payment_id, refund)
            if after.session is not None and after.session.is_news(before.session):
                self._notify_session(after.session)
        return result

    def _notify_session(self, session: SessionRecord) -> None:
        self.notifications.append(
            SessionNotification(self._notification_id(), session.order_id, session.token)
        )

    def _notify_attempt(self, payment_id: PaymentId, attempt: Attempt) -> None:
        outcome = attempt.outcome
        final = None if isinstance(outcome, RequiresAction | Pending) else outcome
        self.notifications.append(
            PaymentNotification(self._notification_id(), payment_id, final, attempt.claimed)
        )

    def _notify_refund(self, payment_id: PaymentId, refund: RefundRecord) -> None:
        if refund.refund_id is not None:
            self.notifications.append(
                RefundNotification(
                    self._notification_id(), payment_id, refund.charge_id, refund.reported
                )
            )

    def _notification_id(self) -> str:
        return f"evt_{len(self.notifications) + 1:08d}"


def _changed(before: Iterable[Result], after: Iterable[Result]) -> list[Result]:
    known = list(before)
    return [each for each in after if each not in known]
