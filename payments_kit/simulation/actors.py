"""Actors: the customers and the operator who use the service."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from attrs import define, frozen

from application.ports.payment_gateway import CardToken
from application.use_cases.pay_order import PayOrder
from domain.check_times import AUTHENTICATION_WINDOW
from domain.claim import ExpectedAmount
from domain.identifiers import PaymentId, UserId
from entrypoints.http.handlers import RefundCommand
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.approvals import Approvals
from payments_kit.simulation.banks import Banks
from payments_kit.simulation.clients import Clients
from payments_kit.simulation.faults import LOSSES, FaultKind
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.orders_service import OrderPlan
from payments_kit.simulation.scenario import Scenario

_CARDS: Final = (
    *("tok_visa", "tok_visa", "tok_mastercard", "tok_pendingRefund", "tok_pendingRefund"),
    *("tok_chargeDeclined", "tok_chargeDeclinedInsufficientFunds"),
    *("tok_threeDSecureRequired", "tok_threeDSecureRequiredChargeDeclined"),
)

_DEBIT: Final = "pm_usBankAccount_processing"
_LATE_DEBIT: Final = "pm_usBankAccount_submitted"

SECRETS: Final = (*sorted(set(_CARDS)), _DEBIT, _LATE_DEBIT, "_secret_")
"""The card tokens, and a part of every client secret."""

_CANCELS: Final = 0.3
"""How often a customer cancels a payment instead of authenticating, or just before; also a pending
payment, each time that they see it."""

_REUSES_A_KEY: Final = 0.1
"""How often a customer's client sends a key that other requests of the same user have, too."""

_REPEATS: Final = 0.25
"""How often a customer's client sends a request with a key once more after its final reply."""

_RETURNS: Final = 3
"""How often a customer who has paid looks whether the order can be paid once more."""

_LATEST_AUTHENTICATION: Final = AUTHENTICATION_WINDOW.total_seconds() + 1.0
"""In seconds, at the edge of a limit: when the payment is being cancelled."""

_PATIENCE: Final = 61.0
"""How many seconds the other actors wait for an authentication."""

_MAX_TRIES: Final = 10
"""How often a customer tries, which is more often than real customers do."""


@define
class GatewayChoice:
    """Which gateway a customer's client uses; None: the one that the service chooses."""

    others: tuple[str, ...]
    """The gateways besides the first one."""
    share: float
    """How often it is another one."""
    draw: random.Random
    gateway: str | None = None

    def __attrs_post_init__(self) -> None:
        self.reconsider(failed=False)

    def reconsider(self, *, failed: bool) -> None:
        """Choose again after a decline, and use another one after a failure."""
        if not self.others:
            return
        other = self.draw.choice(self.others)
        if failed:
            self.gateway = other if self.gateway is None else None
        elif self.draw.random() < self.share:
            self.gateway = other


