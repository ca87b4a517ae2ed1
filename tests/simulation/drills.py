"""Drills: one use case alone in a world, killed at a chosen step, maybe with one more mishap."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from attrs import frozen

from application.ports.payment_gateway import CardToken
from domain.claim import ExpectedAmount
from domain.identifiers import OrderId, UserId
from domain.money import Currency, Money
from domain.payment import Payment
from domain.replica import OrderReplica, Terms
from entrypoints.http.idempotency import IdempotencyGuard
from payments_kit.simulation.faults import FaultKind, FaultOccurrence
from payments_kit.simulation.loop import SimulatedProcess
from payments_kit.simulation.processes import PayRequest, Serve, Worker, a_worker
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.world import Result, World

ORDER: Final = OrderId("order1")
USER: Final = UserId("user1")
PRICE: Final = Money(1999, Currency("usd"))

# Longer than any of them takes when nothing is wrong, shorter than what recovery waits for.
_PATIENCE: Final = 300.0


class Drill(World):
    """A world with one process that does one thing, and a helper that is always well."""

    def __init__(
        self, story: "Story", dies_at: int | None = None, kind: FaultOccurrence | None = None
    ):
        rates = {kind.kind: 1.0} if kind else {}
        only = frozenset({kind} if kind else ())
        super().__init__(Scenario(seed=1, webhooks=False, rates=rates, only=only))
        self._story = story
        self._dies_at = dies_at
        self.life = SimulatedProcess("nobody")

    async def live(self) -> None:
        self.injector.is_healed = True
        _, use_cases = self.begin_life("helper")
        self.helper = Serve(
            SimulatedProcess("helper"),
            use_cases,
            IdempotencyGuard(self.runtime.answers()),
            self.surprise,
        )
        self.helping_worker = a_worker(
            self.runtime, SimulatedProcess("helper"), use_cases, self.surprise
        )
        await self._story.before(self)
        self.injector.is_healed = False
        self.life, use_cases = self.begin_life("process")
        self.serve = Serve(
            self.life, use_cases, IdempotencyGuard(self.runtime.answers()), self.surprise
        )
        self.worker = a_worker(self.runtime, self.life, use_cases, self.surprise)
        self.life.dies_at = self._dies_at
        doing = self.loop.spawn(self.life, self._do())
        await asyncio.wait([doing], timeout=_PATIENCE)
        self.life.crash()
        self.injector.is_healed = True
        await self._story.after(self)
        await self.come_to_rest()

    async def _do(self) -> None:
        try:
            await self._story.act(self)
        except ConnectionError:
            return

    def _crashed(self, life: SimulatedProcess) -> None:
        self.trace.tell(life.name, "is gone")

    async def pay(self, serve: Serve, token: str) -> None:
        request = PayRequest(ORDER, USER, CardToken(token), key=f"key {len(token)}")
        self.give(request, await serve.pay(request))

    async def replicate(self) -> None:
        terms = Terms(0, USER, PRICE)
        body = {"id": ORDER, "version": 0, "status": "created", "userId": USER}
        ticket = '"expiresAt": null, "ticket": {"id": "ticket", "price": 19.99}'
        data = f"{json.dumps(body)[:-1]}, {ticket}}}".encode()
        self.publish_order("order:created", data, OrderReplica.created(ORDER, terms))

    def cancel(self) -> None:
        body = {"id": ORDER, "version": 1, "ticket": {"id": "ticket"}}
        data = json.dumps(body).encode()
        self.publish_order("order:cancelled", data, OrderReplica.cancelled(ORDER, 1))

    async def claim(self) -> Payment:
        return await self.helper.use_cases.create_charge._claim(ORDER, USER, ExpectedAmount())

    async def charge_without_settling(self) -> None:
        payment = await self.claim()
        await self.runtime.gateway().charge(payment, CardToken("tok_visa"))


Doing = Callable[[Drill], Awaitable[object]]


async def nothing(_drill: Drill) -> None:
    """Leave it at that."""


@frozen
class Story:
    """What is killed, and what happened before and after."""

    name: str
    act: Doing
    before: Doing = nothing
    after: Doing = nothing


async def _an_order(drill: Drill) -> None:
    await drill.replicate()
    await drill.helping_worker.intake.run_once()


async def _a_paid_order(drill: Drill) -> None:
    await _an_order(drill)
    await drill.pay(drill.helper, "tok_visa")


async def _a_cancelled_paid_order(drill: Drill) -> None:
    await _a_paid_order(drill)
    drill.cancel()
    await drill.helping_worker.intake.run_once()


async def _a_charge_nobody_knows_of(drill: Drill) -> None:
    await _an_order(drill)
    await drill.charge_without_settling()
    await asyncio.sleep(6.0)


async def _a_claim_that_came_to_nothing(drill: Drill) -> None:
    await _an_order(drill)
    await drill.claim()
    await asyncio.sleep(26.0)


async def _a_published_event(drill: Drill) -> None:
    await _a_paid_order(drill)
    await drill.helping_worker.use_cases.relay_outbox.run_once()
    await drill.helping_worker.use_cases.relay_outbox.release_lease()


async def _an_order_and_its_cancellation(drill: Drill) -> None:
    await drill.replicate()
    drill.cancel()


async def _an_unheard_order(drill: Drill) -> None:
    await drill.replicate()


async def _the_customer_tries_again(drill: Drill) -> None:
    for payment_id in list(drill.runtime.ledger.records):
        await drill.runtime.authenticate(payment_id, succeeded=True)
    await drill.pay(drill.helper, "tok_mastercard")


def _paying(token: str) -> Doing:
    return lambda drill: drill.pay(drill.serve, token)


def _recovering(drill: Drill) -> Awaitable[int]:
    return drill.worker.use_cases.recover_payments.run_once()


def _hearing(drill: Drill) -> Awaitable[object]:
    return drill.serve.apply(drill.runtime.ledger.notifications[-1])


def _refunding(drill: Drill) -> Awaitable[object]:
    return drill.serve.refund(drill.captured_payments()[0].id, 500)


def _intake(worker: Callable[[Drill], Worker]) -> Doing:
    return lambda drill: worker(drill).intake.run_once()


def _cancelled_meanwhile(drill: Drill) -> Awaitable[object]:
    drill.cancel()
    return asyncio.gather(
        drill.pay(drill.serve, "tok_visa"), drill.helping_worker.intake.run_once()
    )


CHARGES: Final = tuple(
    Story(f"CreateCharge with {token}", _paying(token), _an_order, _the_customer_tries_again)
    for token in ("tok_visa", "tok_chargeDeclined", "tok_threeDSecureRequired")
)

STORIES: Final = (
    *CHARGES,
    Story("CreateCharge while the order is cancelled", _cancelled_meanwhile, _an_order),
    Story("ReplicateOrder", _intake(lambda it: it.worker), _an_unheard_order),
    Story("CancelOrder", _intake(lambda it: it.worker), _an_order_and_its_cancellation),
    Story("RecoverPayments, a charge", _recovering, _a_charge_nobody_knows_of),
    Story("RecoverPayments, nothing", _recovering, _a_claim_that_came_to_nothing),
    Story("RecoverPayments, a refund", _recovering, _a_cancelled_paid_order),
    Story("ReceiveNotification", _hearing, _a_charge_nobody_knows_of),
    Story("RefundPayment", _refunding, _a_paid_order),
    Story("RelayOutbox", lambda it: it.worker.use_cases.relay_outbox.run_once(), _a_paid_order),
    Story("CompleteOrder", lambda it: it.worker.completion.run_once(), _a_published_event),
)

MISHAPS: Final = (
    *(FaultKind.COMMIT_REPLY_LOST, FaultKind.COMMITTED_THEN_GONE, FaultKind.SERIALIZATION_FAILURE),
    *(FaultKind.CONNECTION_GONE, FaultKind.DATABASE_SLOW, FaultKind.PAUSE),
    *(
        FaultKind.GATEWAY_UNREACHABLE,
        FaultKind.GATEWAY_RATE_LIMITED,
        FaultKind.GATEWAY_REQUEST_LOST,
    ),
    *(FaultKind.GATEWAY_REPLY_LOST, FaultKind.GATEWAY_LANDS_LATE, FaultKind.GATEWAY_ERROR),
    *(FaultKind.GATEWAY_ERROR_AFTER, FaultKind.GATEWAY_SLOW, FaultKind.GATEWAY_MISCHARGES),
)


def kills(story: Story, kind: FaultOccurrence | None = None) -> Iterator[tuple[int, Result]]:
    """The story as it is, as 0; then killed before each of its steps."""
    undisturbed = Drill(story, kind=kind)
    yield 0, undisturbed.run()
    for step in range(1, undisturbed.life.steps + 1):
        yield step, Drill(story, step, kind).run()


def strikes(story: Story) -> Iterator[FaultOccurrence]:
    """Every occasion that a mishap has in a story."""
    for kind in MISHAPS:
        number = 1
        while Drill(story, kind=FaultOccurrence(kind, number)).run().happened[kind]:
            yield FaultOccurrence(kind, number)
            number += 1
