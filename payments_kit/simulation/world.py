"""World: replicas of the service, the people who use it, all that may go wrong; then rest."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Final

from attrs import frozen

from application.application import UseCases
from application.ports.gateway_notifications import Notification
from domain.identifiers import PaymentId
from domain.payment import Payment
from domain.replica import OrderReplica
from entrypoints.http.idempotency import IdempotencyGuard
from payments_kit.simulation.actors import (
    SECRETS,
    bank,
    customer,
    nature,
    operator,
    orders_side,
    plan_orders,
)
from payments_kit.simulation.faults import FaultInjector, FaultKind, FaultOccurrence
from payments_kit.simulation.invariants import Observations, RecordedReply, broken_promises
from payments_kit.simulation.logs import overheard
from payments_kit.simulation.loop import SimulatedLoop, SimulatedProcess, Stuck, TooLong, who
from payments_kit.simulation.processes import (
    CLAIMED,
    PayRequest,
    Reply,
    Serve,
    Worker,
    a_worker,
)
from payments_kit.simulation.runtime import SimulatedRuntime, told
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.trace import Line, Trace, digest_of

# A late landing is looked after for 24 hours, and a stranded refund is tried for 17.
_MAX_REST: Final = timedelta(days=4).total_seconds()

# Stripe gives up on an answer after some 20 s, and on a notice after three days.
_NOTICE_SECONDS: Final = 20.0
_NOTICE_TRIES: Final = 10

# Answers that claim something which has to stay true.
_NOTHING_DONE: Final = 503
_KINDS: Final = {201: "paid", 402: "declined", _NOTHING_DONE: "nothing done"}


@frozen
class Result:
    """What came of a run."""

    scenario: Scenario
    broken: list[str]
    """Promises that were not kept, and errors that nobody expected; empty if all is well."""
    people: list[str]
    """Which orders and customers were there."""
    lines: list[Line]
    happened: Counter[FaultKind]
    strikes: list[FaultOccurrence]
    steps: int
    seconds: float
    """Virtual ones."""

    @property
    def digest(self) -> str:
        """A name for this very course of events: equal runs have equal ones."""
        return digest_of(self.lines)


class World:
    """Everything of one run."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.loop = SimulatedLoop(scenario.seed)
        self.trace = Trace(self.loop.time)
        self.injector = FaultInjector(
            scenario.seed, scenario.rates, scenario.spared, self.trace.tell, who, scenario.only
        )
        self._draw = random.Random(f"world {scenario.seed}")  # noqa: S311 - replayable on purpose
        self.runtime = SimulatedRuntime(
            self.loop, self.injector, self.trace, scenario.latency, self._send_notice, self._crashed
        )
        self.loop.on_crash = self._crashed
        self.serves: list[Serve] = []
        self.workers: list[Worker] = []
        self.given: list[RecordedReply] = []
        self.surprises: list[str] = []
        self._lives: Counter[str] = Counter()
        self._payments = 0
        self._people: list[str] = []
        self._heard: list[OrderReplica] = []
        self._unreadable: list[bytes] = []

    def run(self) -> Result:
        """Let everything happen, heal, wait until nothing happens any more, and check the promises."""
        with overheard(self.surprise):
            try:
                self.loop.simulate(self.live())
                broken = self._check()
            except (Stuck, TooLong) as endless:
                broken = [f"9: it never came to rest: {type(endless).__name__}: {endless}"]
        return Result(
            scenario=self.scenario,
            broken=[*dict.fromkeys(self.surprises), *broken],
            people=self._people,
            lines=self.trace.lines,
            happened=self.injector.happened,
            strikes=self.injector.strikes,
            steps=self.loop.steps,
            seconds=self.loop.time(),
        )

    async def live(self) -> None:
        """Have everybody do what they do, then come to rest."""
        scenario = self.scenario
        for number in range(1, scenario.serves + 1):
            self._start_serve(f"serve{number}")
        for number in range(1, scenario.workers + 1):
            self._start_worker(f"worker{number}")
        doings = []
        for plan in plan_orders(self, self._stream("orders")):
            if self._is_there(plan.id):
                doings.append(orders_side(self, plan, self._stream(f"orders side {plan.id}")))
            for number in range(1, 1 + self._draw.randint(1, scenario.customers)):
                name = f"customer{plan.id.removeprefix('order')}.{number}"
                come_at = plan.at + 1.0 + self._draw.expovariate(1 / 3.0) * (not scenario.burst)
                if plan.id in self._people and self._is_there(name):
                    doings.append(customer(self, plan, name, come_at, self._stream(name)))
        if scenario.refunds:
            doings.append(operator(self, self._stream("operator")))
        doings.append(bank(self, self._stream("bank")))
        doings.append(nature(self, self._stream("nature")))
        await asyncio.gather(*doings)
        await self.come_to_rest()

    def _is_there(self, name: str) -> bool:
        if name in self.scenario.absent:
            return False
        self._people.append(name)
        return True

    def _stream(self, name: str) -> random.Random:
        return random.Random(f"{name} {self.scenario.seed}")  # noqa: S311 - replayable on purpose

    # --- processes -----------------------------------------------------------------------------

    def begin_life(self, name: str) -> tuple[SimulatedProcess, UseCases]:
        """Start a process, with all that it can do."""
        self._lives[name] += 1
        life = SimulatedProcess(f"{name}/{self._lives[name]}")
        if self.injector.may(FaultKind.CRASH_ANYWHERE) and self.injector.let_happen(
            FaultKind.CRASH_ANYWHERE, life.name
        ):
            # Evenly over the orders of magnitude: many soon, some late.
            life.dies_at = int(10 ** self.injector.between(FaultKind.CRASH_ANYWHERE, 1.0, 3.7))
        skew = timedelta()
        if self.injector.may(FaultKind.CLOCK_SKEW) and self.injector.let_happen(
            FaultKind.CLOCK_SKEW, life.name
        ):
            skew = timedelta(seconds=self.injector.between(FaultKind.CLOCK_SKEW, -1.5, 1.5))
        return life, self.runtime.use_cases(life, skew, self._new_id)

    def _start_serve(self, name: str) -> None:
        life, use_cases = self.begin_life(name)
        self.serves = [each for each in self.serves if not each.life.is_dead]
        self.serves.append(
            Serve(life, use_cases, IdempotencyGuard(self.runtime.answers()), self.surprise)
        )

    def _start_worker(self, name: str) -> None:
        if self.injector.is_healed:
            return  # one worker is enough to finish what is left
        life, use_cases = self.begin_life(name)
        worker = a_worker(self.runtime, life, use_cases, self.surprise)
        self.workers.append(worker)
        for role in worker.roles:
            self.loop.begin(life, worker.run(role))

    def _crashed(self, life: SimulatedProcess) -> None:
        self.trace.tell(life.name, "is gone")
        for serve in self.serves:
            if serve.life is life:
                for waiting in serve.waiting:
                    if not waiting.done():
                        waiting.set_exception(ConnectionResetError())
        name = life.name.partition("/")[0]
        start = self._start_serve if name.startswith("serve") else self._start_worker
        after = 10 ** self._draw.uniform(-1.0, 1.3)
        self.loop.call_later(after, start, name, context=self.loop.outside)

    def _new_id(self) -> str:
        self._payments += 1
        name = f"p{self._payments}"
        claimed = CLAIMED.get()
        if claimed is not None:
            claimed.append(PaymentId(name))
        return name

    def surprise(self, error: BaseException) -> None:
        """Note an error that nobody expected."""
        what = f"0: an unexpected error: {type(error).__name__}: {error}"
        self.trace.tell("world", what)
        self.surprises.append(what)

    # --- what people do ------------------------------------------------------------------------

    async def post(self, who: str, request: PayRequest, patience: float) -> Reply | None:
        """Send a request to some replica; None if no answer came."""
        serve = self._some_serve()
        if serve is None:
            self.trace.tell(who, "finds no server")
            return None
        self.trace.tell(who, f"asks {serve.life.name} to charge {request.order_id}")
        waiting = self.loop.create_future()
        serve.waiting.append(waiting)

        async def answer() -> None:
            reply = await serve.pay(request)
            if not waiting.done():
                self.give(request, reply)
                waiting.set_result(reply)

        answering = self.loop.spawn(serve.life, answer())
        if self.injector.strikes_now(FaultKind.HANG_UP, who):
            patience = self.injector.between(FaultKind.HANG_UP, 0.0, patience)
        try:
            async with asyncio.timeout(patience):
                reply: Reply = await waiting
        except TimeoutError:
            answering.cancel()
            self.trace.tell(who, "waits no longer")
            return None
        except ConnectionResetError:
            self.trace.tell(who, "loses the connection")
            return None
        self.trace.tell(who, f"is told {reply.status} {reply.payment_id or ''}")
        return reply

    def give(self, request: PayRequest, reply: Reply) -> None:
        """Remember what was answered: it has to stay true."""
        if reply.payment_id is not None:
            kind = _KINDS.get(reply.status, "told")
            self.given.append(RecordedReply(kind, reply.payment_id, request.user_id))
        if reply.status == _NOTHING_DONE:
            self.given += [RecordedReply("nothing done", claimed) for claimed in reply.claimed]

    def _some_serve(self) -> Serve | None:
        alive = [each for each in self.serves if not each.life.is_dead]
        return self._draw.choice(alive) if alive else None

    async def refund(self, payment_id: PaymentId, minor_units: int | None) -> None:
        """Have some replica give money back; the operator does not wait for ever."""
        serve = self._some_serve()
        if serve is None:
            return
        self.trace.tell("operator", f"gives back {minor_units or 'all'} of {payment_id}")
        await asyncio.wait(
            [self.loop.spawn(serve.life, serve.refund(payment_id, minor_units))], timeout=20.0
        )

    async def refund_externally(self, draw: random.Random, minor_units: int | None) -> None:
        """Give money back past us, at the gateway's own pages; maybe before we know of the charge."""
        charged = self.runtime.charged_payments()
        if not charged:
            return
        notification = await self.runtime.refund_externally(draw.choice(charged), minor_units)
        if notification is not None:
            # Not through the parts' ledger, which tells of our own refunds only.
            self._begin_to_tell(notification)

    async def authenticate(self, who: str, payment_id: PaymentId, succeeded: bool) -> None:
        """Come back from the bank."""
        self.trace.tell(
            who, f"{'proves' if succeeded else 'fails to prove'} themselves to the bank"
        )
        await self.runtime.authenticate(payment_id, succeeded)

    def captured_payments(self) -> list[Payment]:
        """What an operator could give back."""
        return [
            payment
            for _, order in self.runtime.database.orders.values()
            for payment in order.payments
            if payment.is_captured
        ]

    def publish_order(self, subject: str, data: bytes, says: OrderReplica | None) -> None:
        """Publish an event of the orders side, and remember what it says; None: nobody can read it."""
        times = 2 if self.injector.strikes_now(FaultKind.DUPLICATED, "orders side") else 1
        self.trace.tell("orders side", f"publishes {subject}: {data.decode()}")
        if says is None:
            self._unreadable.append(data)
        else:
            self._heard.append(says)
        for _ in range(times):
            self.runtime.publish(subject, data)

    # --- notices -------------------------------------------------------------------------------

    def _send_notice(self, notification: Notification) -> None:
        if not self.scenario.webhooks or self.injector.strikes_now(
            FaultKind.NOTICE_LOST, "webhook"
        ):
            return
        times = 2 if self.injector.strikes_now(FaultKind.NOTICE_TWICE, "webhook") else 1
        for _ in range(times):
            delay = self._draw.uniform(0.0, 0.2)
            if self.injector.strikes_now(FaultKind.NOTICE_LATE, "webhook"):
                delay = 10 ** self.injector.between(FaultKind.NOTICE_LATE, 0.0, 5.0)
            # In nobody's life: the process that caused it may be dead by then.
            self.loop.call_later(
                delay, self._begin_to_tell, notification, context=self.loop.outside
            )

    def _begin_to_tell(self, notification: Notification) -> None:
        self.loop.begin(None, self._tell(notification))

    async def _tell(self, notification: Notification) -> None:
        """Send a notice until some replica has answered 200, as a gateway does."""
        for attempt in range(_NOTICE_TRIES):
            serve = self._some_serve()
            if serve is not None:
                self.trace.tell(serve.life.name, f"hears {told(notification)}")
                hearing = self.loop.spawn(serve.life, serve.apply(notification))
                await asyncio.wait([hearing], timeout=_NOTICE_SECONDS)
                if hearing.done() and hearing.result() == 200:
                    return
            await asyncio.sleep(5.0 * 2**attempt)

    # --- rest ----------------------------------------------------------------------------------

    async def come_to_rest(self) -> None:
        """Heal everything, then let one worker finish what is left, however long that takes."""
        self.trace.tell("world", "everything is healed")
        self.injector.is_healed = True
        self.runtime.heal()
        for worker in self.workers:
            worker.stops = True
        for life in (*(each.life for each in self.serves), *(each.life for each in self.workers)):
            life.dies_at = None
        if not any(not each.life.is_dead for each in self.serves):
            self._start_serve("serve0")
        last_life, use_cases = self.begin_life("worker0")
        last = a_worker(self.runtime, last_life, use_cases, self.surprise)
        await self.loop.spawn(last_life, self._finish(last))

    async def _finish(self, worker: Worker) -> None:
        began = self.loop.time()
        while not self.surprises:
            await self.runtime.banks_finish_refunds()
            # Only what has something to do: a look at nothing costs steps, too.
            busy = await worker.use_cases.recover_payments.run_once()
            busy += await worker.use_cases.apply_deferred_notifications.run_once()
            if self.runtime.events_wait:
                busy += await worker.use_cases.relay_outbox.run_once()
            if (
                delivery := self.runtime.next_delivery
            ) is not None and delivery <= self.runtime.now():
                busy += await worker.intake.run_once() + await worker.completion.run_once()
            if busy:
                continue
            following = self.runtime.next_event()
            if following is None:
                return
            if following - began > _MAX_REST:
                raise TooLong(f"{_MAX_REST} virtual seconds after everything was healed")
            await asyncio.sleep(max(0.0, following - self.loop.time()) + 0.001)

    def _check(self) -> list[str]:
        there = self.runtime.what_is_there()
        return broken_promises(
            Observations(
                charges=there.charges,
                refunds=there.refunds,
                orders=there.orders,
                seen=there.seen,
                answers=self.given,
                acknowledged=self._heard,
                unreadable=self._unreadable,
                dead_letters=there.dead_letters,
                unsent=there.unsent,
                hears_of_other_hands=self.scenario.webhooks,
                secrets=SECRETS,
                texts=there.texts,
            )
        )
