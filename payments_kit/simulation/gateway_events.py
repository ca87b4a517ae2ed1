"""GatewayEvents: what happens at the gateway without a request of the service."""

from collections.abc import Mapping
from datetime import datetime

from attrs import evolve, field, frozen

from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from adapters.gateways.simulated.record import GatewayRecord, Rule
from adapters.gateways.simulated.refunds import RefundRecord
from application.ports.gateway_notifications import Notification, PaymentNotification
from domain.identifiers import PaymentId, RefundId
from domain.money import Money
from payments_kit.simulation.faults import FaultInjector


@frozen
class GatewayEvents:
    """Authentication, approvals, debits, and what is done in the gateway's dashboard."""

    ledgers: Mapping[str, GatewayLedger]
    """By the name of the gateway."""
    injector: FaultInjector
    captures_asked: list[tuple[str, int]] = field(factory=list)
    """What others have captured, by payment, in minor units."""

    def record_of(self, payment_id: PaymentId) -> GatewayRecord:
        """Return what the gateway of a payment has stored about it."""
        return self._ledger_of(payment_id).record_of(payment_id)

    def name_of(self, payment_id: PaymentId) -> str:
        """Return the name of the gateway that knows a payment; of the first one if none does."""
        ledger = self._ledger_of(payment_id)
        return next(name for name, each in self.ledgers.items() if each is ledger)

    def _ledger_of(self, payment_id: PaymentId) -> GatewayLedger:
        ledgers = self.ledgers.values()
        known = (each for each in ledgers if each.key_of(payment_id) in each.records)
        return next(known, next(iter(ledgers)))

    def _at(self, payment_id: PaymentId) -> tuple[InMemoryGateway, PaymentId]:
        """Return the gateway of a payment, and under what it has recorded the payment."""
        ledger = self._ledger_of(payment_id)
        return InMemoryGateway(ledger), ledger.key_of(payment_id)

    def all(self) -> list[tuple[PaymentId, GatewayRecord]]:
        """Return every payment of every gateway with its record."""
        return [each for ledger in self.ledgers.values() for each in ledger.all()]

    def change(self, payment_id: PaymentId, rule: Rule[None]) -> None:
        """Change the record of a payment at its gateway."""
        ledger = self._ledger_of(payment_id)
        ledger.apply(ledger.key_of(payment_id), rule)

    async def authenticate(self, payment_id: PaymentId, succeeded: bool) -> None:
        """Complete the authentication that a payment waits for."""
        gateway, _ = self._at(payment_id)
        await gateway.complete_authentication(payment_id, succeeded)

    async def approve(self, token: str) -> bool:
        """Approve a session of the first gateway; return whether it is approved now."""
        return await InMemoryGateway(next(iter(self.ledgers.values()))).approve(token)

    async def finish_debit(self, payment_id: PaymentId, succeeded: bool) -> None:
        """Let the money of a pending payment come, or fail to come."""
        gateway, _ = self._at(payment_id)
        await gateway.finish_debit(payment_id, succeeded)

    def notice_expiry(self, payment_id: PaymentId) -> None:
        """Let the gateway release what it has held for too long, and notify about it."""
        ledger = self._ledger_of(payment_id)
        ledger.apply(ledger.key_of(payment_id), lambda record: (record, None))

    def held_payments(self) -> list[PaymentId]:
        """Return the payments whose money is held, known to the service or not."""
        return [payment_id for payment_id, record in self.all() if record.authorized]

    async def capture_externally(self, payment_id: PaymentId, is_part: bool) -> None:
        """Capture what is held in the gateway's dashboard, or a part of it."""
        held = self.record_of(payment_id).authorized
        if held is None:
            return
        units = max(1, held.amount.minor_units // 3) if is_part else held.amount.minor_units
        self.captures_asked.append((payment_id, units))
        gateway, key = self._at(payment_id)
        await gateway.capture_externally(key, Money(units, held.amount.currency))

    async def release_externally(self, payment_id: PaymentId) -> None:
        """Release what is held in the gateway's dashboard."""
        gateway, key = self._at(payment_id)
        await gateway.release_externally(key)

    async def finish_refund(
        self, payment_id: PaymentId, refund_id: RefundId, succeeded: bool
    ) -> None:
        """End a refund of ours; one that has succeeded may still fail."""
        gateway, key = self._at(payment_id)
        await gateway.finish_refund(key, refund_id, succeeded)

    def with_refunded(self, notification: Notification) -> Notification:
        """Say in a notification about a payment how much of its charge was refunded by now."""
        if not isinstance(notification, PaymentNotification):
            return notification
        record = self.record_of(notification.payment_id)
        if (charged := record.charged) is None:
            return notification
        return evolve(notification, refunded=charged.amount - record.refundable(charged))

    def charged_payments(self) -> list[PaymentId]:
        """Return the payments that the gateway has captured, known to the service or not."""
        return [payment_id for payment_id, record in self.all() if record.charged]

    def add_refund(self, payment_id: PaymentId, amount: Money, now: datetime) -> RefundRecord:
        """Record a refund that was made in the gateway's dashboard."""
        ledger = self._ledger_of(payment_id)

        def rule(record: GatewayRecord) -> tuple[GatewayRecord, RefundRecord]:
            after, _ = record.refund_externally(ledger.new_id(), amount, now)
            return after, after.refunds[-1]

        return ledger.apply(ledger.key_of(payment_id), rule)