@frozen
class Customer:
    """Tries to pay for an order until it is paid or can no longer be paid."""

    name: str
    plan: OrderPlan
    clients: Clients
    gateway: GatewayEvents
    draw: random.Random
    choice: GatewayChoice
    wavering: random.Random
    """A random stream of its own, so that the other decisions of a seed stay the same."""
    approvals: Approvals
    sources_of: Callable[[str, UserId], tuple[str, ...]]
    """Under which sources a declined card is counted."""
    repeating: random.Random

    async def act(self, arrives_at: float) -> None:
        """Pay, with other cards if necessary; in one of ten cases for another user's order."""
        draw = self.draw
        is_owner = draw.random() >= 0.1
        user = draw.choice(self.plan.owners) if is_owner else UserId("other-user")
        uses_keys = draw.random() < 0.5
        client = "reused" if self.wavering.random() < _REUSES_A_KEY else self.name
        expected = self._expected_amount()
        sources = self.sources_of(self.name, user)
        await asyncio.sleep(arrives_at)
        if not is_owner:
            self.clients.trace.count(Activity.PAYS_FOR_OTHERS)
        token, card = await self.approvals.choose(self._choose_card(), user), 1
        for attempt in range(1, 1 + _MAX_TRIES):
            # A key for each card, as a good client uses it; sometimes one for each attempt.
            key = f"{client}-{card}{f'-{attempt}' if draw.random() < 0.3 else ''}"
            gateway = None if Approvals.is_session(token) else self.choice.gateway
            card_token = CardToken(token)
            command = PayOrder(self.plan.id, user, card_token, expected, sources, gateway)
            timeout = draw.choice((3.0, 20.0, 40.0))
            response = await self.clients.pay(
                self.name, command, key if uses_keys else None, timeout
            )
            status = response.status if response else None
            if uses_keys and status in (201, 402) and self.repeating.random() < _REPEATS:
                await self.clients.pay(self.name, command, key, timeout)
            if status == 201:
                await self._pay_again(command)
            if status in (201, 400, 401, 422) or (
                response and response.payment_status == "succeeded"
            ):
                return
            if status in (402, 503):
                self.choice.reconsider(failed=status == 503)
            if status == 402:
                token = await self.approvals.choose(self._choose_card(), user)
                card += 1
            if response and response.payment_id and response.payment_status == "pending":
                await self._perhaps_cancel(response.payment_id, user)
            if response and response.payment_id and response.payment_status == "requires_action":
                await self._act_on(token, response.payment_id, user)
            await asyncio.sleep(draw.expovariate(1 / (9.0 if status in (202, 404, 409) else 4.0)))

    def _choose_card(self) -> str:
        card, injector = self.draw.choice(_CARDS), self.clients.injector
        if not injector.occurs(FaultKind.PAYS_BY_DEBIT, self.name):
            return card
        return _LATE_DEBIT if injector.occurs(FaultKind.DEBIT_TOO_LATE, self.name) else _DEBIT

    async def _pay_again(self, command: PayOrder) -> None:
        """Try to pay again later; if the payment is lost meanwhile, the order seems unpaid."""
        if not any(map(self.clients.injector.is_possible, LOSSES)):
            return
        for _ in range(_RETURNS):
            await asyncio.sleep(self.wavering.expovariate(1 / 10.0))
            await self.clients.pay(self.name, command, None, 40.0)

    def _expected_amount(self) -> ExpectedAmount:
        if self.draw.random() < 0.7:
            return ExpectedAmount()
        due = self.draw.choice(self.plan.prices).money
        return ExpectedAmount(due.minor_units, due.currency.code)

    async def _perhaps_cancel(self, payment_id: PaymentId, user: UserId) -> None:
        if self.wavering.random() < _CANCELS:
            await asyncio.sleep(self.wavering.expovariate(1 / 5.0))
            await self.clients.cancel(self.name, payment_id, user)

    async def _act_on(self, token: str, payment_id: PaymentId, user: UserId) -> None:
        if self.approvals.is_session(token):
            await self._perhaps_cancel(payment_id, user)
        else:
            await self._authenticate(payment_id, user)

    async def _authenticate(self, payment_id: PaymentId, user: UserId) -> None:
        # Perhaps while the bank still lets the customer authenticate.
        await self._perhaps_cancel(payment_id, user)
        if self.draw.random() < 0.2:
            return  # the customer does not authenticate
        seconds = self.draw.expovariate(1 / 5.0)
        succeeded = self.draw.random() < 0.8
        late = self.clients.injector.edges.of(seconds, _LATEST_AUTHENTICATION)
        if late > _PATIENCE:
            # The bank's page still waits, but no other actor does.
            loop = self.clients.loop
            loop.call_later(late, self._begin, payment_id, succeeded, context=loop.outside)
            return
        await asyncio.sleep(late)
        await self._finish_authentication(payment_id, succeeded)

    def _begin(self, payment_id: PaymentId, succeeded: bool) -> None:
        self.clients.loop.start(None, self._finish_authentication(payment_id, succeeded))

    async def _finish_authentication(self, payment_id: PaymentId, succeeded: bool) -> None:
        what = Activity.AUTHENTICATES if succeeded else Activity.FAILS_TO_AUTHENTICATE
        self.clients.trace.record(self.name, what.value.removeprefix("customer "))
        self.clients.trace.count(what)
        await self.gateway.authenticate(payment_id, succeeded)


@frozen
class Operator:
    """Refunds some payments, sometimes twice at the same moment, or in the gateway's dashboard."""

    scenario: Scenario
    clients: Clients
    gateway: GatewayEvents
    banks: Banks
    draw: random.Random

    async def act(self) -> None:
        """Refund until the scenario's time is over."""
        draw, number = self.draw, 0
        clock = asyncio.get_running_loop().time
        while clock() < self.scenario.seconds:
            await asyncio.sleep(draw.expovariate(self.scenario.refunds / 5.0))
            minor_units = draw.choice((None, 300, 1))
            if self.clients.injector.occurs(FaultKind.EXTERNAL_REFUND, "operator"):
                self._refund_externally(minor_units)
                continue
            captured = self.clients.captured_payments()
            if not captured:
                continue
            payment, number = draw.choice(captured), number + 1
            if minor_units is not None and minor_units > 1:
                # Two of these exceed the payment.
                minor_units = max(1, payment.amount.minor_units * 6 // 10)
            command = RefundCommand(payment.id, minor_units, "requested")
            key = f"refund-{number}" if draw.random() < 0.5 else None
            times = draw.choice((1, 1, 2))
            await asyncio.gather(*(self.clients.refund(command, key) for _ in range(times)))

    def _refund_externally(self, minor_units: int | None) -> None:
        charged = self.gateway.charged_payments()  # the service may not know of the charge yet
        if charged:
            self.banks.refund_externally(self.draw.choice(charged), minor_units)
