"""ListOptions, FindAction and CreateSession: what a payer is offered, and has to do."""

import asyncio
from typing import Any

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.alerts import AlertKind
from application.ports.gateway_sessions import Session, SessionRequest
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    OutcomeUnknown,
)
from application.use_cases import create_session as module
from application.use_cases.claim_order import GatewayNotOffered
from application.use_cases.create_session import OpenSession, SessionRefused
from application.use_cases.list_options import OfferedGateway
from domain.capture import CaptureMode
from domain.claim import AlreadyPaid, NotYourOrder, OrderCancelled, OrderNotFound, PaymentInProgress
from domain.identifiers import OrderId, PaymentId, UserId
from domain.outcome import Outcome, Pending, Refused, RequiresAction
from domain.payment import Payment
from tests.builders import (
    ORDER,
    OTHER_USER,
    PAYER,
    PRICE,
    after,
    cancelled_event,
    created_event,
    dollars,
    requires_action,
)
from tests.world import AUTHENTICATING, GatewayWithoutChargeList, World

UNTIL = after(hours=1)


async def a_world() -> World:
    world = World()
    world.add_gateway("other")
    await world.replicate(created_event(expires_at=UNTIL))
    return world


# --- options -------------------------------------------------------------------------------------


async def test_an_order_that_is_due_has_all_gateways_and_those_that_are_away_last() -> None:
    world = await a_world()
    use_cases = world.use_cases()
    options = await use_cases.list_options(ORDER, PAYER)
    one, other = OfferedGateway("in_memory", False), OfferedGateway("other", False)
    assert options.gateways == (one, other)
    assert (options.due, options.expires_at, options.payment) == (PRICE, UNTIL, None)
    use_cases.list_options.health.failed("in_memory")
    options = await use_cases.list_options(ORDER, PAYER)
    assert options.gateways == (other, OfferedGateway("in_memory", True))


async def test_a_payment_in_progress_has_its_own_gateway_and_amount() -> None:
    world = await a_world()
    payment = (await world.pay(AUTHENTICATING, gateway="other")).payment
    await world.replicate(created_event(version=2, price=dollars("7")))
    options = await world.use_cases().list_options(ORDER, PAYER)
    assert options.gateways == (OfferedGateway("other", False),)
    assert (options.due, options.payment) == (PRICE, payment)
    world.removed.add("other")
    assert (await world.use_cases().list_options(ORDER, PAYER)).gateways == ()


async def test_a_paid_order_has_no_gateway() -> None:
    world = await a_world()
    payment = (await world.pay()).payment
    options = await world.use_cases().list_options(ORDER, PAYER)
    assert (options.gateways, options.payment) == ((), payment)


@pytest.mark.parametrize("is_paid", [True, False])
async def test_another_user_s_payment_is_not_shown(is_paid: bool) -> None:
    world = await a_world()
    if not is_paid:
        world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    await world.replicate(created_event(version=2, user_id=OTHER_USER))
    with pytest.raises(AlreadyPaid if is_paid else PaymentInProgress):
        await world.use_cases().list_options(ORDER, OTHER_USER)


async def test_what_may_not_be_paid_has_no_options() -> None:
    world = await a_world()
    list_options = world.use_cases().list_options
    with pytest.raises(NotYourOrder):
        await list_options(ORDER, OTHER_USER)
    with pytest.raises(OrderNotFound):
        await list_options(OrderId("unknown"), PAYER)
    await world.replicate(cancelled_event("order-2"))  # its terms are not known
    with pytest.raises(OrderNotFound):
        await list_options(OrderId("order-2"), PAYER)
    await world.cancel_order()
    with pytest.raises(OrderCancelled):
        await list_options(ORDER, PAYER)


# --- what a customer must do ---------------------------------------------------------------------

ACTION = requires_action()


def finding(found: Any) -> World:
    async def find(_gateway: object, _payment: Payment) -> Outcome | None:
        if isinstance(found, Exception):
            raise found
        outcome: Outcome | None = found
        return outcome

    kind = type("AFinder", (GatewayWithoutChargeList,), {"find": find})
    return World(gateway_type=kind)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(ACTION, ACTION), (Pending("pi", action=ACTION), ACTION), (Pending("pi"), None)],
)
async def test_the_action_is_what_the_gateway_says_now(
    found: Outcome, expected: RequiresAction | None
) -> None:
    world = finding(found)
    await world.create_order()
    await world.pay(AUTHENTICATING)
    assert await world.use_cases().find_action(world.payment().id, PAYER) == expected


