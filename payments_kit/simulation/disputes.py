"""Disputes: customers who ask their banks to take a payment back, and banks that decide."""

import asyncio
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from attrs import define, evolve, field

from adapters.gateways.simulated.attempts import Attempt, AttemptState
from adapters.gateways.simulated.disputes import DisputeRecord
from adapters.gateways.simulated.record import GatewayRecord
from application.ports.gateway_notifications import DisputeNotification, Notification
from domain.dispute import REVERSED, DisputeStatus
from domain.identifiers import DisputeId, PaymentId
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.reports import GatewayDispute
from payments_kit.simulation.trace import Trace

_OPEN, _WON, _LOST, _PREVENTED = (
    *(DisputeStatus.OPEN, DisputeStatus.WON, DisputeStatus.LOST),
    DisputeStatus.PREVENTED,
)

_OPENED: Final = (
    *((_OPEN,), (_OPEN, _WON), (_OPEN, _LOST), (_OPEN, _PREVENTED), (_OPEN, _LOST, _WON)),
    (_OPEN, _PREVENTED, _LOST),
)
_WAYS: Final = (*_OPENED, (_LOST,), (_LOST, _WON), (_PREVENTED,))
"""What a bank decides, one after another; it may have decided before anything is reported."""

_SECONDS: Final = 6.0
"""How often a customer thinks about it, on average."""

_MAX_EXPONENT: Final = 5.4
"""The latest decision comes 10 to this power of seconds after the one before it: three days."""

_EVIDENCE_FOR: Final = timedelta(days=7)

DISPUTES: Final = (FaultKind.DISPUTED, FaultKind.MONEY_TAKEN_BACK)

_MONEY: Final = (AttemptState.SUCCEEDED, AttemptState.AUTHORIZED)


@define
class _Dispute:
    """A dispute, and what has become of it so far."""

    payment_id: PaymentId
    record: DisputeRecord
    reason: str
    states: list[str] = field(factory=list)
    first_report: str = ""
    due_by: datetime | None = None


@define
class Disputes:
    """Opens disputes of what was captured, or is held, and lets banks decide them."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    gateway: GatewayEvents
    send: Callable[[str, Notification], None]
    """Sends a notification of the gateway with this name."""
    draw: random.Random
    now: Callable[[], datetime]
    _all: list[_Dispute] = field(factory=list)
    _numbers: int = 0

    async def act(self, seconds: float) -> None:
        """Dispute payments until the scenario's time is over."""
        while self.loop.seconds < seconds:
            await asyncio.sleep(self.draw.expovariate(1 / _SECONDS))
            for kind in DISPUTES:
                charges = [*self._charges()]
                if kind is FaultKind.MONEY_TAKEN_BACK:  # what is only held was never taken
                    charges = [each for each in charges if each[1].state is AttemptState.SUCCEEDED]
                if charges and self.injector.occurs(kind, "bank"):
                    self._dispute(*self.draw.choice(charges), kind)

    def notice(self, payment_id: PaymentId) -> None:
        """Perhaps dispute what was captured or held just now, before the service knows it."""
        if not self.injector.is_possible(FaultKind.DISPUTED_AT_ONCE):
            return
        for attempt in self._disputable(self.gateway.record_of(payment_id)):
            if self.injector.occurs(FaultKind.DISPUTED_AT_ONCE, "bank"):
                self._dispute(payment_id, attempt, FaultKind.DISPUTED_AT_ONCE)

    def reported(self, confirmed: set[str]) -> list[GatewayDispute]:
        """Return every dispute; `confirmed` are the notifications that the service has confirmed.

        None of those is among them that it has confirmed after all faults have ended.
        """
        return [
            GatewayDispute(
                each.record.id,
                each.record.charge_id,
                Amount(each.record.amount.minor_units, each.record.amount.currency.code),
                each.reason,
                tuple(each.states),
                each.due_by,
                each.first_report in confirmed,
                each.record.created_at,
            )
            for each in self._all
        ]

    def _charges(self) -> Iterator[tuple[PaymentId, Attempt]]:
        """Yield the charges that can be disputed, known to the service or not."""
        for payment_id, record in self.gateway.all():
            for attempt in self._disputable(record):
                yield payment_id, attempt

    @staticmethod
    def _disputable(record: GatewayRecord) -> Iterator[Attempt]:
        disputed = {each.charge_id for each in record.disputes}
        for attempt in record.attempts:
            if attempt.state in _MONEY and attempt.charge_id not in disputed:
                yield attempt

    def _dispute(self, payment_id: PaymentId, attempt: Attempt, kind: FaultKind) -> None:
        self._numbers += 1
        is_open = kind is not FaultKind.MONEY_TAKEN_BACK
        record = DisputeRecord(
            f"dp_{self._numbers}", attempt.charge_id, attempt.amount, _OPEN, self.now()
        )
        dispute = _Dispute(payment_id, record, "fraudulent" if is_open else REVERSED)
        self._all.append(dispute)
        at, ways = 0.0, _WAYS if kind is FaultKind.DISPUTED else _OPENED
        for status in self.draw.choice(ways) if is_open else (_LOST,):
            self.loop.call_later(at, self._decide, dispute, status, context=self.loop.outside)
            at += 10 ** self.draw.uniform(-1.0, _MAX_EXPONENT)

    def _decide(self, dispute: _Dispute, status: DisputeStatus) -> None:
        """Let the bank decide, and the gateway record it and tell it."""
        now, is_first = self.now(), not dispute.states
        dispute.record = evolve(dispute.record, status=status, decided_at=now)
        dispute.states.append(status.value)
        if is_first and status is _OPEN:
            dispute.due_by = now + _EVIDENCE_FOR
            dispute.record = evolve(dispute.record, due_by=dispute.due_by)
        if dispute.reason != REVERSED:  # what was only taken back is in no list of disputes
            self._record(dispute)
        self.trace.record("bank", f"{dispute.record.id} of {dispute.payment_id}: {status.value}")
        report = self._report(dispute)
        dispute.first_report = dispute.first_report or report.id
        self.send(self.gateway.name_of(dispute.payment_id), report)

    def _record(self, dispute: _Dispute) -> None:
        def rule(record: GatewayRecord) -> tuple[GatewayRecord, None]:
            others = [each for each in record.disputes if each.id != dispute.record.id]
            return evolve(record, disputes=(*others, dispute.record)), None

        self.gateway.change(dispute.payment_id, rule)

    def _report(self, dispute: _Dispute) -> DisputeNotification:
        record = dispute.record
        is_new = self.injector.occurs(FaultKind.DISPUTE_STATUS_NEW, "bank")
        return DisputeNotification(
            id=f"evt_{record.id}_{record.status.value}",
            charge_id=record.charge_id,
            dispute_id=DisputeId(record.id),
            amount=record.amount,
            reason=dispute.reason,
            status=record.status,
            unknown_status="under_arbitration" if is_new else None,
            due_by=dispute.due_by,
        )
