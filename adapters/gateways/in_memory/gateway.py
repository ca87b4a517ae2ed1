"""InMemoryGateway: the reference implementation of the port, with injected faults."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Final

from attrs import define, evolve, field

from adapters.gateways.in_memory.faults import FaultPlan, Faults, GatewayFault, GatewayFaultKind
from adapters.gateways.in_memory.ledger import GatewayLedger
from adapters.gateways.simulated.attempts import Mischarge
from adapters.gateways.simulated.gateway import SimulatedGateway
from adapters.gateways.simulated.pages import PAGE, Rows
from adapters.gateways.simulated.record import GatewayRecord, Result, Rule
from application.ports.gateway_sessions import Session, SessionRequest
from application.ports.payment_gateway import (
    CALL_SECONDS,
    LOOKUP_SECONDS,
    CardToken,
    GatewayUnavailable,
    KeyRefused,
    OutcomeUnknown,
)
from domain.capture import CaptureFailed
from domain.identifiers import PaymentId
from domain.outcome import Outcome, Refused
from domain.payment import Payment

Checkpoint = Callable[[str], Awaitable[None]]
"""Awaited before every request with the name of its step, and after it with "<step> replied". It
may let time pass, or stop the process that is being tested."""


REFUSAL: Final = Refused("account_restricted", "The account cannot make charges (req_00000001)")
"""The outcome of a charge with the fault REFUSED."""

CAPTURE_REFUSAL: Final = CaptureFailed(
    "account_restricted", "The account cannot capture now (req_00000002)"
)
"""The outcome of a capture with the fault REFUSED."""


class _ShopRefused(Exception):
    """The gateway refuses the shop: the result of the fault REFUSED."""


async def no_delay(_step: str) -> None:
    """Return at once."""


_NO_PAYMENT: Final = PaymentId("none")


@define
class InMemoryGateway(SimulatedGateway):
    """The connection of one process to the gateway; all connections share one ledger."""

    ledger: GatewayLedger
    faults: FaultPlan = field(factory=Faults)
    checkpoint: Checkpoint = no_delay
    name: str = "in_memory"
    livemode: bool = False
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _new_id(self) -> str:
        return self.ledger.new_id()

    def _now(self) -> datetime:
        return self.ledger.now()

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        try:
            return await super().charge(payment, token)
        except _ShopRefused:
            return REFUSAL

    async def create_session(self, request: SessionRequest) -> Session | Refused:
        try:
            return await super().create_session(request)
        except _ShopRefused:
            return REFUSAL

    async def take(self, payment: Payment) -> Outcome:
        try:
            return await super().take(payment)
        except _ShopRefused:
            return REFUSAL

    async def capture(self, payment: Payment) -> Outcome | CaptureFailed:
        try:
            return await super().capture(payment)
        except _ShopRefused:
            return CAPTURE_REFUSAL

    async def _send(
        self, step: str, payment_id: PaymentId, rule: Rule[Result], key: str | None = None
    ) -> Result:
        fault = self.faults.next(step, payment_id)
        await self.checkpoint(step)
        if fault is not None:
            self._fail_before_reply(fault, payment_id, rule, key)
            if fault.mischarge is not None:
                rule = _mischarging(rule, fault.mischarge)
            if fault.kind is GatewayFaultKind.CHARGED_TWICE:
                rule = _charging_twice(rule, self._new_id)
        result = self.ledger.apply(payment_id, rule)
        if fault is not None and fault.kind is GatewayFaultKind.SLOW:
            await self._wait(fault.seconds, LOOKUP_SECONDS if key is None else CALL_SECONDS)
        await self.checkpoint(f"{step} replied")
        if fault is not None and fault.kind is GatewayFaultKind.REPLY_LOST:
            raise OutcomeUnknown("no reply from the gateway")
        return result

    async def _records_since(self, since: datetime) -> Iterable[GatewayRecord]:
        # As a request about a payment that does not exist: it changes nothing.
        await self._send("list_charges", _NO_PAYMENT, lambda record: (record, None))
        return [record for _, record in self.ledger.all()]

    async def _rows_after(self, payment_id: str, since: datetime) -> Rows:
        await self._send("list_records", _NO_PAYMENT, lambda record: (record, None))
        rows = [row for row in self.ledger.all() if row[0] > payment_id]
        return sorted(rows, key=lambda row: row[0])[:PAGE]

    def _fail_before_reply(
        self, fault: GatewayFault, payment_id: PaymentId, rule: Rule[Result], key: str | None
    ) -> None:
        """Raise the error of a fault that replaces the reply; return if there is a reply."""
        match fault.kind:
            case GatewayFaultKind.UNREACHABLE:
                raise GatewayUnavailable("no connection to the gateway")
            case GatewayFaultKind.RATE_LIMITED:
                raise GatewayUnavailable("the gateway is busy: 429")
            case GatewayFaultKind.FORBIDDEN:
                raise KeyRefused("the gateway refuses the key: 403")
            case GatewayFaultKind.REQUEST_LOST:
                raise OutcomeUnknown("no reply from the gateway")
            case GatewayFaultKind.REFUSED:
                raise _ShopRefused
            case GatewayFaultKind.LATE:
                self.ledger.delay(fault.seconds, payment_id, rule)
                raise OutcomeUnknown("no reply from the gateway")
            case GatewayFaultKind.SERVER_ERROR:
                self.ledger.apply(payment_id, _failing(key, self._now(), None))
                raise OutcomeUnknown("the gateway failed: 500")
            case GatewayFaultKind.SERVER_ERROR_AFTER:
                self.ledger.apply(payment_id, _failing(key, self._now(), rule))
                raise OutcomeUnknown("the gateway failed: 500")
            case _:
                return

    async def _wait(self, seconds: float, limit: float) -> None:
        await self.sleep(min(seconds, limit))
        if seconds > limit:
            raise OutcomeUnknown("no reply from the gateway")


def _mischarging(rule: Rule[Result], mischarge: Mischarge) -> Rule[Result]:
    return lambda record: rule(evolve(record, mischarge=mischarge))


def _charging_twice(rule: Rule[Result], new_id: Callable[[], str]) -> Rule[Result]:
    """Return a rule that captures the money a second time; a repeated request captures nothing."""

    def twice(record: GatewayRecord) -> tuple[GatewayRecord, Result]:
        after, result = rule(record)
        if after.charged is None or after.charged in record.attempts:
            return after, result
        again = evolve(after.charged, id=new_id())
        return evolve(after, attempts=(*after.attempts, again)), result

    return twice


def _failing(key: str | None, now: datetime, executed: Rule[Result] | None) -> Rule[None]:
    """Return a rule that replies with a 500; a key that has a reply already keeps it."""

    def rule(record: GatewayRecord) -> tuple[GatewayRecord, None]:
        if key is None or record.has_replied_to(key):
            return record, None
        after = executed(record)[0] if executed else record
        return after.fail(key, now), None

    return rule
