"""The gateway in memory: the reference of what a gateway promises, failures included."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import count
from typing import Protocol

from attrs import define, evolve, field, frozen

from adapters.gateways.dossier import Answer, Attempt, Dossier, Given, Rule, Slip
from adapters.gateways.ruled import RuledGateway
from application.ports.clock import Clock
from application.ports.gateway_notices import Notice, PaymentNotice, RefundNotice
from application.ports.payment_gateway import CALL_SECONDS, GatewayUnavailable, OutcomeUnknown
from domain.money import Money
from domain.payment import PaymentId, RequiresAction

Checkpoint = Callable[[str], Awaitable[None]]
"""Awaited before and after every request, and told which. Whoever passes one may let time go by
there, or never come back."""


async def no_delay(_step: str) -> None:
    """Go on at once."""


class Trouble(Enum):
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
class Fault:
    """One thing that goes wrong with one request."""

    trouble: Trouble
    seconds: float = 0.0
    slip: Slip | None = None


class FaultPlan(Protocol):
    """Says what goes wrong with the next request."""

    def next(self, step: str, payment_id: PaymentId) -> Fault | None:
        """The fault of a request, if it has one; `step` is the name of the port's method."""


@define
class Faults:
    """Faults waiting for the next request of their step, in order."""

    waiting: list[tuple[str, Fault]] = field(factory=list)
    happened: Counter[Trouble] = field(factory=Counter)

    def add(self, step: str, trouble: Trouble, seconds: float = 0.0) -> None:
        """Have this happen to the next request of that step that has no fault yet."""
        self.waiting.append((step, Fault(trouble, seconds)))

    def misreport(self, amount: Money, livemode: bool = False) -> None:
        """Have the next charge take this instead of what it is asked to."""
        self.waiting.append(("charge", Fault(Trouble.MISREPORTED, slip=Slip(amount, livemode))))

    def next(self, step: str, _payment_id: PaymentId) -> Fault | None:
        """The first fault waiting for that step."""
        for index, (waiting_for, fault) in enumerate(self.waiting):
            if waiting_for == step:
                del self.waiting[index]
                self.happened[fault.trouble] += 1
                return fault
        return None


@frozen
class _Landing:
    """A request still on its way, whose sender has given up."""

    at: datetime
    payment_id: PaymentId
    rule: Callable[[Dossier], tuple[Dossier, object]]


@define
class GatewayLedger:
    """What survives a crash of those who use it: everything the gateway knows."""

    now: Clock
    dossiers: dict[PaymentId, Dossier] = field(factory=dict)
    notices: list[Notice] = field(factory=list)
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

    def all(self) -> Iterator[tuple[PaymentId, Dossier]]:
        """Every payment the gateway knows and all about it, by now."""
        self.land()
        yield from self.dossiers.items()

    def _apply(self, payment_id: PaymentId, rule: Rule[Answer]) -> Answer:
        before = self.dossiers.get(payment_id, Dossier())
        after, answer = rule(before)
        if after != before:
            self.dossiers[payment_id] = after
            for attempt in _news(before.attempts, after.attempts):
                self._tell_of(payment_id, attempt)
            for given in _news(before.given, after.given):
                self._tell_of_refund(payment_id, given)
        return answer

    def _tell_of(self, payment_id: PaymentId, attempt: Attempt) -> None:
        outcome = attempt.outcome
        evidence = None if isinstance(outcome, RequiresAction) else outcome
        self.notices.append(PaymentNotice(self._notice_id(), payment_id, evidence))

    def _tell_of_refund(self, payment_id: PaymentId, given: Given) -> None:
        if given.refund_id is not None:
            notice = RefundNotice(self._notice_id(), payment_id, given.refund_id, given.outcome)
            self.notices.append(notice)

    def _notice_id(self) -> str:
        return f"evt_{len(self.notices) + 1:08d}"


def _news(before: tuple[Answer, ...], after: tuple[Answer, ...]) -> list[Answer]:
    return [each for each in after if each not in before]


@define
class InMemoryGateway(RuledGateway):
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
        trouble = fault.trouble if fault else None
        await self.checkpoint(step)
        if trouble is Trouble.UNREACHABLE:
            raise GatewayUnavailable("no connection to the gateway")
        if trouble is Trouble.RATE_LIMITED:
            raise GatewayUnavailable("the gateway is busy: 429")
        if trouble is Trouble.REQUEST_LOST:
            raise OutcomeUnknown("no reply from the gateway")
        if fault is not None and trouble is Trouble.LATE:
            self.ledger.land_after(fault.seconds, payment_id, rule)
            raise OutcomeUnknown("no reply from the gateway")
        if trouble in (Trouble.SERVER_ERROR, Trouble.SERVER_ERROR_AFTER):
            done = rule if trouble is Trouble.SERVER_ERROR_AFTER else None
            self.ledger.apply(payment_id, _failing(key, self._now(), done))
            raise OutcomeUnknown("the gateway failed: 500")
        if fault is not None and fault.slip is not None:
            rule = _slipping(rule, fault.slip)
        answer = self.ledger.apply(payment_id, rule)
        if fault is not None and trouble is Trouble.SLOW:
            await self._wait(fault.seconds)
        await self.checkpoint(f"{step} answered")
        if trouble is Trouble.REPLY_LOST:
            raise OutcomeUnknown("no reply from the gateway")
        return answer

    async def _wait(self, seconds: float) -> None:
        await self.sleep(min(seconds, CALL_SECONDS))
        if seconds > CALL_SECONDS:
            raise OutcomeUnknown("no reply from the gateway")


def _slipping(rule: Rule[Answer], slip: Slip) -> Rule[Answer]:
    return lambda dossier: rule(evolve(dossier, slip=slip))


def _failing(key: str | None, now: datetime, done: Rule[Answer] | None) -> Rule[None]:
    """Answer with a 500, done or not; only a key's first answer is kept."""

    def rule(dossier: Dossier) -> tuple[Dossier, None]:
        if key is None or dossier.knows(key):
            return dossier, None
        after = done(dossier)[0] if done else dossier
        return after.fail(key, now), None

    return rule
