"""UseCaseWorld: a world that runs one use case alone in a process under test."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final

from attrs import evolve, frozen

from adapters.gateways.in_memory import Faults, GatewayFaultKind, InMemoryGateway
from adapters.gateways.simulated.attempts import AUTHORIZED_FOR
from application.ports.event_publisher import BrokerUnavailable
from application.ports.payment_gateway import CardToken, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.pay_order import PayOrder
from domain.identifiers import OrderId, UserId
from entrypoints.http.handlers import RefundCommand
from entrypoints.worker.roles import WorkerDependencies
from payments_kit.simulation.faults import FaultOccurrence
from payments_kit.simulation.model.reports import Reply
from payments_kit.simulation.orders_service import OrderPlan, PlannedShipment, Price
from payments_kit.simulation.process import SimulatedProcess
from payments_kit.simulation.processes import Serve, open_serve, open_worker
from payments_kit.simulation.runtime import FIRST_GATEWAY
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.world import World

USER: Final = UserId("user1")
ORDERS: Final = [
    OrderPlan(OrderId(name), (USER,), (Price("19.99", "usd", 1999),), 0.0, None, None)
    for name in ("order1", "order2")
]
MANUAL: Final = evolve(ORDERS[0], capture="manual")
PART: Final = PlannedShipment(0.0, 1, 600)
VISA: Final = "tok_visa"
CARDS: Final = (VISA, "tok_chargeDeclined", "tok_threeDSecureRequired")
DEBITS: Final = ("pm_usBankAccount_processing", "pm_usBankAccount_submitted")

# Longer than any of the runs takes.
_TIMEOUT: Final = 300.0

# Until everything that the crashed process has claimed is due for recovery.
_RECOVERY_SECONDS: Final = 30.0

# An order with this lifetime is still valid at its charge, and expired when recovery checks it.
_LIFETIME: Final = timedelta(seconds=4)


class UseCaseWorld(World):
    """A world with one process under test, and a helper process that never fails."""

    def __init__(
        self, run: "UseCaseRun", crash_at: int | None = None, fault: FaultOccurrence | None = None
    ) -> None:
        rates = {fault.kind: 1.0} if fault else {}
        only = frozenset({fault} if fault else ())
        super().__init__(Scenario(seed=1, webhooks=False, rates=rates, only=only))
        self._run = run
        self._crash_at = crash_at
        self.process = SimulatedProcess("not started")
        self.state_before = ""
        """The trace until the process under test starts."""

    async def main(self) -> None:
        self.injector.is_healed = True
        self.helper = self.cluster.new_serve("helper")
        self.helper_worker = self.cluster.new_worker("helper-worker").dependencies
        for action in self._run.before:
            await action(self)
        self.state_before = "\n".join(f"{line.at} {line.what}" for line in self.trace.lines)
        self.injector.is_healed = False
        self.process, use_cases = self.cluster.new_process("process")
        self.serve = open_serve(self.runtime, self.process, use_cases)
        worker = open_worker(self.runtime, self.process, use_cases, self.stream("jitter"))
        self.worker = worker.dependencies
        self.process.crash_at_step = self._crash_at
        acting = self.loop.spawn(self.process, self._act())
        await asyncio.wait([acting], timeout=_TIMEOUT)
        self.process.crash()
        self.injector.is_healed = True
        if self._run.is_repeated:
            await self._pay_again()
        await self.come_to_rest()

    async def _act(self) -> None:
        with suppress(StorageUnavailable, BrokerUnavailable):
            await self._run.act(self)

    async def _pay_again(self) -> None:
        """Authenticate, and pay with another card, as a customer does without a reply."""
        for payment_id in list(self.runtime.ledger.records):
            await self.gateway.authenticate(payment_id, succeeded=True)
        await self.pay(self.helper, "tok_mastercard")

    def on_crash(self, process: SimulatedProcess) -> None:
        self.trace.record(process.name, "crashed")

    # --- actions -------------------------------------------------------------------------------

    async def publish(self, order: OrderPlan = ORDERS[0]) -> None:
        self.orders.publish_created(order)

    async def publish_expiring(self) -> None:
        self.orders.publish_created(ORDERS[0], expires_at=self.runtime.now() + _LIFETIME)

    async def publish_cancellation(self, order: OrderPlan = ORDERS[0]) -> None:
        self.orders.publish_cancelled(order)

    async def replicate(self) -> None:
        await self.helper_worker.order_intake.run_once()

    async def cancel(self, order: OrderPlan = ORDERS[0]) -> None:
        await self.publish_cancellation(order)
        await self.replicate()

    async def pay(self, serve: Serve, token: str = VISA, order: OrderPlan = ORDERS[0]) -> None:
        command = PayOrder(order.id, USER, CardToken(token))
        # The key must not contain the token: the check finds secrets in stored keys.
        self.clients.record(command, await serve.pay(command, key=f"{order.id} {len(token)}"))

    async def paid(self) -> None:
        await self.pay(self.helper)

    async def relay(self) -> None:
        await self.helper.use_cases.relay_outbox.run_once()
        await self.helper.use_cases.relay_outbox.release_lease()

    async def add_six_events(self) -> None:
        """Leave a failed, a created and a refunded event of each order in the outbox."""
        for order in ORDERS:
            await self.publish(order)
            await self.replicate()
            for token in (CARDS[1], VISA):
                await self.pay(self.helper, token, order)
            await self.cancel(order)
        await self.helper.use_cases.recover_payments.run_once()

    async def wait_for_recovery(self) -> None:
        await asyncio.sleep(_RECOVERY_SECONDS)

    async def lose_charge(self, token: str, fault: GatewayFaultKind, seconds: float) -> None:
        """Charge without settling, because of a fault at the gateway."""
        command, faults = PayOrder(ORDERS[0].id, USER, CardToken(token)), Faults()
        payment = (await self.helper.use_cases.create_charge.claim(command)).payment
        faults.add("charge", fault, seconds)
        with suppress(OutcomeUnknown):
            await InMemoryGateway(self.runtime.ledger, faults).charge(payment, command.token)

    async def crash_charge(self, token: str, crash_at: int) -> None:
        """Charge in another process, which crashes at this step."""
        process, use_cases = self.cluster.new_process("crashing")
        process.crash_at_step = crash_at
        serve = open_serve(self.runtime, process, use_cases)
        await asyncio.wait([self.loop.spawn(process, self.pay(serve, token))], timeout=1.0)

    async def pay_while_cancelled(self, token: str, moment: str) -> None:
        """Pay; the helper cancels the order when the process under test reaches this step."""
        gateway = self.serve.use_cases.create_charge.claim.gateways.default.gateway
        assert isinstance(gateway, InMemoryGateway)
        is_cancelled = False

        async def cancel_without_faults() -> None:
            self.injector.is_healed = True
            await self.cancel()
            self.injector.is_healed = False

        async def interrupt(checkpoint: Callable[[str], Awaitable[None]], step: str) -> None:
            nonlocal is_cancelled
            if step == moment and not is_cancelled:
                is_cancelled = True
                await self.loop.spawn(self.helper.process, cancel_without_faults())
            await checkpoint(step)

        gateway.checkpoint = partial(interrupt, gateway.checkpoint)
        self.runtime.database.checkpoint = partial(interrupt, self.runtime.database.checkpoint)
        await self.pay(self.serve, token)

    async def pending(self, token: str) -> None:
        await self.pay(self.helper, token)

    async def cancel_payment(self) -> None:
        """Cancel the only payment, as its customer does."""
        [payment_id] = self.runtime.ledger.records
        response = await self.serve.cancel(payment_id, USER)
        if response.status == 200:
            self.clients.replies.append(Reply(200, payment_id, USER, "cancel"))

    async def publish_manual(self) -> None:
        self.orders.publish_created(MANUAL)

    async def publish_shipment(self) -> None:
        self.orders.publish_shipped(MANUAL, PART)

    async def take_shipment(self, worker: WorkerDependencies | None = None) -> None:
        intake = (worker or self.worker).shipment_intake
        assert intake is not None
        await intake.run_once()

    async def authorized(self) -> None:
        await self.pay(self.helper, VISA, MANUAL)

    async def authorize_and_recover(self) -> None:
        await self.pay(self.serve, VISA, MANUAL)
        await self.recover()

    async def ship(self) -> None:
        """Replicate the shipment without a failure."""
        await self.publish_shipment()
        await self.take_shipment(self.helper_worker)

    async def take_shipment_and_recover(self) -> None:
        await self.take_shipment()
        await self.recover()

    async def capture(self) -> None:
        """Capture a part of the only authorization, as an operator does."""
        [payment] = self.clients.authorized_payments()
        self.clients.captures_asked.append((payment.id, 600))
        response = await self.serve.capture(payment.id, 600)
        body = response.payment or {}
        self.clients.replies.append(Reply(response.status, payment.id, None, "capture", body=body))

    async def void(self) -> None:
        [payment] = self.clients.authorized_payments()
        response = await self.serve.void(payment.id)
        body = response.payment or {}
        self.clients.replies.append(Reply(response.status, payment.id, None, "void", body=body))

    async def run_out(self) -> None:
        """Wait until the authorization is over; a worker announces it half a day before."""
        before = timedelta(hours=12)
        await asyncio.sleep((AUTHORIZED_FOR - before).total_seconds())
        await self.helper.use_cases.recover_payments.run_once()
        await asyncio.sleep(before.total_seconds() + 1.0)

    async def recover(self) -> None:
        await self.serve.use_cases.recover_payments.run_once()

    async def intake_and_recover(self) -> None:
        await self.worker.order_intake.run_once()
        await self.recover()

    async def refund(self) -> None:
        payment = self.clients.captured_payments()[0]
        await self.serve.refund(RefundCommand(payment.id, 500, "requested"), key="refund")

    async def receive(self) -> None:
        await self.serve.receive(FIRST_GATEWAY, self.runtime.ledger.notifications[-1])


Action = Callable[[UseCaseWorld], Awaitable[object]]


@frozen
class UseCaseRun:
    """The action that is interrupted, and what happens before and after it."""

    name: str
    act: Action
    before: tuple[Action, ...]
    is_repeated: bool = False
    """Whether the customer pays again afterwards."""
