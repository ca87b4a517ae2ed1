"""PayPal's adapter as the service uses it, and what its double can do."""

from datetime import UTC, datetime
from typing import Any

from attrs import evolve, field, frozen

from adapters.gateways.paypal.amounts import from_paypal
from adapters.gateways.paypal.gateway import PayPalGateway
from application.ports.gateway_records import (
    ChargeRecord,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
)
from application.ports.gateway_sessions import Session, SessionRequest
from application.ports.payment_gateway import LOOKUP_SECONDS, CardToken, GatewayAdapter
from domain.capture import CaptureFailed
from domain.identifiers import PaymentId
from domain.movement import Movement
from domain.outcome import Approved, Outcome, Refused
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome, ReportedRefund
from payments_kit.conformance.harness import Step
from payments_kit.doubles.faults import Kind
from payments_kit.doubles.paypal import authorizations, captures, disputes, orders, refunds
from payments_kit.doubles.paypal.instruments import INSTRUMENTS
from payments_kit.doubles.paypal.replies import Request
from tests.adapters.gateways.paypal_account import Account


@frozen
class PayPalAsCards:
    """The adapter, charged with the names of what its customers pay with, as if they were cards.

    For each payment and name there is a session, which its customer has approved with it. The rest
    is what the service does: it stores the token as the reference of the payment before the charge,
    and takes the money of a payment that `find` reports as approved.
    """

    account: Account
    _gateway: PayPalGateway
    _references: dict[PaymentId, str] = field(factory=dict)
    _sessions: dict[tuple[PaymentId, str], str] = field(factory=dict)

    @property
    def name(self) -> str:
        return self._gateway.name

    @property
    def livemode(self) -> bool:
        return self._gateway.livemode

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        session = await self._session(payment, token.value)
        claimed = self.claimed(payment)
        return await self._gateway.charge(claimed, CardToken(session))

    async def find(self, payment: Payment) -> Outcome | None:
        claimed = self.claimed(payment)
        found = await self._gateway.find(claimed)
        return await self._gateway.take(claimed) if isinstance(found, Approved) else found

    async def cancel(self, payment: Payment) -> Outcome | None:
        return await self._gateway.cancel(self.claimed(payment))

    async def capture(self, payment: Payment) -> Outcome | CaptureFailed:
        return await self._gateway.capture(self.claimed(payment))

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        return await self._gateway.refund(self.claimed(payment), refund)

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        return await self._gateway.find_refund(self.claimed(payment), refund)

    async def list_refunds(self, payment: Payment) -> list[ReportedRefund]:
        return list(await self._gateway.list_refunds(self.claimed(payment)))

    records_delay = PayPalGateway.records_delay

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        return await self._gateway.charge_records(period, cursor)

    async def refund_records(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        return await self._gateway.refund_records(period, cursor)

    async def dispute_records(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
        return await self._gateway.dispute_records(period, cursor)

    async def list_movements(self, period: Period, cursor: str | None) -> Page[Movement]:
        return await self._gateway.list_movements(period, cursor)

    async def check(self) -> None:
        await self._gateway.check()

    async def close(self) -> None:
        await self._gateway.close()

    def claimed(self, payment: Payment) -> Payment:
        """Return a payment with the reference that it was claimed with."""
        return evolve(payment, reference=payment.reference or self._references.get(payment.id))

    async def _session(self, payment: Payment, name: str) -> str:
        """Return the token of the customer's session; a name that is no instrument is a token."""
        if name not in INSTRUMENTS:
            return name
        if (token := self._sessions.get((payment.id, name))) is None:
            claimed = await self.account.claimed(payment)
            token = self._sessions[payment.id, name] = claimed.reference or ""
            self._references.setdefault(payment.id, token)
            self.account.approve(claimed, name)
        return token


class PayPalSessions(PayPalAsCards):
    """The adapter as it is, with its sessions."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        return await self._gateway.charge(payment, token)

    async def find(self, payment: Payment) -> Outcome | None:
        return await self._gateway.find(payment)

    async def create_session(self, request: SessionRequest) -> Session | Refused:
        return await self._gateway.create_session(request)

    def reference_of(self, token: str) -> str | None:
        return self._gateway.reference_of(token)

    async def take(self, payment: Payment) -> Outcome:
        return await self._gateway.take(payment)


@frozen
class PayPalHarness:
    """PayPal's adapter, on a double of its own and on an address that nothing serves."""

    account: Account
    gateway: PayPalAsCards
    unreachable: GatewayAdapter

    # PayPal knows no currency with three decimals.
    currencies = ("usd", "eur", "jpy")
    succeeding_token = CardToken("balance")
    declined_token = CardToken("declined")
    pending_token = CardToken("echeck")

    def lose_reply(self, step: Step) -> None:
        # aiohttp repeats a GET that was reset on a kept connection, but not after half a reply.
        queries = step in ("find", "find_refund")
        self._add_fault(step, "truncate" if queries else "reset_after")

    def lose_request(self, step: Step) -> None:
        self._add_fault(step, "reset_before")

    def answer(self, step: Step, status: int) -> None:
        # A new token is asked for after a 401, and the request is sent again.
        self._add_fault(step, "status_before", status=status, times=2 if status == 401 else 1)

    def refuse(self) -> None:
        error = {"issue": "PAYEE_ACCOUNT_RESTRICTED"}
        self._add_fault("charge", "status_before", status=422, error=error)

    async def approve(self, token: str) -> None:
        ledger = self.account.paypal.ledger
        orders.approve(ledger, ledger.orders[token], self.succeeding_token.value)

    async def finish_pending(self, payment: Payment, succeeded: bool) -> None:
        [capture] = self._objects("captures", payment)
        captures.finish(self.account.paypal.ledger, capture, succeeded=succeeded)

    async def settle_refund(self, payment: Payment, refund: Refund, succeeded: bool) -> None:
        for each in self._objects("refunds", payment):
            if refund.id in each.get("custom_id", "") and each["status"] == "PENDING":
                refunds.finish(self.account.paypal.ledger, each, succeeded=succeeded)

    async def charge_count(self, payment: Payment) -> int:
        return sum(each["status"] in _TAKEN for each in self._objects("captures", payment))

    async def captured_amount(self, payment: Payment) -> int:
        made = self._objects("captures", payment)
        return sum(_minor(each) for each in made if each["status"] in _TAKEN)

    async def held_amount(self, payment: Payment) -> int:
        held = self._objects("authorizations", payment)
        return sum(_minor(each) for each in held if each["status"] == "CREATED")

    async def expire(self, payment: Payment) -> None:
        for each in self._objects("authorizations", payment):
            authorizations.expire(self.account.paypal.ledger, each)

    def gateway_time(self) -> datetime:
        # PayPal's own times are whole seconds.
        return datetime.fromtimestamp(int(self.account.paypal.ledger.time()), UTC)

    async def balance(self, currency: str) -> int:
        """Ask PayPal for what the adapter does not: the balance."""
        path = f"/v1/reporting/balances?currency_code={currency.upper()}"
        found = await self.account.gateway.api.get(path, LOOKUP_SECONDS)
        [total] = [each["total_balance"] for each in found["balances"]]
        sign = -1 if total["value"].startswith("-") else 1
        return sign * from_paypal(total | {"value": total["value"].strip("-")}).minor_units

    async def open_dispute(self, payment: Payment) -> str:
        [capture] = self._objects("captures", payment)
        reason = "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"
        opened = disputes.open_dispute(self.account.paypal.ledger, capture, reason, "CHARGEBACK")
        return str(opened["dispute_id"])

    async def refund_externally(self, payment: Payment, minor_units: int) -> str:
        [capture] = self._objects("captures", payment)
        return await refund_at_paypal(self.account, capture, minor_units)

    async def refunded_amount(self, payment: Payment) -> int:
        made = self._objects("refunds", payment)
        return sum(_minor(each) for each in made if each["status"] in ("COMPLETED", "PENDING"))

    def _objects(self, kind: str, payment: Payment) -> list[dict[str, Any]]:
        reference = self.gateway.claimed(payment).reference
        ledger = self.account.paypal.ledger
        return [] if reference is None else list(ledger.of_order(kind, reference))

    def _add_fault(self, step: Step, kind: Kind, **more: Any) -> None:
        method, path = {
            "charge": ("POST", r"/(capture|authorize)$"),
            "take": ("POST", r"/(capture|authorize)$"),
            "find": ("GET", "^/v2/checkout/orders/"),
            "capture": ("POST", r"^/v2/payments/authorizations/.*/capture$"),
            "cancel": ("POST", "/void$"),
            "refund": ("POST", "/refund$"),
            "find_refund": ("GET", "^/v2/(checkout/orders|payments/refunds)/"),
        }[step]
        self.account.paypal.faults.add(kind, path, method=method, **more)


_TAKEN = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")


def _minor(obj: dict[str, Any]) -> int:
    return from_paypal(obj["amount"]).minor_units


async def refund_at_paypal(account: Account, capture: dict[str, Any], minor_units: int) -> str:
    """Refund without the adapter, as in PayPal's dashboard; return the id."""
    value = {
        "currency_code": capture["amount"]["currency_code"],
        "value": f"{minor_units / 100:.2f}",
    }
    request = Request({"amount": value}, {}, capture["id"])
    result = refunds.create(account.paypal.ledger, request)
    shown = result.show()
    assert shown is not None
    return str(shown["id"])
