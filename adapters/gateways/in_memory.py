"""The gateway in memory: the reference of what a gateway promises, failures included."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import count
from typing import Protocol

from attrs import define, evolve, field, frozen

from adapters.gateways.gateway_record import (
    Answer,
    Attempt,
    GatewayRecord,
    Mischarge,
    RefundRecord,
    Rule,
)
from adapters.gateways.simulated import SimulatedGateway
from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    Notification,
    PaymentNotification,
    RefundNotification,
)
from application.ports.payment_gateway import CALL_SECONDS, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import PaymentId
from domain.money import Money
from domain.outcome import RequiresAction

Checkpoint = Callable[[str], Awaitable[None]]
"""Awaited before and after every request, and told which. Whoever passes one may let time go by
there, or never come back."""


async def no_delay(_step: str) -> None:
    """Go on at once."""


class GatewayFaultKind(Enum):
    """What may go wrong with a request."""

    UNREACHABLE = auto()
    """No connection opens."""
    RATE_LIMITED = auto()
    """429: the gateway refuses to look at it."""
    REQUEST_LOST = auto()
    """Nothing is done, and no reply comes."""
    REPLY_LOST = auto()
    """It is done, and no reply comes."""
    SERVER_ERROR = auto()
    """Nothing is done, and a 500 is the answer to its key from then on."""
    SERVER_ERROR_AFTER = auto()
    """It is done, and a 500 is the answer to its key from then on."""
    SLOW = auto()
    """It is done at once and answered after `seconds`, if the caller waits that long."""
    LATE = auto()
    """No reply comes, and it lands `seconds` after the caller was told so."""
    MISREPORTED = auto()
    """Another amount, currency or live mode is charged than was asked for."""


@frozen
class GatewayFault:
    """One thing that goes wrong with one request."""

    kind: GatewayFaultKind
    seconds: float = 0.0
    mischarge: Mischarge | None = None


class FaultPlan(Protocol):
    """Says what goes wrong with the next request."""

    def next(self, step: str, payment_id: PaymentId) -> GatewayFault | None:
        """The fault of a request, if it has one; `step` is the name of the port's method."""


@define
class Faults:
    """Faults waiting for the next request of their step, in order."""

    waiting: list[tuple[str, GatewayFault]] = field(factory=list)
    happened: Counter[GatewayFaultKind] = field(factory=Counter)

    def add(self, step: str, kind: GatewayFaultKind, seconds: float = 0.0) -> None:
        """Have this happen to the next request of that step that has no fault yet."""
        self.waiting.append((step, GatewayFault(kind, seconds)))

    def misreport(self, amount: Money, livemode: bool = False) -> None:
        """Have the next charge take this instead of what it is asked to."""
        self.waiting.append(
            (
                "charge",
                GatewayFault(GatewayFaultKind.MISREPORTED, mischarge=Mischarge(amount, livemode)),
            )
        )

    def next(self, step: str, _payment_id: PaymentId) -> GatewayFault | None:
        """The first fault waiting for that step."""
        for index, (waiting_for, fault) in enumerate(self.waiting):
            if waiting_for == step:
                del self.waiting[index]
                self.happened[fault.kind] += 1
                return fault
        return None


@frozen
class _Landing:
    """A request still on its way, whose sender has given up."""

    at: datetime
    payment_id: PaymentId
    rule: Callable[[GatewayRecord], tuple[GatewayRecord, object]]


