"""Sessions: the customer approves first, then the money is taken once, by any process."""

import asyncio
import logging
from datetime import timedelta

import pytest

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import PaymentNotification
from application.ports.gateway_sessions import MAX_REFERENCE_LENGTH, GatewaySessions
from application.ports.payment_gateway import CardToken, GatewayUnavailable
from application.use_cases.claim_order import GatewayNotOffered
from application.use_cases.create_session import CreatedSession, OpenSession, SessionRefused
from application.use_cases.pay_order import ChargeResult
from domain.capture import CaptureMode
from domain.check_times import AUTHENTICATION_WINDOW
from domain.claim import AlreadyPaid, NotYourOrder, OrderCancelled, PaymentInProgress
from domain.identifiers import OrderId, UserId
from domain.outcome import Declined, Outcome, RequiresAction
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import NOW, ORDER, OTHER_USER, PAYER, PRICE, approved, created_event
from tests.checkpoints import proceed
from tests.world import VISA, GatewayWithoutChargeList, World

RETURN, CANCEL = "https://shop.example/paid", "https://shop.example/cart"
SUCCEEDED, FAILED = PaymentStatus.SUCCEEDED, PaymentStatus.FAILED
PROCESSING, REQUIRES_ACTION = PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION


async def create(
    world: World, payer: UserId = PAYER, gateway: str = "in_memory", order_id: str = ORDER
) -> CreatedSession:
    """Create a session for an order."""
    command = OpenSession(OrderId(order_id), payer, gateway, RETURN, CANCEL)
    return await world.use_cases().create_session(command)


async def pay(world: World, token: str, order_id: str = ORDER) -> ChargeResult:
    """Pay with a session."""
    return await world.pay(CardToken(token), OrderId(order_id))


async def waiting(world: World) -> str:
    """Return the token of a session that a payment uses and its customer has not approved."""
    await world.create_order()
    token = (await create(world)).session.token
    result = await pay(world, token)
    assert result.payment.status is REQUIRES_ACTION
    assert result.action is not None
    assert result.action.redirect_url == (await create_url(world, token))
    return token


async def create_url(world: World, token: str) -> str:
    """Return the address where the customer approves a session."""
    session = world.ledger.records[token].session  # type: ignore[index]
    assert session is not None
    return session.approve_url


async def check_now(world: World) -> None:
    """Run recovery when its next check is due."""
    world.advance(seconds=30)
    await world.recover()


# --- creating ------------------------------------------------------------------------------------


async def test_creating_a_session_claims_and_charges_nothing(world: World) -> None:
    await world.create_order()
    first, second = await create(world), await create(world)
    assert first.amount == PRICE
    assert first.session.token != second.session.token
    assert not world.order().payments
    assert not world.charges
    await world.gateway.approve(second.session.token)
    await world.deliver_notifications()
    await world.come_to_rest()
    assert not world.charges


async def test_a_session_is_for_an_order_that_its_user_may_pay_now(world: World) -> None:
    await world.create_order()
    with pytest.raises(NotYourOrder):
        await create(world, OTHER_USER)
    with pytest.raises(GatewayNotOffered) as unknown:
        await create(world, gateway="elsewhere")
    assert unknown.value.offered == ("in_memory",)
    await world.pay(VISA)
    with pytest.raises(AlreadyPaid):
        await create(world)
    await world.create_order("order-2")
    await world.cancel_order(OrderId("order-2"))
    with pytest.raises(OrderCancelled):
        await create(world, order_id="order-2")


class CardsOnly(GatewayWithoutChargeList):
    """A gateway whose customers approve nothing."""

    create_session = None  # type: ignore[assignment]
    reference_of = None  # type: ignore[assignment]
    take = None  # type: ignore[assignment]


async def test_a_gateway_without_sessions_offers_none() -> None:
    world = World(gateway_type=CardsOnly)
    await world.create_order()
    with pytest.raises(GatewayNotOffered) as refused:
        await create(world)
    assert refused.value.offered == ()
    assert (await pay(world, "session_1")).payment.reference is None


@pytest.mark.parametrize("kind", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.REPLY_LOST])
async def test_without_an_answer_there_is_no_session(world: World, kind: GatewayFaultKind) -> None:
    await world.create_order()
    world.faults.add("create_session", kind)
    with pytest.raises(GatewayUnavailable):
        await create(world)
    assert (await create(world)).session.token


