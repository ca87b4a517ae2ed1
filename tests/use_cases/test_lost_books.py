"""Whatever the database loses, however often, the books are the gateway's again in the end."""

from typing import Any

from attrs import define, evolve, field
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from adapters.persistence.in_memory.tables import Backup
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.refund_payment import LostRefundsFound
from domain.errors import DomainError
from domain.identifiers import RefundId
from tests.builders import ORDER, PAYER, PRICE, cancelled_event, created_event, dollars
from tests.depth import times
from tests.promises import broken_promises
from tests.world import AUTHENTICATING, DECLINED, VISA, World

PAID = "paid"
EXPECTED = (DomainError, GatewayUnavailable, StorageUnavailable, LostRefundsFound)


class NewestFirst(InMemoryGateway):
    """Lists its newest refunds first, as Stripe does."""

    async def list_refunds(self, payment: Any) -> Any:
        return list(reversed(await super().list_refunds(payment)))


@define
class Shop:
    """One order, whose database may be an older one at any time."""

    world: World = field(factory=lambda: World(gateway_type=NewestFirst))
    backups: list[Backup] = field(factory=list)
    is_cancelled: bool = False
    refunds: int = 0

    async def create(self) -> None:
        await self.world.replicate(created_event(ORDER))

    async def cancel(self) -> None:
        self.is_cancelled = True
        await self.world.replicate(cancelled_event(ORDER))

    async def pay(self) -> None:
        await self.world.pay(VISA)

    async def pay_twice(self) -> None:
        self.world.faults.add("charge", GatewayFaultKind.CHARGED_TWICE)
        await self.world.pay(VISA)

    async def pay_without_reply(self) -> None:
        self.world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
        await self.world.pay(VISA)

    async def pay_late(self) -> None:
        self.world.faults.add("charge", GatewayFaultKind.LATE, 60)
        await self.world.pay(VISA)

    async def pay_in_vain(self) -> None:
        await self.world.pay(DECLINED)

    async def begin(self) -> None:
        """Begin a payment that waits for its customer."""
        await self.world.pay(AUTHENTICATING)

    async def give_up(self) -> None:
        payment = self.world.order().payments[-1]
        await self.world.use_cases().cancel_payment(payment.id, PAYER)

    async def authenticate(self) -> None:
        result = await self.world.pay(AUTHENTICATING)
        await self.world.gateway.complete_authentication(result.payment.id, succeeded=True)

    async def refund(self) -> None:
        """Refund a part, under a key of its own; the same key is used again now and then."""
        self.refunds += 1
        key = RefundId(f"refund-{self.refunds // 2}")
        payment = self.world.payment()
        await self.world.use_cases().refund_payment(payment.id, 1_000, "damaged", key)

    async def refund_all(self) -> None:
        await self.world.use_cases().refund_payment(self.world.payment().id)

    async def refund_without_reply(self) -> None:
        self.world.faults.add("refund", GatewayFaultKind.REPLY_LOST)
        await self.refund()

    async def refund_externally(self) -> None:
        for payment_id, record in list(self.world.ledger.all()):
            if record.charged is not None and record.refundable(record.charged).exceeds(
                dollars("7")
            ):
                await self.world.gateway.refund_externally(payment_id, dollars("7"))

    async def compare(self) -> None:
        self.world.advance(minutes=1)
        await self.world.use_cases().books_guards.default.run_once()

    async def recover(self) -> None:
        self.world.advance(minutes=1)
        await self.world.recover()

    async def publish(self) -> None:
        await self.world.use_cases().relay_outbox.run_once()

    async def back_up(self) -> None:
        self.backups.append(self.world.database.back_up())

    async def restore(self, index: int) -> None:
        if self.backups:
            self.world.database.restore(self.backups[index % len(self.backups)])

    async def deliver(self, order: list[int]) -> None:
        """Deliver some notifications, in any order, some of them repeatedly."""
        sent = list(self.world.ledger.notifications)
        for index in order:
            if sent:
                await self.world.receive(sent[index % len(sent)])

    async def settle_down(self) -> None:
        """Read the order's events again, as after a failover, and finish everything."""
        await self.create()
        if self.is_cancelled:
            await self.cancel()
        self.world.faults.waiting.clear()
        for _ in range(3):
            self.world.advance(minutes=2)
            self.world.ledger.apply_delayed()
            await self.world.use_cases().books_guards.default.compare()
            await self.world._finish_everything()


STEPS = [
    *("create", "cancel", "pay", "pay", "pay_twice", "pay_without_reply", "pay_late"),
    *("begin", "give_up", "pay_in_vain", "authenticate", "refund", "refund", "refund_all"),
    *("refund_without_reply", "refund_externally", "compare", "recover", "publish"),
    *("back_up", "back_up"),
]
ACTIONS = st.one_of(
    st.sampled_from(STEPS),
    st.tuples(st.just("restore"), st.integers(0, 3)),
    st.tuples(st.just("deliver"), st.lists(st.integers(0, 9), max_size=6)),
)


@settings(max_examples=times(100))
@example(actions=["back_up", "pay_twice", "compare", "recover", "publish", ("restore", 0)])
@example(actions=["begin", "back_up", "give_up", "compare", "pay", ("restore", 0)])
@example(actions=["pay_without_reply", "back_up", ("deliver", [0]), "refund", ("restore", 0)])
@given(actions=st.lists(ACTIONS, max_size=25))
async def test_the_books_are_the_gateways_in_the_end(actions: list[Any]) -> None:
    shop = Shop()
    await shop.create()
    for action in actions:
        name, arguments = (action, ()) if isinstance(action, str) else (action[0], action[1:])
        try:
            await getattr(shop, name)(*arguments)
        except EXPECTED:
            continue
        except (KeyError, IndexError):  # there is no order, or no payment
            continue
    await shop.settle_down()
    lost = evolve(shop.world.observations, has_lost_transactions=True, hides_external_refunds=True)
    assert broken_promises(lost) == []
    gives_back = shop.is_cancelled or any("refund" in str(action) for action in actions)
    if not gives_back and PAID in {each.kind for each in shop.world.replies}:
        assert shop.world.balance == PRICE.minor_units
