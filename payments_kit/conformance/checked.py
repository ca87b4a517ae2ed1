"""Check two promises of every call of the port: it ends in time, and raises only two exceptions."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Final, TypeVar

from attrs import frozen

from application.ports.gateway_captures import Capture, GatewayCaptures
from application.ports.gateway_history import GatewayHistory, ListCharges, ListRefunds
from application.ports.gateway_movements import (
    FindPayout,
    GatewayMovements,
    ListMovements,
    ListPayoutMovements,
    ListPayouts,
)
from application.ports.gateway_notifications import NotificationReader, reader_of
from application.ports.gateway_records import (
    ChargePages,
    DisputePages,
    GatewayRecords,
    RefundPages,
)
from application.ports.gateway_sessions import (
    CreateSession,
    GatewaySessions,
    ReferenceOf,
    Take,
)
from application.ports.payment_gateway import (
    CALL_SECONDS,
    LOOKUP_SECONDS,
    CardToken,
    GatewayAdapter,
    GatewayUnavailable,
    OutcomeUnknown,
)
from domain.outcome import Outcome
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome

Result = TypeVar("Result")

GRACE_SECONDS: Final = 2.0
"""What a call may take beyond the promised limit, on a busy machine."""


@frozen
class CheckedGateway:
    """Calls an adapter; a call that breaks one of these promises raises AssertionError."""

    _gateway: GatewayAdapter
    _call_seconds: float = CALL_SECONDS + GRACE_SECONDS
    _lookup_seconds: float = LOOKUP_SECONDS + GRACE_SECONDS

    @property
    def name(self) -> str:
        """The adapter's name."""
        return self._gateway.name

    @property
    def livemode(self) -> bool:
        """The adapter's mode."""
        return self._gateway.livemode

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        """Call the adapter."""
        return await self._checked("charge", self._gateway.charge(payment, token))

    async def find(self, payment: Payment) -> Outcome | None:
        """Call the adapter."""
        return await self._checked("find", self._gateway.find(payment))

    async def cancel(self, payment: Payment) -> Outcome | None:
        """Call the adapter."""
        return await self._checked("cancel", self._gateway.cancel(payment))

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Call the adapter."""
        return await self._checked("refund", self._gateway.refund(payment, refund))

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        """Call the adapter."""
        return await self._checked("find_refund", self._gateway.find_refund(payment, refund))

    @property
    def list_refunds(self) -> ListRefunds | None:
        """The adapter's list of refunds, if it has one."""
        list_refunds = GatewayHistory.of(self._gateway).list_refunds
        if list_refunds is None:
            return None
        return lambda payment: self._checked("list_refunds", list_refunds(payment))

    @property
    def list_charges(self) -> ListCharges | None:
        """The adapter's list of charges, if it has one."""
        list_charges = GatewayHistory.of(self._gateway).list_charges
        if list_charges is None:
            return None
        return lambda since, until: self._checked("list_charges", list_charges(since, until))

    @property
    def records_delay(self) -> timedelta:
        """How long a record may be missing in the adapter's lists."""
        return GatewayRecords.of(self._gateway).delay

    @property
    def charge_records(self) -> ChargePages | None:
        """The adapter's pages of charges, if it has them."""
        pages = GatewayRecords.of(self._gateway).charges
        return pages and (lambda *asked: self._checked("charge_records", pages(*asked)))

    @property
    def refund_records(self) -> RefundPages | None:
        """The adapter's pages of refunds, if it has them."""
        pages = GatewayRecords.of(self._gateway).refunds
        return pages and (lambda *asked: self._checked("refund_records", pages(*asked)))

    @property
    def dispute_records(self) -> DisputePages | None:
        """The adapter's pages of disputes, if it has them."""
        pages = GatewayRecords.of(self._gateway).disputes
        return pages and (lambda *asked: self._checked("dispute_records", pages(*asked)))

    @property
    def list_movements(self) -> ListMovements | None:
        """The adapter's list of movements, if it has one."""
        method = GatewayMovements.of(self._gateway).list_movements
        return method and (lambda *it: self._checked("list_movements", method(*it)))

    @property
    def list_payouts(self) -> ListPayouts | None:
        """The adapter's list of payouts, if it has one."""
        method = GatewayMovements.of(self._gateway).list_payouts
        return method and (lambda *it: self._checked("list_payouts", method(*it)))

    @property
    def find_payout(self) -> FindPayout | None:
        """The adapter's look-up of payouts, if it has one."""
        method = GatewayMovements.of(self._gateway).find_payout
        return method and (lambda it: self._checked("find_payout", method(it)))

    @property
    def list_payout_movements(self) -> ListPayoutMovements | None:
        """The adapter's list of what a payout contains, if it has one."""
        method = GatewayMovements.of(self._gateway).list_payout_movements
        return method and (lambda *it: self._checked("list_payout_movements", method(*it)))

    @property
    def capture(self) -> Capture | None:
        """The adapter's capture, if it has one."""
        capture = GatewayCaptures.of(self._gateway).capture
        return capture and (lambda payment: self._checked("capture", capture(payment)))

    @property
    def create_session(self) -> CreateSession | None:
        """The adapter's way to create sessions, if it has one."""
        create = GatewaySessions.of(self._gateway).create_session
        return create and (lambda request: self._checked("create_session", create(request)))

    @property
    def reference_of(self) -> ReferenceOf | None:
        """The adapter's references of tokens, if it has any."""
        return GatewaySessions.of(self._gateway).reference_of

    @property
    def take(self) -> Take | None:
        """The adapter's way to take what is approved, if it has one."""
        take = GatewaySessions.of(self._gateway).take
        return take and (lambda payment: self._checked("take", take(payment)))

    @property
    def notification_reader(self) -> NotificationReader | None:
        """The adapter's reader of notifications, if it has one."""
        return reader_of(self._gateway)

    async def check(self) -> None:
        """Call the adapter."""
        await self._checked("check", self._gateway.check())

    async def close(self) -> None:
        """Call the adapter."""
        await self._checked("close", self._gateway.close())

    async def _checked(self, method: str, call: Awaitable[Result]) -> Result:
        __tracebackhide__ = True
        is_call = method in ("charge", "refund", "capture", "create_session", "take")
        seconds = self._call_seconds if is_call else self._lookup_seconds
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await call
        except (OutcomeUnknown, GatewayUnavailable):
            raise
        except Exception as error:
            if limit.expired():
                problem = "did not end"
                promise = f"it must end within {CALL_SECONDS if is_call else LOOKUP_SECONDS:.0f} s"
            else:
                problem = f"raised {type(error).__name__}"
                promise = "whatever is not understood with certainty is OutcomeUnknown"
            raise AssertionError(f"`{method}` {problem}: {promise}") from error


class CheckedHarness:
    """A harness whose adapters are checked; all other attributes are the harness's own."""

    def __init__(self, harness: object) -> None:
        self._harness = harness

    def __getattr__(self, name: str) -> object:
        value = getattr(self._harness, name)
        return CheckedGateway(value) if name in ("gateway", "unreachable") else value