async def test_an_operator_is_told_that_the_gateway_refuses_sessions(world: World) -> None:
    await world.create_order()
    world.faults.add("create_session", GatewayFaultKind.REFUSED)
    with pytest.raises(SessionRefused):
        await create(world)
    assert world.database.alerts


# --- the reference -------------------------------------------------------------------------------


async def test_the_reference_is_stored_by_the_claim_and_a_card_token_never(world: World) -> None:
    await world.create_order()
    token = (await create(world)).session.token
    world.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    assert (await pay(world, token)).payment.reference == token
    assert world.payment().reference == token

    await world.create_order("order-2")
    world.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    assert (await world.pay(VISA, OrderId("order-2"))).payment.reference is None


@pytest.mark.parametrize("reference", ["", "a\nb", "é", "x" * (MAX_REFERENCE_LENGTH + 1)])
def test_a_reference_that_cannot_be_stored_is_none(reference: str) -> None:
    assert GatewaySessions(reference_of=lambda _: reference).reference("any") is None
    assert GatewaySessions(reference_of=lambda token: token).reference("any") == "any"


# --- taking --------------------------------------------------------------------------------------


async def test_an_approved_session_is_charged_at_once(world: World) -> None:
    await world.create_order()
    token = (await create(world)).session.token
    await world.gateway.approve(token)
    assert (await pay(world, token)).payment.status is SUCCEEDED
    await world.come_to_rest()
    assert world.balance == PRICE.minor_units


@pytest.mark.parametrize("lost", [None, *GatewayFaultKind])
async def test_the_money_is_taken_after_the_approval_whatever_fails_meanwhile(
    world: World, lost: GatewayFaultKind | None
) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)
    if lost in (GatewayFaultKind.REFUSED, GatewayFaultKind.MISCHARGED):
        return  # these end the payment
    if lost is GatewayFaultKind.CHARGED_TWICE:
        return  # the gateway does not keep its promises
    for step in ("find", "take") if lost is not None else ():
        world.faults.add(step, lost, seconds=1)  # type: ignore[arg-type]
    await check_now(world)
    await check_now(world)
    await check_now(world)
    assert world.payment().status is SUCCEEDED
    await world.come_to_rest()
    assert len(world.charges) == 1
    assert world.count_events("payment:created") == 1


async def test_a_notification_of_the_approval_makes_the_check_due(world: World) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)
    await world.deliver_notifications()
    await world.recover()
    assert world.payment().status is SUCCEEDED


async def test_an_approval_in_a_notification_is_looked_up_before_anything_is_taken(
    world: World,
) -> None:
    await waiting(world)
    await world.receive(PaymentNotification("evt", world.payment().id, approved()))
    assert world.payment().status is REQUIRES_ACTION
    await world.recover()
    assert world.payment().status is REQUIRES_ACTION
    assert not world.charges


async def test_the_same_request_takes_the_money_at_once(world: World) -> None:
    token = await waiting(world)
    again = await pay(world, token)
    assert (again.payment.status, again.is_new) == (REQUIRES_ACTION, False)
    await world.gateway.approve(token)
    assert (await pay(world, token)).payment.status is SUCCEEDED
    await world.come_to_rest()
    assert len(world.charges) == 1


async def test_a_charge_that_never_arrived_is_not_continued(world: World) -> None:
    await world.create_order()
    token = (await create(world)).session.token
    world.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    await pay(world, token)
    await world.gateway.approve(token)
    await check_now(world)
    assert world.payment().status is PaymentStatus.ABANDONED
    assert (await pay(world, token)).payment.status is SUCCEEDED
    await world.come_to_rest()
    assert len(world.charges) == 1


async def test_a_charge_whose_reply_was_lost_is_continued_once_it_is_approved(
    world: World,
) -> None:
    await world.create_order()
    token = (await create(world)).session.token
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await pay(world, token)
    await check_now(world)
    assert world.payment().status is REQUIRES_ACTION
    await world.gateway.approve(token)
    await check_now(world)
    assert world.payment().status is SUCCEEDED
    await world.come_to_rest()