async def test_what_has_ended_needs_no_action() -> None:
    world = World()
    await world.create_order()
    await world.pay(AUTHENTICATING)
    payment_id = world.payment().id
    await world.gateway.complete_authentication(payment_id, succeeded=True)
    find_action = world.use_cases().find_action
    assert await find_action(payment_id, PAYER) is None
    assert world.payment().is_captured
    world.steps.clear()
    assert await find_action(payment_id, PAYER) is None
    assert "find" not in world.steps


async def test_the_action_of_another_user_or_an_unknown_payment_is_none() -> None:
    world = World()
    await world.create_order()
    await world.pay(AUTHENTICATING)
    world.steps.clear()
    find_action = world.use_cases().find_action
    assert await find_action(world.payment().id, UserId("another")) is None
    assert await find_action(PaymentId("none"), PAYER) is None
    assert "find" not in world.steps


async def test_a_gateway_that_does_not_say_is_unavailable() -> None:
    world = finding(OutcomeUnknown("lost"))
    await world.create_order()
    await world.pay(AUTHENTICATING)
    with pytest.raises(GatewayUnavailable):
        await world.use_cases().find_action(world.payment().id, PAYER)


# --- sessions ------------------------------------------------------------------------------------

COMMAND = OpenSession(ORDER, PAYER, "in_memory", "https://shop/paid", "https://shop/cart")


def creating(result: Any) -> tuple[World, list[SessionRequest]]:
    asked: list[SessionRequest] = []

    async def create_session(_gateway: object, request: SessionRequest) -> Session | Refused:
        asked.append(request)
        if isinstance(result, Exception):
            raise result
        if result is None:
            await asyncio.sleep(60)
        made: Session | Refused = result
        return made

    kind = type("ACreator", (GatewayWithoutChargeList,), {"create_session": create_session})
    return World(gateway_type=kind), asked


SESSION = Session("token", "https://bank/approve")


@pytest.mark.parametrize("capture", [None, CaptureMode.MANUAL])
async def test_a_session_is_for_the_terms_of_its_order(capture: CaptureMode | None) -> None:
    world, asked = creating(SESSION)
    await world.replicate(created_event(capture=capture))
    use_cases = world.use_cases()
    use_cases.create_session.health.failed("in_memory")
    created = await use_cases.create_session(COMMAND)
    assert (created.session, created.amount, created.gateway) == (SESSION, PRICE, "in_memory")
    mode = capture or CaptureMode.AUTOMATIC
    assert asked == [SessionRequest(ORDER, PRICE, mode, COMMAND.return_url, COMMAND.cancel_url)]
    assert not use_cases.create_session.health.is_away("in_memory")


async def test_an_unknown_order_or_gateway_has_no_session() -> None:
    world, asked = creating(SESSION)
    with pytest.raises(OrderNotFound):
        await world.use_cases().create_session(COMMAND)
    await world.create_order()
    other = OpenSession(ORDER, PAYER, "elsewhere", "https://shop", "https://shop")
    with pytest.raises(GatewayNotOffered):
        await world.use_cases().create_session(other)
    assert not asked


@pytest.mark.parametrize(
    ("result", "raised", "alert", "words", "is_away"),
    [
        (OutcomeUnknown("lost"), GatewayUnavailable, None, "whether there is a session", True),
        (None, GatewayUnavailable, None, "whether there is a session is unknown", True),
        (GatewayUnavailable("busy"), GatewayUnavailable, None, "", True),
        (
            KeyRefused("no key"),
            KeyRefused,
            (AlertKind.GATEWAY_KEY_REFUSED, "in_memory"),
            "",
            True,
        ),
        (
            Refused("closed", "it is closed"),
            SessionRefused,
            (AlertKind.GATEWAY_REFUSAL, "closed"),
            "the gateway refuses a session: closed: it is closed",
            False,
        ),
    ],
)
async def test_a_session_that_cannot_be_created(
    result: Any,
    raised: type[Exception],
    alert: tuple[AlertKind, str] | None,
    words: str,
    is_away: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if result is None:
        monkeypatch.setattr(module, "CALL_SECONDS", 0.01)
    world, _ = creating(result)
    await world.create_order()
    use_cases = world.use_cases()
    with pytest.raises(raised):
        await use_cases.create_session(COMMAND)
    alerts = [(each.kind, each.subject) for each in await world.alerts.list_current()]
    assert alerts == ([] if alert is None else [alert])
    assert words in caplog.text
    assert use_cases.create_session.health.is_away("in_memory") is is_away
