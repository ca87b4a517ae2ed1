"""Several gateways: each payment stays with the one that has it, whatever the settings say."""

from collections.abc import Awaitable, Callable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateways.in_memory import Faults, GatewayFaultKind, GatewayLedger, InMemoryGateway
from application.application import UseCases
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import (
    ExternalRefundNotification,
    PaymentNotification,
    UnrelatedNotification,
)
from application.ports.gateways import ConfiguredGateway, GatewayNotConfigured, Gateways
from application.ports.payment_gateway import GatewayUnavailable
from application.use_cases.claim_order import GatewayNotOffered
from application.use_cases.pay_order import PayOrder
from domain.capture import CaptureMode
from domain.claim import AlreadyPaid, PaymentInProgress
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.money import Currency
from domain.outcome import Charged
from domain.payment_status import PaymentStatus
from domain.refund import Refunded, ReportedRefund
from tests.builders import ORDER, PAYER, PRICE, a_payment
from tests.world import VISA, AtOnceGateway, World

CODES = ["usd", "eur", "jpy"]
NAMES = ["one", "two", "three"]


@pytest.fixture
def world() -> World:
    """Processes with the gateways `in_memory` and `till`."""
    world = World()
    world.add_gateway("till")
    return world


def till(world: World) -> InMemoryGateway:
    return world.others[0]


async def lose_reply(world: World) -> PaymentId:
    """Pay at the till; its reply is lost."""
    await world.create_order()
    faults = till(world).faults
    assert isinstance(faults, Faults)
    faults.add("charge", GatewayFaultKind.REPLY_LOST)
    return (await world.pay(gateway="till")).payment.id


# --- which gateway ------------------------------------------------------------------------------


@given(
    st.dictionaries(
        st.sampled_from([*CODES, "*"]),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
    ),
    st.sampled_from(CODES),
    st.sets(st.sampled_from(NAMES)),
    st.sampled_from(CaptureMode),
)
def test_a_currency_is_offered_exactly_what_its_route_names_and_can_take_it(
    routes: dict[str, list[str]], code: str, at_once: set[str], mode: CaptureMode
) -> None:
    ledger = GatewayLedger(lambda: None)  # type: ignore[arg-type,return-value]
    found = {
        name: ConfiguredGateway(
            (AtOnceGateway if name in at_once else InMemoryGateway)(ledger, name=name), name
        )
        for name in NAMES
    }
    gateways = Gateways(
        tuple(found.values()),
        {each: tuple(found[name] for name in names) for each, names in routes.items()},
    )
    expected = routes.get(code) or routes.get("*") or NAMES
    if mode is CaptureMode.MANUAL:
        expected = [name for name in expected if name not in at_once]
    assert [each.name for each in gateways.offered(Currency(code), mode)] == expected


@given(st.sampled_from(NAMES), st.booleans(), st.sets(st.sampled_from(NAMES), min_size=1))
def test_a_payment_is_at_the_gateway_of_its_name_and_mode_or_at_none(
    name: str, livemode: bool, configured: set[str]
) -> None:
    ledger = GatewayLedger(lambda: None)  # type: ignore[arg-type,return-value]
    gateways = Gateways(
        tuple(
            ConfiguredGateway(InMemoryGateway(ledger, name=each), each)
            for each in sorted(configured)
        )
    )
    payment = evolve(a_payment(), gateway=name, livemode=livemode)
    at = gateways.at(payment)
    assert (at is not None) == (name in configured and not livemode)
    if at is None:
        with pytest.raises(GatewayNotConfigured, match=name):
            gateways.having(payment)
    else:
        assert (at.name, gateways.having(payment), gateways.named(name)) == (name, at, at)


async def test_a_gateway_that_is_not_offered_is_refused_after_what_is_wrong_with_the_order(
    world: World,
) -> None:
    await world.create_order()
    world.routes = {"usd": ("till",)}
    with pytest.raises(GatewayNotOffered) as refused:
        await world.pay(gateway="in_memory")
    assert refused.value.offered == ("till",)
    await world.pay()
    assert world.payment().gateway == "till"
    with pytest.raises(AlreadyPaid):
        await world.pay(gateway="in_memory")
    await world.come_to_rest()


async def test_a_live_payment_at_one_gateway_blocks_a_claim_at_another(world: World) -> None:
    payment_id = await lose_reply(world)
    with pytest.raises(PaymentInProgress) as blocked:
        await world.pay(gateway="in_memory")
    assert blocked.value.payment is not None
    assert blocked.value.payment.id == payment_id
    await world.come_to_rest()
    assert [charge.payment_id for charge in world.charges] == [payment_id]


# --- every later step ---------------------------------------------------------------------------


async def test_every_step_goes_to_the_gateway_that_has_the_payment(world: World) -> None:
    payment_id = await lose_reply(world)
    world.routes = {"usd": ("in_memory",)}
    world.advance(hours=1)
    await world.recover()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    await world.use_cases().refund_payment(payment_id, 100)
    await world.come_to_rest()
    assert not world.ledger.records
    assert [refund.amount.minor_units for refund in world.refunds] == [100]


