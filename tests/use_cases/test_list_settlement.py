"""Settlement: every row of a payout, and what is not paid out yet."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from attrs import frozen

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.persistence.in_memory import InMemoryChargeOwners
from adapters.seen_ids import SeenIdsOnDisk
from application.ports.gateway_records import Page, Period
from application.ports.gateways import ConfiguredGateway
from application.ports.payment_gateway import LookupRefused, OutcomeUnknown
from application.use_cases.list_settlement import (
    ListSettlement,
    PayoutMismatch,
    PayoutNotItemized,
    SettlementRow,
)
from application.use_cases.read_movements import NoMovements, OwnedMovement, ReadMovements
from domain.identifiers import OrderId
from domain.money import Currency
from domain.movement import MovementKind, Payout
from tests.builders import NOW
from tests.movements import Balance, a_movement
from tests.world import World

DAY = timedelta(days=1)
EVER = Period(NOW - 30 * DAY, NOW + 30 * DAY)


@frozen
class Nothing:
    """A gateway of an adapter that was written before movements existed."""

    name: str = "old"
    livemode: bool = False


def configured(gateway: object) -> ConfiguredGateway:
    return ConfiguredGateway(gateway, "any")  # type: ignore[arg-type]  # it is only listed


def a_payout(amount: int, is_itemized: bool = True) -> Payout:
    movement = a_movement()
    return Payout("po_1", movement.currency, amount, NOW, (NOW + DAY).date(), is_itemized)


async def no_sleep(_seconds: float) -> None:
    """Do not wait."""


def listing(world: World) -> ListSettlement:
    read = ReadMovements(InMemoryChargeOwners(world.database), no_sleep)
    return ListSettlement(read, SeenIdsOnDisk.opened)


async def all_of(rows: AsyncIterator[object]) -> list[object]:
    return [each async for each in rows]


@pytest.fixture
def world() -> World:
    return World()


async def test_what_was_paid_out_comes_first_and_what_was_not_has_no_payout(world: World) -> None:
    await world.create_order()
    await world.pay()
    world.advance(hours=24)
    await world.create_order("order-2")
    await world.pay(order_id=OrderId("order-2"))
    found = await all_of(listing(world).of_period(configured(world.gateway), EVER))
    rows = [each for each in found if isinstance(each, SettlementRow)]
    assert len(rows) == len(found) == 3
    assert [each.owned.movement.type for each in rows] == ["charge", "payout", "charge"]
    assert [each.owned.owner and each.owned.owner.order_id for each in rows] == [
        "order-1",
        None,
        "order-2",
    ]
    paid, own, waiting = rows
    assert paid.payout == own.payout is not None
    assert own.owned.movement.net == -paid.owned.movement.net
    assert waiting.payout is None


async def test_a_payout_has_its_rows_of_before_the_period(world: World) -> None:
    old = a_movement(created_at=NOW - 90 * DAY)
    balance = Balance(payouts=[a_payout(1911)], contained={"po_1": [old]})
    [row] = await all_of(listing(world).of_period(configured(balance), EVER))
    assert isinstance(row, SettlementRow)
    assert (row.owned.movement, row.payout) == (old, a_payout(1911))


async def test_a_payout_s_own_row_has_its_payout_also_if_its_list_leaves_it_out(
    world: World,
) -> None:
    own = a_movement(
        id="txn_2", kind=MovementKind.PAYOUT, amount=-1911, fee=0, source="po_1", payout_id="po_1"
    )
    balance = Balance([own], [a_payout(1911)], contained={"po_1": [a_movement()]})
    found = await all_of(listing(world).of_period(configured(balance), EVER))
    rows = [each for each in found if isinstance(each, SettlementRow)]
    assert [each.payout for each in rows] == [a_payout(1911), a_payout(1911)]
    assert len(found) == 2


@pytest.mark.parametrize("amount", [1910, 1912, -1911])
async def test_rows_that_do_not_add_up_to_their_payout_are_told(world: World, amount: int) -> None:
    own = a_movement(id="txn_2", kind=MovementKind.PAYOUT, amount=-amount, fee=0, source="po_1")
    balance = Balance(payouts=[a_payout(amount)], contained={"po_1": [a_movement(), own]})
    found = await all_of(listing(world).of_period(configured(balance), EVER))
    assert found[-1] == PayoutMismatch("in_memory", a_payout(amount), 1911)


async def test_a_payout_that_is_not_itemized_is_told_and_only_its_own_row_is_known(
    world: World,
) -> None:
    payout = a_payout(1911, is_itemized=False)
    own = a_movement(kind=MovementKind.PAYOUT, amount=-1911, fee=0, payout_id="po_1")
    balance = Balance([own], [payout])
    told, row = await all_of(listing(world).of_period(configured(balance), EVER))
    assert told == PayoutNotItemized("in_memory", payout)
    assert isinstance(row, SettlementRow)
    assert row.payout == payout


async def test_a_gateway_without_movements_is_told(world: World) -> None:
    with pytest.raises(NoMovements, match="the gateway old cannot list what moves"):
        await all_of(listing(world).of_period(configured(Nothing()), EVER))


async def test_a_page_that_is_lost_is_asked_for_again(world: World) -> None:
    for _ in range(2):
        world.faults.add("list_records", GatewayFaultKind.REPLY_LOST)
    await world.create_order()
    await world.pay()
    read = ReadMovements(InMemoryChargeOwners(world.database), no_sleep)
    found = [each async for each in read.of_period(configured(world.gateway), EVER)]
    assert [each.movement.type for each in found] == ["charge"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (GatewayFaultKind.FORBIDDEN, LookupRefused),
        (GatewayFaultKind.UNREACHABLE, OutcomeUnknown),
    ],
)
async def test_a_gateway_that_cannot_be_asked_ends_it(
    world: World, fault: GatewayFaultKind, error: type[Exception]
) -> None:
    for _ in range(3):
        world.faults.add("list_records", fault)
    with pytest.raises(error):
        await all_of(listing(world).of_period(configured(world.gateway), EVER))


async def test_every_page_is_read_with_its_owners(world: World) -> None:
    await world.create_order()
    await world.pay()
    charge_id = world.payment().charge_id
    ours = a_movement(charge_id=charge_id)
    foreign = a_movement(id="txn_2", charge_id="ch_foreign")
    fee = a_movement(id="txn_3", kind=MovementKind.FEE, charge_id=None)
    read = ReadMovements(InMemoryChargeOwners(world.database), no_sleep)
    balance = configured(Balance([ours, foreign, fee]))
    found = [each async for each in read.of_period(balance, EVER)]
    assert [each.owner is not None for each in found] == [True, False, False]


def test_more_ids_than_the_memory_has_are_remembered_once() -> None:
    with SeenIdsOnDisk.opened() as seen:
        for number in (*range(2000), *range(10)):
            seen.add(f"txn_{number}")
        assert all(f"txn_{number}" in seen for number in range(2000))
        assert "txn_2000" not in seen


# --- what a gateway may lack, and what does not belong to anybody --------------------------------


class Teller:
    """A gateway that tells what a test says about its balance."""

    name, livemode = "bank", False

    def __init__(self, **told: object) -> None:
        self.asked: list[str] = []
        for name, answers in told.items():
            setattr(self, name, self._method(name, answers))

    def _method(self, name: str, answers: object) -> Callable[..., Awaitable[object]]:
        said = list(answers) if isinstance(answers, list) else answers

        async def method(*_: object) -> object:
            self.asked.append(name)
            answer = said.pop(0) if isinstance(said, list) else said
            if isinstance(answer, Exception):
                raise answer
            return answer

        return method


@pytest.mark.parametrize("method", ["list_movements", "find_payout", "list_payout_movements"])
async def test_a_gateway_that_cannot_tell_says_so(method: str) -> None:
    lists = listing(World())
    at = configured(Nothing())
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "list_movements": lambda: all_of(lists.of_period(at, EVER)),
        "find_payout": lambda: lists.find(at, "po_1"),
        "list_payout_movements": lambda: all_of(lists.of_payout(at, a_payout(1))),
    }
    with pytest.raises(NoMovements, match="the gateway old cannot list what moves"):
        await asked[method]()
    with pytest.raises(NoMovements):
        await all_of(lists.read.of_period(at, EVER))


async def test_nothing_is_listed_of_a_gateway_that_cannot_list_all_of_it() -> None:
    teller = Teller(list_payouts=Page([a_payout(1)]), find_payout=None, list_payout_movements=None)
    with pytest.raises(NoMovements):
        await all_of(listing(World()).of_period(configured(teller), EVER))
    assert not teller.asked


async def test_a_payout_is_found_by_its_id() -> None:
    payout = a_payout(7)
    assert await listing(World()).find(configured(Teller(find_payout=payout)), "po_1") == payout


async def test_without_all_of_it_payouts_are_not_listed() -> None:
    teller = Teller(list_movements=Page([a_movement()]), list_payouts=Page([]), find_payout=None)
    [row] = await all_of(listing(World()).of_period(configured(teller), EVER))
    assert isinstance(row, SettlementRow)
    assert row.payout is None
    assert teller.asked == ["list_movements"]


@pytest.mark.parametrize(
    ("changes", "amount", "is_wrong"),
    [
        ({}, 1911, False),
        ({}, 1910, True),
        ({"currency": Currency("eur")}, 1911, True),
        ({"kind": MovementKind.PAYOUT, "source": "po_1"}, 0, False),
        ({"kind": MovementKind.PAYOUT, "source": "po_2"}, 1911, False),
        ({"source": "po_1"}, 1911, False),
    ],
)
async def test_a_payout_adds_up_without_its_own_movement(
    changes: dict[str, object], amount: int, is_wrong: bool
) -> None:
    teller = Teller(list_payout_movements=Page([a_movement(**changes)]))
    rows = await all_of(listing(World()).of_payout(configured(teller), a_payout(amount)))
    assert [isinstance(each, PayoutMismatch) for each in rows] == [False, *[True] * is_wrong]


async def test_a_movement_of_the_period_has_its_payout_if_that_is_listed() -> None:
    payout = a_payout(0, is_itemized=False)
    inside, other, none = (
        a_movement(id=f"txn_{number}", payout_id=each)
        for number, each in enumerate(("po_1", "po_2", None))
    )
    teller = Teller(
        list_payouts=Page([payout]),
        find_payout=None,
        list_payout_movements=Page([]),
        list_movements=Page([inside, other, none]),
    )
    _, *rows = await all_of(listing(World()).of_period(configured(teller), EVER))
    assert [each.payout for each in rows if isinstance(each, SettlementRow)] == [payout, None, None]


async def test_a_page_is_asked_for_again_after_a_pause_unless_that_is_useless() -> None:
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    read = ReadMovements(InMemoryChargeOwners(World().database), pause)
    lost = OutcomeUnknown("lost")
    teller = Teller(list_movements=[lost, lost, Page([a_movement()])])
    assert len(await all_of(read.of_period(configured(teller), EVER))) == 1
    assert waited == [1.0, 4.0]
    for errors, pauses in (([lost] * 3, [1.0, 4.0]), ([LookupRefused("forbidden")], [])):
        waited.clear()
        teller = Teller(list_movements=list(errors))
        with pytest.raises(type(errors[0])):
            await all_of(read.of_period(configured(teller), EVER))
        assert waited == pauses
        assert len(teller.asked) == len(errors)


async def test_what_is_about_no_charge_is_of_nobody_and_costs_no_query() -> None:
    world = World()
    read = ReadMovements(InMemoryChargeOwners(world.database), no_sleep)
    teller = Teller(list_movements=Page([a_movement(charge_id=None)]))
    [owned] = await all_of(read.of_period(configured(teller), EVER))
    assert isinstance(owned, OwnedMovement)
    assert owned.owner is None
    assert not world.steps