@define
class GatewayLedger:
    """What survives a crash of those who use it: everything the gateway knows."""

    now: Clock
    records: dict[PaymentId, GatewayRecord] = field(factory=dict)
    notifications: list[Notification] = field(factory=list)
    """Everything the gateway had to tell, in the order in which it happened."""
    landings: list[_Landing] = field(factory=list)
    _numbers: Iterator[int] = field(factory=lambda: count(1))

    def new_id(self) -> str:
        """A name for something made at the gateway; the same on every replay."""
        return f"{next(self._numbers):08d}"

    def apply(self, payment_id: PaymentId, rule: Rule[Answer]) -> Answer:
        """Carry a request out, after all those that have landed by now."""
        self.land()
        return self._apply(payment_id, rule)

    def land_after(self, seconds: float, payment_id: PaymentId, rule: Rule[Answer]) -> None:
        """Carry a request out when this time has gone by."""
        at = self.now() + timedelta(seconds=seconds)
        self.landings.append(_Landing(at, payment_id, rule))

    def land(self) -> None:
        """Carry out what was on its way and has landed by now."""
        due = sorted(
            (each for each in self.landings if each.at <= self.now()), key=lambda each: each.at
        )
        for landing in due:
            self.landings.remove(landing)
            try:
                self._apply(landing.payment_id, landing.rule)
            except OutcomeUnknown:  # an error that nobody is there to hear
                continue

    def all(self) -> Iterator[tuple[PaymentId, GatewayRecord]]:
        """Every payment the gateway knows and all about it, by now."""
        self.land()
        yield from self.records.items()

    def _apply(self, payment_id: PaymentId, rule: Rule[Answer]) -> Answer:
        before = self.records.get(payment_id, GatewayRecord())
        after, answer = rule(before)
        if after != before:
            self.records[payment_id] = after
            for attempt in _news(before.attempts, after.attempts):
                self._tell_of(payment_id, attempt)
            for refunds in _news(before.refunds, after.refunds):
                self._tell_of_refund(payment_id, refunds)
        return answer

    def _tell_of(self, payment_id: PaymentId, attempt: Attempt) -> None:
        outcome = attempt.outcome
        evidence = None if isinstance(outcome, RequiresAction) else outcome
        self.notifications.append(
            PaymentNotification(self._notification_id(), payment_id, evidence)
        )

    def _tell_of_refund(self, payment_id: PaymentId, refunds: RefundRecord) -> None:
        if refunds.refund_id is not None:
            notification = RefundNotification(
                self._notification_id(), payment_id, refunds.refund_id, refunds.outcome
            )
            self.notifications.append(notification)

    def _notification_id(self) -> str:
        return f"evt_{len(self.notifications) + 1:08d}"


def _news(before: tuple[Answer, ...], after: tuple[Answer, ...]) -> list[Answer]:
    return [each for each in after if each not in before]


@define
class InMemoryGateway(SimulatedGateway):
    """One replica's line to the gateway; the ledger at its other end is shared by all."""

    ledger: GatewayLedger
    faults: FaultPlan = field(factory=Faults)
    checkpoint: Checkpoint = no_delay
    name: str = "in_memory"
    livemode: bool = False
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def close(self) -> None:
        """Nothing is open."""

    def _new_id(self) -> str:
        return self.ledger.new_id()

    def _now(self) -> datetime:
        return self.ledger.now()

    async def _ask(
        self, step: str, payment_id: PaymentId, rule: Rule[Answer], key: str | None = None
    ) -> Answer:
        fault = self.faults.next(step, payment_id)
        kind = fault.kind if fault else None
        await self.checkpoint(step)
        if kind is GatewayFaultKind.UNREACHABLE:
            raise GatewayUnavailable("no connection to the gateway")
        if kind is GatewayFaultKind.RATE_LIMITED:
            raise GatewayUnavailable("the gateway is busy: 429")
        if kind is GatewayFaultKind.REQUEST_LOST:
            raise OutcomeUnknown("no reply from the gateway")
        if fault is not None and kind is GatewayFaultKind.LATE:
            self.ledger.land_after(fault.seconds, payment_id, rule)
            raise OutcomeUnknown("no reply from the gateway")
        if kind in (GatewayFaultKind.SERVER_ERROR, GatewayFaultKind.SERVER_ERROR_AFTER):
            done = rule if kind is GatewayFaultKind.SERVER_ERROR_AFTER else None
            self.ledger.apply(payment_id, _failing(key, self._now(), done))
            raise OutcomeUnknown("the gateway failed: 500")
        if fault is not None and fault.mischarge is not None:
            rule = _mischarging(rule, fault.mischarge)
        answer = self.ledger.apply(payment_id, rule)
        if fault is not None and kind is GatewayFaultKind.SLOW:
            await self._wait(fault.seconds)
        await self.checkpoint(f"{step} answered")
        if kind is GatewayFaultKind.REPLY_LOST:
            raise OutcomeUnknown("no reply from the gateway")
        return answer

    async def _wait(self, seconds: float) -> None:
        await self.sleep(min(seconds, CALL_SECONDS))
        if seconds > CALL_SECONDS:
            raise OutcomeUnknown("no reply from the gateway")


def _mischarging(rule: Rule[Answer], mischarge: Mischarge) -> Rule[Answer]:
    return lambda record: rule(evolve(record, mischarge=mischarge))


def _failing(key: str | None, now: datetime, done: Rule[Answer] | None) -> Rule[None]:
    """Answer with a 500, done or not; only a key's first answer is kept."""

    def rule(record: GatewayRecord) -> tuple[GatewayRecord, None]:
        if key is None or record.knows(key):
            return record, None
        after = done(record)[0] if done else record
        return after.fail(key, now), None

    return rule