async def test_what_was_surely_not_sent_is_not_taken_later(world: World) -> None:
    await world.create_order()
    token = (await create(world)).session.token
    await world.gateway.approve(token)
    world.faults.add("charge", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(GatewayUnavailable):
        await pay(world, token)
    await world.deliver_notifications()
    await check_now(world)
    assert not world.charges
    assert (await pay(world, token)).payment.status is SUCCEEDED
    await world.come_to_rest()
    assert len(world.charges) == 1


class BindsThenFails(GatewayWithoutChargeList):
    """A gateway that knows of the charge, and surely has not taken anything."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        await super().charge(payment, token)
        await self.approve(token.value)
        raise GatewayUnavailable("after the session was bound to the payment")


async def test_a_payment_that_could_not_be_released_is_in_progress() -> None:
    world = World(gateway_type=BindsThenFails)
    await world.create_order()
    token = (await create(world)).session.token

    async def fail(step: str) -> None:
        if step == "charge":
            world.failing.add("database")

    world.checkpoint = fail
    assert (await pay(world, token)).payment.status is PROCESSING
    world.checkpoint = proceed
    world.failing.clear()
    await check_now(world)
    assert world.payment().status is SUCCEEDED
    await world.come_to_rest()


async def test_two_processes_that_see_the_approval_take_the_money_once(world: World) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)
    payment = world.payment()
    first, second = world.use_cases("process-1"), world.use_cases("process-2")

    async def both(step: str) -> None:
        if step == "find replied":
            await asyncio.sleep(0)

    world.checkpoint = both
    check = (first.create_charge.check, second.create_charge.check)
    checked = await asyncio.gather(*(each(payment) for each in check))
    assert {each.payment.status for each in checked} == {SUCCEEDED}
    await world.come_to_rest()
    assert len(world.charges) == 1


async def test_a_manual_payment_is_authorized_at_its_approval() -> None:
    world = World(capture_mode=CaptureMode.MANUAL)
    token = await waiting(world)
    await world.gateway.approve(token)
    await check_now(world)
    assert world.payment().status is PaymentStatus.AUTHORIZED
    await world.use_cases().capture_payment(world.payment().id)
    assert world.payment().status is SUCCEEDED
    await world.come_to_rest()


async def test_what_was_taken_can_be_refunded(world: World) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)
    await check_now(world)
    await world.use_cases().refund_payment(world.payment().id, None, "requested", None)
    await world.come_to_rest()
    assert world.balance == 0


# --- not taking ----------------------------------------------------------------------------------


async def test_nothing_is_taken_for_an_order_that_is_cancelled_first(world: World) -> None:
    token = await waiting(world)
    await world.cancel_order()
    await world.gateway.approve(token)
    await check_now(world)
    assert world.payment().status is FAILED
    assert not world.charges
    assert not await world.gateway.approve(token)
    await world.come_to_rest()


async def test_nothing_is_taken_for_an_order_that_expires_first(world: World) -> None:
    await world.replicate(created_event(expires_at=NOW + timedelta(seconds=20)))
    token = (await create(world)).session.token
    await pay(world, token)
    await world.gateway.approve(token)
    await check_now(world)
    assert world.payment().status is FAILED
    assert not world.charges
    await world.come_to_rest()


async def test_nothing_is_taken_after_the_customer_has_cancelled(world: World) -> None:
    token = await waiting(world)
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
    await world.use_cases().cancel_payment(world.payment().id, PAYER)
    await world.gateway.approve(token)
    await check_now(world)
    assert world.payment().status is PaymentStatus.CANCELLED
    assert not world.charges
    assert (await world.pay(VISA)).payment.status is SUCCEEDED
    await world.come_to_rest()


async def test_the_books_of_every_gateway_are_compared_before_money_is_taken() -> None:
    world = World(gateway_type=InMemoryGateway)
    world.add_gateway("till")
    token = await waiting(world)
    await world.gateway.approve(token)
    world.database.copy += 1  # the connections were lost
    world.steps.clear()
    await check_now(world)
    assert world.payment().status is SUCCEEDED
    before = world.steps[: world.steps.index("take")]
    assert before.count("list_charges") == len(list(world.gateways))
    await world.come_to_rest()


async def taken_in_vain(world: World) -> tuple[str, Payment]:
    """Return a session that is approved, and its payment, of which a request may be in flight."""
    token = await waiting(world)
    await world.gateway.approve(token)
    world.faults.add("take", GatewayFaultKind.REQUEST_LOST)
    await check_now(world)
    assert world.payment().status is PROCESSING
    return token, world.payment()


async def test_a_refusal_of_the_shop_releases_what_a_request_in_flight_would_take(
    world: World,
) -> None:
    _, sent = await taken_in_vain(world)
    world.faults.add("take", GatewayFaultKind.REFUSED)
    await check_now(world)
    assert (world.payment().status, world.payment().code) == (FAILED, "account_restricted")
    assert [each.kind for each in await world.alerts.list_current()] == [AlertKind.GATEWAY_REFUSAL]
    assert isinstance(await world.gateway.take(sent), Declined)  # it arrives now
    assert not world.charges
    await world.come_to_rest()


async def test_a_late_report_does_not_hide_the_request_in_flight(world: World) -> None:
    token, sent = await taken_in_vain(world)
    # The charge was settled before, and its confirmation was lost: it is settled again.
    await world.use_cases().create_charge.settle(sent, RequiresAction(token))
    assert world.payment().status is REQUIRES_ACTION
    world.faults.add("take", GatewayFaultKind.REFUSED)
    await check_now(world)
    assert (world.payment().status, world.payment().code) == (FAILED, "account_restricted")
    assert isinstance(await world.gateway.take(sent), Declined)  # it arrives now
    assert not world.charges
    await world.come_to_rest()


async def test_so_does_a_decline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, sent = await taken_in_vain(world)

    async def decline(_gateway: InMemoryGateway, _payment: Payment) -> Outcome:
        return Declined("insufficient_funds")

    with monkeypatch.context() as patched:
        patched.setattr(InMemoryGateway, "take", decline)
        await check_now(world)
    assert (world.payment().status, world.payment().code) == (FAILED, "insufficient_funds")
    assert isinstance(await world.gateway.take(sent), Declined)  # it arrives now
    assert not world.charges
    await world.come_to_rest()


@pytest.mark.parametrize(("seconds", "is_released"), [(9, False), (10, True)])
async def test_a_decline_is_final_if_it_comes_before_recovery_may_have_begun(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: float, is_released: bool
) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)

    async def decline(_gateway: InMemoryGateway, _payment: Payment) -> Outcome:
        world.advance(seconds=seconds)
        return Declined("insufficient_funds")

    with monkeypatch.context() as patched:
        patched.setattr(InMemoryGateway, "take", decline)
        await check_now(world)
    assert world.payment().status is FAILED
    assert ("cancel" in world.steps) is is_released
    await world.come_to_rest()
    assert not world.charges


async def test_a_refusal_of_the_shop_changes_nothing_if_the_money_was_taken(world: World) -> None:
    _, sent = await taken_in_vain(world)
    world.faults.add("take", GatewayFaultKind.REFUSED)

    async def arrive(reached: str) -> None:
        if reached == "cancel":
            world.checkpoint = proceed
            await world.gateway.take(sent)

    world.checkpoint = arrive
    await check_now(world)
    assert world.payment().status is SUCCEEDED
    await world.come_to_rest()
    assert len(world.charges) == 1


@pytest.mark.parametrize(
    "fault", [None, GatewayFaultKind.REPLY_LOST, GatewayFaultKind.REQUEST_LOST]
)
async def test_nothing_is_released_if_the_money_was_taken_or_that_is_unknown(
    world: World, fault: GatewayFaultKind | None
) -> None:
    await taken_in_vain(world)
    if fault is not None:
        world.faults.add("take", fault)
    await check_now(world)
    assert "cancel" not in world.steps
    await world.come_to_rest()
    assert world.payment().status is SUCCEEDED


@pytest.mark.parametrize("kind", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.FORBIDDEN])
async def test_a_payment_that_is_refused_and_not_released_is_taken_later(
    world: World, kind: GatewayFaultKind
) -> None:
    await taken_in_vain(world)
    world.faults.add("take", GatewayFaultKind.REFUSED)
    world.faults.add("cancel", kind)
    await check_now(world)
    assert world.payment().status is PROCESSING
    alerts = {each.kind for each in await world.alerts.list_current()}
    assert AlertKind.GATEWAY_REFUSAL in alerts
    assert (AlertKind.LOOKUP_IMPOSSIBLE in alerts) is (kind is GatewayFaultKind.FORBIDDEN)
    await check_now(world)
    assert world.payment().status is SUCCEEDED
    await world.come_to_rest()


async def test_a_gateway_that_was_not_reached_has_released_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await taken_in_vain(world)
    world.faults.add("take", GatewayFaultKind.REFUSED)

    async def cancel(_gateway: InMemoryGateway, _payment: Payment) -> Outcome:
        raise GatewayUnavailable("no connection")

    with monkeypatch.context() as patched, caplog.at_level(logging.INFO):
        patched.setattr(InMemoryGateway, "cancel", cancel)
        await check_now(world)
    assert f"whether payment {world.payment().id} is released is unknown" in caplog.text
    await world.come_to_rest()


async def test_a_refusal_of_the_only_request_ends_the_payment_at_once(world: World) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)
    world.faults.add("take", GatewayFaultKind.REFUSED)
    await check_now(world)
    assert world.payment().status is FAILED
    assert "cancel" not in world.steps
    await world.come_to_rest()
    assert not world.charges


async def test_an_approval_after_the_time_for_it_is_not_used(world: World) -> None:
    token = await waiting(world)
    world.advance(seconds=AUTHENTICATION_WINDOW.total_seconds())
    await world.gateway.approve(token)
    await world.recover()
    assert world.payment().status is FAILED
    await world.come_to_rest()
    assert not world.charges


@pytest.mark.parametrize("step", ["find", "find replied", "take", "take replied"])
async def test_a_cancelled_order_keeps_nothing_wherever_the_cancellation_comes_between(
    world: World, step: str
) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)

    async def cancel(reached: str) -> None:
        if reached == step:
            world.checkpoint = proceed
            await world.cancel_order()

    world.checkpoint = cancel
    await check_now(world)
    await world.come_to_rest()
    assert world.balance == 0
    assert bool(world.charges) == (step in ("take", "take replied"))


@pytest.mark.parametrize("step", ["find", "find replied", "take", "take replied"])
async def test_a_customer_who_cancels_meanwhile_has_the_payment_or_nothing(
    world: World, step: str
) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)

    async def cancel(reached: str) -> None:
        if reached == step:
            world.checkpoint = proceed
            await world.use_cases().cancel_payment(world.payment().id, PAYER)

    world.checkpoint = cancel
    await check_now(world)
    await world.come_to_rest()
    is_taken = step in ("take", "take replied")
    assert world.payment().status is (SUCCEEDED if is_taken else PaymentStatus.CANCELLED)
    assert len(world.charges) == is_taken


async def test_a_process_that_was_suspended_decides_again(world: World) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)
    payment = world.payment()

    async def suspend(step: str) -> None:
        if step == "committed" and world.payment().status is PROCESSING:
            world.checkpoint = proceed
            world.advance(minutes=5)

    world.checkpoint = suspend
    checked = await world.use_cases().create_charge.check(payment)
    assert world.checkpoint is proceed
    assert checked.evidence is None
    assert not world.charges
    await world.come_to_rest()
    assert len(world.charges) == 1


# --- sessions that pay for something else --------------------------------------------------------


async def test_a_session_of_another_order_or_amount_pays_for_nothing(world: World) -> None:
    await world.create_order()
    token = (await create(world)).session.token
    await world.gateway.approve(token)
    await world.create_order("order-2")
    other = await pay(world, token, "order-2")
    assert (other.payment.status, other.payment.code) == (FAILED, "session_mismatch")

    await world.replicate(created_event(version=2, price=PRICE + PRICE))
    changed = await pay(world, token)
    assert (changed.payment.status, changed.payment.code) == (FAILED, "session_mismatch")
    assert isinstance(await world.gateway.find(changed.payment), Declined)
    await world.come_to_rest()
    assert not world.charges


async def test_a_session_is_used_once(world: World) -> None:
    token = await waiting(world)
    await world.use_cases().cancel_payment(world.payment().id, PAYER)
    again = await pay(world, token)
    assert (again.payment.status, again.payment.code) == (FAILED, "session_used")
    await world.come_to_rest()


async def test_another_payment_is_blocked_while_the_customer_may_approve(world: World) -> None:
    await waiting(world)
    result = await world.pay(VISA)
    assert (result.payment.status, result.is_new) == (REQUIRES_ACTION, False)
    with pytest.raises(PaymentInProgress):
        await create(world)


class WithoutTake(GatewayWithoutChargeList):
    """An adapter that reports approvals and cannot take the money."""

    take = None  # type: ignore[assignment]


async def test_an_operator_is_told_that_the_money_cannot_be_taken() -> None:
    world = World(gateway_type=WithoutTake)
    token = await waiting(world)
    await world.gateway.approve(token)
    await check_now(world)
    assert world.payment().status is REQUIRES_ACTION
    assert world.database.alerts
    await world.come_to_rest()


async def test_nothing_is_taken_on_books_that_cannot_be_compared() -> None:
    world = World(gateway_type=InMemoryGateway)
    token = await waiting(world)
    await world.gateway.approve(token)
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    await check_now(world)
    assert not world.charges
    await check_now(world)
    assert world.payment().status is SUCCEEDED
    await world.come_to_rest()
