"""SimulatedGateway: the port's methods for a gateway that moves no money."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime

from adapters.gateways.simulated.balance import SimulatedBalance
from adapters.gateways.simulated.captures import capture
from adapters.gateways.simulated.pages import Rows, charges_of, disputes_of, refunds_of
from adapters.gateways.simulated.record import GatewayRecord, Result, Rule
from adapters.gateways.simulated.session_record import reference_of
from adapters.gateways.simulated.sessions import SimulatedSessions, cancel, find, record_id
from application.ports.gateway_history import MAX_LISTED, ListedCharge, TooManyCharges
from application.ports.gateway_records import (
    ChargeRecord,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
)
from application.ports.payment_gateway import (
    CardToken,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from domain.capture import CaptureFailed
from domain.dispute import DisputeStatus
from domain.identifiers import PaymentId, RefundId
from domain.money import Money
from domain.outcome import Outcome
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome, ReportedRefund


class SimulatedGateway(SimulatedSessions, SimulatedBalance):
    """Applies the rules of GatewayRecord; subclasses decide where the records are stored."""

    name: str

    @abstractmethod
    async def _records_since(self, since: datetime) -> Iterable[GatewayRecord]:
        """Return at least the records of payments with a charge created since this time."""

    @abstractmethod
    async def _rows_after(self, payment_id: str, since: datetime) -> Rows:
        """Return a page of payments, at least those with anything created since this time."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        session = reference_of(token.value)
        if session is not None:
            return await self._take("charge", payment, PaymentId(session))
        key = self._charge_key(payment)

        def rule(record: GatewayRecord) -> tuple[GatewayRecord, Outcome]:
            new_id, now = self._new_id(), self._now()
            return record.charge(key, payment, token, new_id, self.livemode, now)

        return await self._send("charge", payment.id, rule, key)

    async def find(self, payment: Payment) -> Outcome | None:
        def rule(record: GatewayRecord) -> tuple[GatewayRecord, Outcome | None]:
            now = self._now()
            is_session = record_id(payment) != payment.id
            return find(record, payment, now) if is_session else record.expire(now).find()

        return await self._query("find", record_id(payment), rule)

    async def cancel(self, payment: Payment) -> Outcome | None:
        def rule(record: GatewayRecord) -> tuple[GatewayRecord, Outcome | None]:
            now = self._now()
            is_session = record_id(payment) != payment.id
            return cancel(record, payment, now) if is_session else record.cancel(now)

        return await self._query("cancel", record_id(payment), rule)

    async def capture(self, payment: Payment) -> Outcome | CaptureFailed:
        return await self._send(
            "capture",
            record_id(payment),
            lambda record: capture(record, payment, self._now()),
            payment.capture_key,
        )

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        def rule(record: GatewayRecord) -> tuple[GatewayRecord, RefundOutcome]:
            return record.refund(refund, self._new_id(), self._now())

        return await self._send("refund", record_id(payment), rule, refund.key)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        return await self._query(
            "find_refund", record_id(payment), lambda record: record.find_refund(refund)
        )

    async def list_refunds(self, payment: Payment) -> Sequence[ReportedRefund]:
        return await self._query(
            "list_refunds",
            record_id(payment),
            lambda record: record.list_refunds(payment.charge_id),
        )

    async def list_charges(self, since: datetime, until: datetime) -> Sequence[ListedCharge]:
        try:
            records = await self._records_since(since)
        except GatewayUnavailable as unavailable:
            raise OutcomeUnknown(str(unavailable)) from unavailable
        listed = [each for record in records for each in record.list_charges(since, until)]
        if len(listed) > MAX_LISTED:
            raise TooManyCharges(f"{len(listed)} charges")
        return listed

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        return charges_of(await self._rows_after(cursor or "", period.since), period)

    async def refund_records(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        return refunds_of(await self._rows_after(cursor or "", period.since), period)

    async def dispute_records(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
        return disputes_of(await self._rows_after(cursor or "", period.since), period)

    async def check(self) -> None:
        """Check that the records are accessible.

        Raises:
            GatewayUnavailable, OutcomeUnknown: they are not.
        """
        await self._send("check", PaymentId("check"), lambda record: (record, None))

    # --- for demonstrations and tests ----------------------------------------------------------

    async def record(self, payment_id: PaymentId) -> GatewayRecord:
        """Return the gateway's record of a payment."""
        return await self._send("record", payment_id, lambda record: (record, record))

    async def complete_authentication(
        self, payment_id: PaymentId, succeeded: bool
    ) -> Outcome | None:
        """Act as the bank: end the customer's authentication; return the new outcome."""
        return await self._send(
            "complete_authentication",
            payment_id,
            lambda record: record.complete_authentication(succeeded, self._now()),
        )

    async def capture_externally(
        self, payment_id: PaymentId, amount: Money | None = None
    ) -> Outcome | None:
        """Capture outside this service; return the outcome, None if so much is not held."""
        return await self._send(
            "capture_externally",
            payment_id,
            lambda record: record.capture_externally(amount, self._now()),
        )

    async def release_externally(self, payment_id: PaymentId) -> Outcome | None:
        """Release what is held outside this service; return the new outcome."""
        return await self._send(
            "release_externally",
            payment_id,
            lambda record: record.release_externally(self._now()),
        )

    async def finish_debit(self, payment_id: PaymentId, succeeded: bool) -> Outcome | None:
        """Act as the bank: pay a pending payment, or let it fail; return the new outcome."""
        return await self._send(
            "finish_debit",
            payment_id,
            lambda record: record.finish_debit(succeeded, self._now()),
        )

    async def finish_refund(
        self, payment_id: PaymentId, refund_id: RefundId, succeeded: bool
    ) -> RefundOutcome | None:
        """Act as the bank: complete a refund, or let it fail."""
        return await self._send(
            "finish_refund",
            payment_id,
            lambda record: record.finish_refund(refund_id, succeeded, self._now()),
        )

    async def refund_externally(
        self,
        payment_id: PaymentId,
        amount: Money | None = None,
        refund_id: RefundId | None = None,
    ) -> str | None:
        """Refund outside this service; return the reference, None if nothing was charged."""
        return await self._send(
            "refund_externally",
            payment_id,
            lambda record: record.refund_externally(self._new_id(), amount, self._now(), refund_id),
        )

    async def dispute_externally(self, payment_id: PaymentId, status: DisputeStatus) -> str | None:
        """Act as the customer's bank: open or decide a dispute; return its identifier."""
        return await self._send(
            "dispute_externally",
            payment_id,
            lambda record: record.dispute_externally(self._new_id(), status, self._now()),
        )

    async def _query(self, step: str, payment_id: PaymentId, rule: Rule[Result]) -> Result:
        """Apply a rule that moves no money; every failure of it is OutcomeUnknown."""
        try:
            return await self._send(step, payment_id, rule)
        except KeyRefused as refused:
            raise LookupRefused(str(refused)) from refused
        except GatewayUnavailable as unavailable:
            raise OutcomeUnknown(str(unavailable)) from unavailable