async def test_a_second_process_without_the_default_gateway_refunds_as_well(world: World) -> None:
    await world.create_order()
    await world.pay(gateway="till")
    world.removed.add("in_memory")
    await world.use_cases().refund_payment(world.payment().id)
    await world.come_to_rest()
    assert world.balance == 0


# --- a gateway that was removed -----------------------------------------------------------------


async def test_payments_at_a_removed_gateway_wait_and_nobody_else_is_asked(world: World) -> None:
    payment_id = await lose_reply(world)
    world.removed.add("till")
    for _ in range(3):
        world.advance(hours=1)
        await world.recover()
    assert world.payment().status is PaymentStatus.PROCESSING
    assert not world.ledger.records
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.GATEWAY_MISSING, "till")
    found = await world.use_cases().find_order(payment_id)
    assert found.explanation.wait is not None
    assert found.explanation.wait.what == "till, which is not configured"

    world.removed.clear()
    assert (await world.use_cases().find_order(payment_id)).missing_gateway is None
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.SUCCEEDED


Act = Callable[[UseCases, PaymentId], Awaitable[object]]


@pytest.mark.parametrize(
    ("mode", "act"),
    [
        (CaptureMode.AUTOMATIC, lambda use_cases, it: use_cases.refund_payment(it, 100)),
        (CaptureMode.MANUAL, lambda use_cases, it: use_cases.capture_payment(it)),
        (CaptureMode.MANUAL, lambda use_cases, it: use_cases.void_payment(it)),
    ],
    ids=["refund", "capture", "void"],
)
async def test_an_operator_is_told_that_the_gateway_of_a_payment_is_not_configured(
    world: World, mode: CaptureMode, act: Act
) -> None:
    world.capture_mode = mode
    await world.create_order()
    await world.pay(gateway="till")
    before = world.order()
    world.removed.add("till")
    with pytest.raises(GatewayNotConfigured, match=r"its gateway till .* is not configured"):
        await act(world.use_cases(), world.payment().id)
    assert world.order() == before
    world.removed.clear()
    await act(world.use_cases(), world.payment().id)
    await world.come_to_rest()


# --- one gateway away ---------------------------------------------------------------------------


async def test_a_gateway_whose_books_cannot_be_compared_stops_no_charge_at_another() -> None:
    world = World(gateway_type=InMemoryGateway)
    world.add_gateway("till")
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    process = world.use_cases()
    for number, name in enumerate(["in_memory", "till"]):
        order_id = await world.create_order(f"order-{number}")
        command = PayOrder(OrderId(order_id), PAYER, VISA, gateway=name)
        if name == "in_memory":
            with pytest.raises(GatewayUnavailable):
                await process.create_charge(command)
        else:
            result = await process.create_charge(command)
            assert result.payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


async def test_an_order_whose_payment_at_one_gateway_was_lost_is_not_charged_at_another() -> None:
    world = World(gateway_type=InMemoryGateway)
    world.add_gateway("till")
    await world.create_order()
    backup = world.database.back_up()
    await world.pay(gateway="till")
    world.database.restore(backup)
    with pytest.raises(AlreadyPaid):
        await world.pay(gateway="in_memory")
    assert [payment.gateway for payment in world.order().payments] == ["till"]
    await world.come_to_rest()


async def test_a_backup_heals_at_each_gateway() -> None:
    world = World(gateway_type=InMemoryGateway)
    world.add_gateway("till")
    process, backup = world.use_cases(), world.database.back_up()
    for number, name in enumerate(["in_memory", "till"]):
        await world.create_order(f"order-{number}")
        await world.pay(order_id=OrderId(f"order-{number}"), gateway=name)
    world.database.restore(backup)
    for guard in process.books_guards:
        await guard.run_once()
    assert [order.payments[0].gateway for order in world.orders] == ["in_memory", "till"]


# --- what gateways report -----------------------------------------------------------------------


async def test_what_one_gateway_reports_about_a_payment_of_another_changes_nothing(
    world: World,
) -> None:
    payment_id = await lose_reply(world)
    charge = world.charges[0]
    outcome = Charged(ChargeId(charge.id), PRICE, livemode=False)
    for claimed in (None, world.payment()):
        notification = PaymentNotification(f"evt_{claimed is None}", payment_id, outcome, claimed)
        assert not await world.receive(notification)
    assert world.payment().status is PaymentStatus.PROCESSING
    kept = await world.unusable.list(10)
    assert {each.reason for each in kept} == {f"payment {payment_id} is at till"}
    await world.come_to_rest()


async def test_a_refund_of_an_equal_charge_at_another_gateway_is_not_recorded(world: World) -> None:
    await world.create_order()
    await world.pay(gateway="till")
    charge_id = ChargeId(world.charges[0].id)
    reported = ReportedRefund("re_1", PRICE, Refunded("re_1", PRICE))
    await world.receive(ExternalRefundNotification("evt_1", charge_id, reported))
    world.advance(hours=1)
    await world.use_cases().apply_deferred_notifications.run_once()
    assert not world.order(ORDER).refunds


async def test_equal_ids_of_two_gateways_do_not_meet(world: World) -> None:
    receive = world.use_cases().receive_notification
    assert await receive("in_memory", UnrelatedNotification("1"))
    assert await receive("till", UnrelatedNotification("1"))
    assert not await receive("till", UnrelatedNotification("1"))
