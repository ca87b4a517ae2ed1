"""Many orders are paid while every part is killed, frozen and cut off at random; then promises 1-9.

`make chaos` runs it for a minute with a new seed. The seed decides what happens to whom and when;
what comes of it is up to real processes, so a failure need not come again with the same seed.
"""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, get_args

from attrs import define, field, frozen

from payments_kit.doubles.stripe.faults import Kind
from payments_kit.servers.server import LocalServer
from tests.system.comparison import holds
from tests.system.customers import Answer, NoAnswer
from tests.system.gateway import CHARGES, REFUNDS
from tests.system.lines import Line
from tests.system.replica import Replica
from tests.system.shop import new_name
from tests.system.site import Runtime
from tests.system.waiting import until

FaultKind = Callable[[], Awaitable[bool]]
"""Brings something about; whether it really happened."""

# What a card does, and how often somebody has such a one.
CARDS: Final = (
    *["tok_visa"] * 5,
    *["pm_card_mastercard"] * 2,
    *("tok_chargeDeclined", "tok_chargeDeclinedInsufficientFunds"),
    *("tok_threeDSecureRequired", "tok_threeDSecureRequiredChargeDeclined"),
)

PRICES: Final = ((10, "usd"), (19.99, "usd"), (8.2, "eur"), (500, "jpy"), (1.23, "kwd"))

# Customers beyond these wait for their turn, as two cores serve no more.
AT_ONCE: Final = 40

# What customers put up with, and how long after the last mishap all have their answer: longer than
# a lost payment blocks its order (25 s, and a look every 10).
PATIENCE_SECONDS: Final = 20.0
LAST_ANSWER_SECONDS: Final = 90.0

# A refund that Stripe answered with a 500 for good is sent anew a minute later.
REST_SECONDS: Final = 180.0

# Answers that a customer may get whatever happens; a 500 is not among them.
POSSIBLE: Final = {201, 202, 400, 402, 404, 409, 429, 503}


@frozen
class Report:
    """What happened."""

    seed: int
    mishaps: Counter[str]
    answers: Counter[str]
    seconds: float

    def __str__(self) -> str:
        """A table for people."""
        lines = [f"chaos, seed {self.seed}, {self.seconds:.0f} s until everything was at rest"]
        for title, counted in (("mishaps", self.mishaps), ("answers", self.answers)):
            lines.append(f"  {title}")
            lines += [f"    {count:>6}  {name}" for name, count in sorted(counted.items())]
        return "\n".join(lines)


