"""A gateway made of rules alone: the port's questions put to a dossier, wherever that is kept."""

from abc import ABC, abstractmethod
from datetime import datetime

from adapters.gateways.gateway_record import Answer, GatewayRecord, Rule
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import PaymentId, RefundId
from domain.money import Money
from domain.outcome import Outcome
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome


class SimulatedGateway(ABC):
    """Puts the port's questions to the rules; where the dossiers are kept is left to others."""

    name: str
    livemode: bool

    @abstractmethod
    async def _ask(
        self, step: str, payment_id: PaymentId, rule: Rule[Answer], key: str | None = None
    ) -> Answer:
        """Carry a request out; with a key, one that moves money."""

    @abstractmethod
    async def close(self) -> None:
        """Close what is open."""

    @abstractmethod
    def _new_id(self) -> str:
        """A name for something made at the gateway."""

    @abstractmethod
    def _now(self) -> datetime:
        """The gateway's time."""

    def _charge_key(self, payment: Payment) -> str:
        """The idempotency key of a charge: of the payment alone, never of the token as well."""
        return payment.id

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        key = self._charge_key(payment)

        def rule(record: GatewayRecord) -> tuple[GatewayRecord, Outcome]:
            name, now = self._new_id(), self._now()
            return record.charge(key, payment, token, name, self.livemode, now)

        return await self._ask("charge", payment.id, rule, key)

    async def find(self, payment: Payment) -> Outcome | None:
        return await self._look("find", payment.id, GatewayRecord.find)

    async def cancel(self, payment: Payment) -> Outcome | None:
        return await self._look("cancel", payment.id, GatewayRecord.cancel)

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        def rule(record: GatewayRecord) -> tuple[GatewayRecord, RefundOutcome]:
            return record.refund(refund, self._new_id(), self._now())

        return await self._ask("refund", payment.id, rule, refund.key)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        return await self._look("find_refund", payment.id, lambda it: it.find_refund(refund))

    async def check(self) -> None:
        """Show that the dossiers can be used.

        Raises:
            GatewayUnavailable, OutcomeUnknown: they cannot.
        """
        await self._ask("check", PaymentId("check"), lambda record: (record, None))

    async def record(self, payment_id: PaymentId) -> GatewayRecord:
        """All that the gateway knows about a payment: its own books, to compare ours with."""
        return await self._ask("dossier", payment_id, lambda record: (record, record))

    async def complete_authentication(
        self, payment_id: PaymentId, succeeded: bool
    ) -> Outcome | None:
        """The customer comes back from the bank; what `find` would say afterwards."""
        return await self._ask(
            "complete_authentication",
            payment_id,
            lambda record: record.complete_authentication(succeeded),
        )

    async def finish_refund(
        self, payment_id: PaymentId, refund_id: RefundId, succeeded: bool
    ) -> RefundOutcome | None:
        """The bank has its last word on a refund."""
        return await self._ask(
            "finish_refund",
            payment_id,
            lambda record: record.finish_refund(refund_id, succeeded),
        )

    async def refund_externally(
        self, payment_id: PaymentId, amount: Money | None = None
    ) -> str | None:
        """Somebody gives money back past us; the name of that refund."""
        return await self._ask(
            "refund_externally",
            payment_id,
            lambda record: record.refund_externally(self._new_id(), amount),
        )

    async def _look(self, step: str, payment_id: PaymentId, rule: Rule[Answer]) -> Answer:
        """Ask what moves no money: that it could not be asked is unknown, too."""
        try:
            return await self._ask(step, payment_id, rule)
        except GatewayUnavailable as unavailable:
            raise OutcomeUnknown(str(unavailable)) from unavailable
