"""The gateways that the contracts are tried on, with what their harnesses can do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve, frozen

from adapters.gateways.in_memory import Faults, GatewayFaultKind
from adapters.gateways.simulated.attempts import AUTHORIZED_FOR, AttemptState
from adapters.gateways.simulated.gateway import SimulatedGateway
from adapters.gateways.simulated.movements import movements_of
from adapters.gateways.simulated.record import GatewayRecord
from adapters.gateways.simulated.refunds import RefundState
from adapters.gateways.simulated.sessions import record_id
from adapters.gateways.stripe.amounts import from_stripe
from application.ports.payment_gateway import CardToken, GatewayAdapter
from domain.dispute import DisputeStatus
from domain.money import Money
from domain.payment import Payment
from domain.refund import Refund
from payments_kit.conformance.harness import Step
from payments_kit.doubles.faults import Kind
from payments_kit.doubles.stripe import captures, disputes, intents, lifecycle, payouts, refunds
from payments_kit.doubles.stripe.balance import totals_of
from tests.adapters.gateways.stripe_account import CHARGES, INTENTS, Account
from tests.world import World

UNREACHABLE = "http://127.0.0.1:1"  # nothing listens on this port


class StripeTestCards:
    """Stripe's test cards, which all our gateways accept."""

    succeeding_token = CardToken("tok_visa")
    declined_token = CardToken("tok_chargeDeclinedInsufficientFunds")
    authenticating_token = CardToken("tok_threeDSecure2Required")
    settling_token = CardToken("tok_pendingRefund")

    @property
    def pending_token(self) -> CardToken:
        """A bank account."""
        return CardToken("pm_usBankAccount_processing")


@frozen
class SimulatedHarness(StripeTestCards):
    """A simulated gateway, with its own records."""

    gateway: SimulatedGateway
    advance: Callable[[timedelta], None]

    def gateway_time(self) -> datetime:
        return self.gateway._now()

    async def balance(self, currency: str) -> int:
        """Add up all records; a simulated gateway has paid out what is older than today."""
        day = self.gateway_time().date()
        return sum(
            each.net
            for _, record in await self.gateway._rows_after("", datetime.min.replace(tzinfo=UTC))
            for each in movements_of(record)
            if each.currency.code == currency and each.created_at.date() == day
        )

    async def pay_out(self, currency: str) -> str:
        """Let the day end."""
        self.advance(timedelta(days=1))
        return f"po_{self.gateway_time().date().isoformat()}_{currency}"

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        await self.gateway.complete_authentication(payment.id, succeeded)

    async def finish_pending(self, payment: Payment, succeeded: bool) -> None:
        await self.gateway.finish_debit(payment.id, succeeded)

    async def settle_refund(self, payment: Payment, refund: Refund, succeeded: bool) -> None:
        await self.gateway.finish_refund(payment.id, refund.id, succeeded)

    async def captured_amount(self, payment: Payment) -> int:
        return await self._amount(payment, AttemptState.SUCCEEDED)

    async def held_amount(self, payment: Payment) -> int:
        return await self._amount(payment, AttemptState.AUTHORIZED)

    async def _amount(self, payment: Payment, state: AttemptState) -> int:
        record = await self.gateway.record(record_id(payment))
        return sum(each.amount.minor_units for each in record.attempts if each.state is state)

    async def expire(self, payment: Payment) -> None:
        def rule(record: GatewayRecord) -> tuple[GatewayRecord, None]:
            attempts = [
                evolve(each, authorized_at=self.gateway_time() - AUTHORIZED_FOR)
                for each in record.attempts
            ]
            return evolve(record, attempts=tuple(attempts)), None

        await self.gateway._send("expire", payment.id, rule)

    async def charge_count(self, payment: Payment) -> int:
        record = await self.gateway.record(record_id(payment))
        return sum(each.state is AttemptState.SUCCEEDED for each in record.attempts)

    async def approve(self, token: str) -> None:
        await self.gateway.approve(token)

    async def refund_externally(self, payment: Payment, minor_units: int) -> str:
        amount = Money(minor_units, payment.amount.currency)
        return await self.gateway.refund_externally(payment.id, amount) or ""

    async def open_dispute(self, payment: Payment) -> str:
        return await self.gateway.dispute_externally(payment.id, DisputeStatus.OPEN) or ""

    async def refunded_amount(self, payment: Payment) -> int:
        record = await self.gateway.record(record_id(payment))
        made = [each for each in record.refunds if each.state is not RefundState.FAILED]
        return sum(each.amount.minor_units for each in made)


@frozen
class InMemoryHarness(SimulatedHarness):
    """The in-memory gateway, with faults."""

    faults: Faults

    @property
    def unreachable(self) -> GatewayAdapter:
        world = World()
        queries = "find", "find_refund", "check", "list_records", "list_records"
        for step in ("charge", "cancel", "capture", "refund", *queries):
            world.faults.add(step, GatewayFaultKind.UNREACHABLE)
        return world.gateway

    def lose_reply(self, step: Step) -> None:
        self.faults.add(step, GatewayFaultKind.REPLY_LOST)

    def lose_request(self, step: Step) -> None:
        self.faults.add(step, GatewayFaultKind.REQUEST_LOST)

    def refuse(self) -> None:
        self.faults.add("charge", GatewayFaultKind.REFUSED)

    def fail(self, step: Step, *, executed: bool) -> None:
        after, instead = GatewayFaultKind.SERVER_ERROR_AFTER, GatewayFaultKind.SERVER_ERROR
        self.faults.add(step, after if executed else instead)