@define
class Chaos:
    """One run: `orders` are paid within `seconds`, while each kind of mishap happens at least once."""

    runtime: Runtime
    orders: int
    seconds: float
    seed: int
    injector: random.Random = field(init=False)
    happened: Counter[str] = field(factory=Counter)
    heard: list[Answer] = field(factory=list)
    unanswered: int = 0
    order_ids: list[str] = field(factory=list)
    _busy: dict[str, asyncio.Lock] = field(factory=dict)
    _places: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(AT_ONCE))
    _begun: float = field(factory=time.monotonic)

    def __attrs_post_init__(self) -> None:
        self.injector = random.Random(self.seed)

    async def run(self) -> Report:
        """Let it all happen, then hold the service to its promises.

        Raises:
            AssertionError: one is broken, an answer was none of the contract's, or a kind of mishap
                never happened.
        """
        gateway, site = self.runtime.gateway, self.runtime.site
        faults_before = await gateway.happened()
        async with gateway.notifying(site.addresses[0], duplicate=2, reorder=True):
            customers = [asyncio.create_task(self._customer(n)) for n in range(self.orders)]
            try:
                await asyncio.gather(*self._mishaps())
                await asyncio.to_thread(site.restore)
                await gateway.heal()
                await asyncio.wait_for(asyncio.gather(*customers), LAST_ANSWER_SECONDS)
            finally:
                for customer in customers:
                    customer.cancel()
                await asyncio.gather(*customers, return_exceptions=True)
        found = await gateway.happened()
        for kind in get_args(Kind):
            self.happened[f"gateway {kind}"] = found.get(kind, 0) - faults_before.get(kind, 0)
        wrong = {answer.status for answer in self.heard} - POSSIBLE
        assert not wrong, [answer for answer in self.heard if answer.status in wrong][:3]
        await holds(self.runtime, self.order_ids, self.heard, REST_SECONDS)
        never = [name for name, count in self.happened.items() if not count]
        report = self._report()
        assert not never, f"{report}\nnever happened: {never}"
        return report

    def _report(self) -> Report:
        answers = Counter(str(answer.status) for answer in self.heard)
        answers["none"] = self.unanswered
        return Report(self.seed, self.happened, answers, time.monotonic() - self._begun)

    # --- mishaps -------------------------------------------------------------------------------

    def _mishaps(self) -> list[Awaitable[None]]:
        """Each kind once, and as many again of any, at random moments."""
        kinds = self._kinds()
        self.happened.update(dict.fromkeys(kinds, 0))
        again = [*kinds, *get_args(Kind)]
        return [
            # The gateway's first, while there is still somebody whom it can meet.
            *(self._meet(self._moment(0.4), kind) for kind in get_args(Kind)),
            *(self._at(self._moment(0.9), name, kinds[name]) for name in kinds),
            *(
                self._at(self._moment(0.9), name, kinds[name])
                if name in kinds
                else self._fault(self._moment(0.9), name, self.injector.choice([REFUNDS, ""]))
                for name in self.injector.choices(again, k=int(self.seconds))
            ),
        ]

    def _moment(self, latest: float) -> float:
        return self.injector.uniform(0.05, latest) * self.seconds

    async def _meet(self, moment: float, kind: str) -> None:
        """Let a charge go wrong, and see that one did."""
        await asyncio.sleep(moment)
        happened = self.runtime.gateway.happened
        before = (await happened()).get(kind, 0)
        await self._fault(0, kind, CHARGES)

        async def look() -> None:
            assert (await happened()).get(kind, 0) > before, f"no charge met {kind}"

        await until(look, every=0.2)

    async def _fault(self, moment: float, kind: str, path: str) -> None:
        """Let a request of one sort go wrong, if one comes; the double counts it then."""
        await asyncio.sleep(moment)
        method = "POST" if path else "GET"
        more = {"seconds": self.injector.uniform(0.5, 3.0)} if kind in ("slow", "late") else {}
        await self.runtime.gateway.fail(kind, path, method=method, **more)

    async def _at(self, moment: float, name: str, to_any: list[tuple[str, FaultKind]]) -> None:
        await asyncio.sleep(moment)
        give_up = time.monotonic() + self.seconds
        # It takes somebody to whom it can happen; there is always one soon.
        while time.monotonic() < give_up:
            target, kind = self.injector.choice(to_any)
            async with self._busy.setdefault(target, asyncio.Lock()):
                happened = await kind()
            if happened:
                self.happened[name] += 1
                return
            await asyncio.sleep(0.2)

    def _kinds(self) -> dict[str, list[tuple[str, FaultKind]]]:
        """Every mishap by its name, and whom it may hit: nothing else happens to them meanwhile."""
        site = self.runtime.site
        kinds: dict[str, list[tuple[str, FaultKind]]] = {
            "postgres killed": [("postgres", partial(self._crash, site.postgres))],
            "postgres restarted": [("postgres", partial(self._restart, site.postgres))],
            "nats killed": [("nats", partial(self._crash, site.nats))],
            "nats restarted": [("nats", partial(self._restart, site.nats))],
            "nats frozen": [("nats", self._freeze_nats)],
            "gateway frozen": [("stripe", partial(self._freeze, site.stripe, 3))],
        }
        for kind, replicas in (("serve", site.serve), ("worker", site.worker)):
            kinds |= {
                f"{kind} killed": [(each.name, partial(self._kill, each)) for each in replicas],
                f"{kind} deployed": [(each.name, partial(self._deploy, each)) for each in replicas],
                f"{kind} frozen": [
                    (each.name, partial(self._freeze, each, 8)) for each in replicas
                ],
            }
        for name, line in site.all_lines.items():
            kinds |= {
                f"{name} cut": [(name, partial(self._cut, line))],
                f"{name} silent": [(name, partial(self._silence, line))],
                f"{name} reply lost": [(name, partial(self._lose, line))],
            }
        return kinds

    async def _pause(self, longest: float) -> None:
        await asyncio.sleep(self.injector.uniform(0.1, min(longest, self.seconds / 5)))

    async def _kill(self, replica: Replica) -> bool:
        killed = replica.runs
        await asyncio.to_thread(replica.kill)
        await self._pause(3)
        await asyncio.to_thread(replica.start)
        return killed

    async def _deploy(self, replica: Replica) -> bool:
        code = await asyncio.to_thread(replica.stop)
        await asyncio.to_thread(replica.start)
        assert code == 0, f"{replica.name} did not stop in good order: {replica.tail}"
        return True

    async def _freeze(self, replica: Replica, longest: float) -> bool:
        replica.pause()
        await self._pause(longest)
        replica.resume()
        return True

    async def _freeze_nats(self) -> bool:
        process = self.runtime.site.nats.process
        process.signal(signal.SIGSTOP)
        await self._pause(5)
        process.signal(signal.SIGCONT)
        return True

    async def _crash(self, server: LocalServer) -> bool:
        await asyncio.to_thread(server.kill)
        await self._pause(3)
        await asyncio.to_thread(server.start)
        return True

    async def _restart(self, server: LocalServer) -> bool:
        await asyncio.to_thread(server.restart)
        return True

    async def _cut(self, line: Line) -> bool:
        return line.cut() > 0

    async def _silence(self, line: Line) -> bool:
        held = line.hold()
        if held:
            await self._pause(6)
        line.heal()
        return held > 0

    async def _lose(self, line: Line) -> bool:
        before = line.lost
        line.lose_replies(self.injector.randint(1, 3))
        await self._pause(2)
        line.heal()
        return line.lost > before

    # --- customers -----------------------------------------------------------------------------

    async def _customer(self, number: int) -> None:
        """Order something, and try to pay for it until that has come to an end."""
        injector = random.Random(f"{self.seed} {number}")
        order_id, user = new_name("order"), f"user-{number % 50}-{self.seed}"
        self.order_ids.append(order_id)
        await asyncio.sleep(injector.uniform(0.0, 0.9) * self.seconds)
        async with self._places:
            price, currency = injector.choice(PRICES)
            await self.runtime.shop.order(user, order_id=order_id, price=price, currency=currency)
            cancelling = None
            if injector.random() < 0.15:
                cancelling = asyncio.create_task(self._cancel(order_id, injector.uniform(0.0, 5.0)))
            await self._pay(order_id, user, injector)
            if cancelling is not None:
                await cancelling

    async def _cancel(self, order_id: str, after: float) -> None:
        await asyncio.sleep(after)
        await self.runtime.shop.cancel(order_id)

    async def _pay(self, order_id: str, user: str, injector: random.Random) -> None:
        card, key = injector.choice(CARDS), new_name("key")
        while True:
            try:
                answer = await self.runtime.customers.pay(
                    order_id,
                    user,
                    card,
                    replica=injector.randrange(len(self.runtime.site.serve)),
                    key=key if injector.random() < 0.5 else None,
                    patience=PATIENCE_SECONDS,
                )
            except NoAnswer:
                self.unanswered += 1
                continue
            finally:
                await asyncio.sleep(injector.uniform(0.05, 0.5))
            self.heard.append(answer)
            if answer.status == 402:
                card, key = injector.choice(CARDS), new_name("key")
            elif secret := _client_secret(answer):
                await self._visit_bank(secret, injector)
            elif answer.status == 201 and injector.random() < 0.15:
                await self._refund(answer)
            if answer.status in (201, 400) or _is_over(answer):
                return

    async def _visit_bank(self, secret: str, injector: random.Random) -> None:
        reference = secret.partition("_secret_")[0]
        result = "succeeded" if injector.random() < 0.8 else "failed"
        # Canceled meanwhile, with the order or by a replay of the same answer: nothing to do there.
        with suppress(AssertionError):
            await self.runtime.gateway.authenticate(reference, result)

    async def _refund(self, paid: Answer) -> None:
        """An operator gives a part back; where no answer comes they look at the books, not again."""
        with suppress(NoAnswer):
            await self.runtime.customers.refund(paid.payment_id, max(1, paid.body["amount"] // 3))


def _client_secret(answer: Answer) -> str | None:
    """What the bank wants to see, told of a new payment or of the one that is under way."""
    if answer.status not in (202, 409):
        return None
    payment = answer.body.get("payment", answer.body)
    secret: str | None = payment.get("clientSecret")
    return secret


def _is_over(answer: Answer) -> bool:
    """Whether the order has been paid already, as somebody else than this request was told."""
    if answer.status not in POSSIBLE:
        return True
    return answer.status == 409 and answer.error["code"] == "already_paid"