@frozen
class StripeHarness(StripeTestCards):
    """One of Stripe's adapters, on a double of its own and on an address that nothing serves."""

    account: Account
    unreachable: GatewayAdapter

    @property
    def gateway(self) -> GatewayAdapter:
        return self.account.gateway

    def lose_reply(self, step: Step) -> None:
        # aiohttp repeats a GET that was reset on a kept connection, but not after half a reply.
        queries = step in ("find", "find_refund")
        self._add_fault(step, "truncate" if queries else "reset_after")

    def lose_request(self, step: Step) -> None:
        self._add_fault(step, "reset_before")

    def fail(self, step: Step, *, executed: bool) -> None:
        self._add_fault(step, "status_after" if executed else "status_before", status=500)

    def answer(self, step: Step, status: int) -> None:
        self._add_fault(step, "status_before", status=status)

    async def settle_refund(self, payment: Payment, refund: Refund, succeeded: bool) -> None:
        for each in _labelled(payment, self.account.stripe.ledger.refunds):
            if each["metadata"].get("refund_id") == refund.id and each["status"] == "pending":
                refunds.finish(self.account.stripe.ledger, each, succeeded=succeeded)

    def gateway_time(self) -> datetime:
        return datetime.fromtimestamp(self.account.stripe.ledger.timestamp(), UTC)

    def refuse(self) -> None:
        error = {"message": f"Your account may not charge {self.succeeding_token.value}."}
        self._add_fault("charge", "status_before", status=400, error=error)

    async def balance(self, currency: str) -> int:
        minor_units = totals_of(self.account.stripe.ledger).get(currency, 0)
        money = from_stripe(abs(minor_units), currency)
        return -money.minor_units if minor_units < 0 else money.minor_units

    async def pay_out(self, currency: str) -> str:
        return str(payouts.pay_out(self.account.stripe.ledger, currency)["id"])

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        intent = self.account.stripe.ledger.payment_intents[payment.reference or ""]
        lifecycle.authenticate(self.account.stripe.ledger, intent, succeeded=succeeded)

    @property
    def pending_token(self) -> CardToken:
        is_charge = self.account.path == CHARGES
        return CardToken("btok_us_verified" if is_charge else "pm_usBankAccount_processing")

    async def finish_pending(self, payment: Payment, succeeded: bool) -> None:
        [charge] = _labelled(payment, self.account.stripe.ledger.charges)
        lifecycle.finish(self.account.stripe.ledger, charge, succeeded=succeeded)

    async def charge_count(self, payment: Payment) -> int:
        charges = _labelled(payment, self.account.stripe.ledger.charges)
        return sum(each["status"] == "succeeded" and each["captured"] for each in charges)

    async def captured_amount(self, payment: Payment) -> int:
        charges = _labelled(payment, self.account.stripe.ledger.charges)
        return sum(each["amount_captured"] for each in charges if each["status"] == "succeeded")

    async def held_amount(self, payment: Payment) -> int:
        return sum(each["amount"] for each in self._held(payment))

    def _held(self, payment: Payment) -> list[dict[str, Any]]:
        ledger = self.account.stripe.ledger
        if self.account.path == INTENTS:
            made = _labelled(payment, ledger.payment_intents)
            return [each for each in made if each["status"] == "requires_capture"]
        return [
            each
            for each in _labelled(payment, ledger.charges)
            if each["status"] == "succeeded" and not each["captured"] and not each["refunded"]
        ]

    async def expire(self, payment: Payment) -> None:
        expire = intents.expire if self.account.path == INTENTS else captures.expire
        for each in self._held(payment):
            expire(self.account.stripe.ledger, each)

    async def refund_externally(self, payment: Payment, minor_units: int) -> str:
        ledger = self.account.stripe.ledger
        [charge] = _labelled(payment, ledger.charges)
        refund = refunds.create(ledger, {"charge": charge["id"], "amount": minor_units})
        return str(refund["id"])

    async def open_dispute(self, payment: Payment) -> str:
        ledger = self.account.stripe.ledger
        [charge] = _labelled(payment, ledger.charges)
        return str(disputes.open_dispute(ledger, charge)["id"])

    async def refunded_amount(self, payment: Payment) -> int:
        made = _labelled(payment, self.account.stripe.ledger.refunds)
        return sum(each["amount"] for each in made if each["status"] != "failed")

    def _add_fault(self, step: Step, kind: Kind, **more: Any) -> None:
        method, path = {
            "charge": ("POST", f"^{self.account.path}$"),
            "find": ("GET", f"^{self.account.path}"),
            "capture": ("POST", f"^{self.account.path}/.*/capture$"),
            "cancel": ("POST", "/cancel$" if self.account.path == INTENTS else "^/v1/refunds$"),
            "refund": ("POST", "^/v1/refunds$"),
            "find_refund": ("GET", "^/v1/refunds$"),
        }[step]
        self.account.stripe.faults.add(kind, path, method=method, **more)


def _labelled(payment: Payment, objects: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in objects.values() if each["metadata"].get("payment_id") == payment.id]
