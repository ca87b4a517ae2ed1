"""What operators and customers ask for: repeating it writes nothing, and a failure is repeated."""

import asyncio

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from application.application import DeclineLimits
from application.ports.alerts import AlertKind
from application.ports.idempotency_store import RequestInProgress, StoredReply
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases import create_charge
from application.use_cases.create_charge import _result
from application.use_cases.pay_order import ChargeResult, PayOrder
from application.use_cases.send_capture import CaptureResult
from domain.capture import CaptureFailed, CaptureMode
from domain.claim import AlreadyPaid
from domain.outcome import Evidence, Pending, Refused, RequiresAction
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import PAYER, a_payment, charged, declined, requires_action
from tests.checkpoints import FailAt, proceed
from tests.use_cases.test_pay_order import command, pay, reply
from tests.world import AUTHENTICATING, DECLINED, AtOnceGateway, World

S = PaymentStatus


async def an_authorization() -> World:
    world = World(capture_mode=CaptureMode.MANUAL)
    await world.create_order()
    await world.pay()
    world.steps.clear()
    return world


# --- captures and releases -----------------------------------------------------------------------


async def test_what_is_captured_is_not_captured_again() -> None:
    world = await an_authorization()
    capture = world.use_cases().capture_payment
    first = await capture(world.payment().id)
    assert (first.payment.status, first.failed) == (S.SUCCEEDED, None)
    world.steps.clear()
    assert await capture(world.payment().id) == first
    assert not {"commit", "capture"} & set(world.steps)
    assert not await world.alerts.list_current()


async def test_a_capture_that_cannot_be_settled_is_continued() -> None:
    world = await an_authorization()
    world.checkpoint = FailAt(1, StorageUnavailable("down"), {"commit"})
    result = await world.use_cases().capture_payment(world.payment().id)
    assert (result.payment.status, result.failed) == (S.AUTHORIZED, None)
    assert result.payment.requested_capture is not None
    await world.come_to_rest()
    assert world.payment().status is S.SUCCEEDED


async def test_a_release_that_was_done_is_not_done_again() -> None:
    world = await an_authorization()
    void = world.use_cases().void_payment
    assert (await void(world.payment().id)).status is S.CANCELLED
    world.steps.clear()
    assert (await void(world.payment().id)).status is S.CANCELLED
    assert not {"commit", "cancel"} & set(world.steps)


async def test_a_release_that_cannot_be_settled_is_continued() -> None:
    world = await an_authorization()
    world.checkpoint = FailAt(1, StorageUnavailable("down"), {"commit"})
    payment = await world.use_cases().void_payment(world.payment().id)
    assert payment.is_being_released
    await world.come_to_rest()
    assert world.payment().status is S.CANCELLED


async def test_a_request_to_release_that_is_repeated_writes_nothing_more() -> None:
    world = await an_authorization()
    for commits in (1, 0):
        world.steps.clear()
        world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
        assert (await world.use_cases().void_payment(world.payment().id)).is_being_released
        assert world.steps.count("commit") == commits
    await world.come_to_rest()


async def test_a_request_to_capture_that_is_repeated_writes_nothing_more() -> None:
    world = await an_authorization()
    for commits in (1, 0):
        world.steps.clear()
        world.faults.add("capture", GatewayFaultKind.UNREACHABLE)
        result = await world.use_cases().capture_payment(world.payment().id)
        assert result == CaptureResult(world.payment())
        assert world.steps.count("commit") == commits
    await world.come_to_rest()


async def test_a_cancellation_that_is_repeated_writes_nothing_more() -> None:
    world = World()
    await world.create_order()
    await world.pay(AUTHENTICATING)
    for commits in (1, 0):
        world.steps.clear()
        world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
        await world.use_cases().cancel_payment(world.payment().id, PAYER)
        assert world.steps.count("commit") == commits
    await world.come_to_rest()


async def test_a_gateway_that_captures_at_once_only_cannot_capture_later() -> None:
    world = await an_authorization()
    world.gateway_type = AtOnceGateway
    result = await world.use_cases().capture_payment(world.payment().id)
    assert result.failed is not None
    assert result.failed.code == "capture_unsupported"
    assert result.payment == world.payment()


async def test_without_a_request_nothing_is_captured() -> None:
    world = await an_authorization()
    payment = world.payment()
    result = await world.use_cases().capture_payment.send(payment)
    assert isinstance(result.failed, CaptureFailed)
    assert result.failed.code == "amount_too_large"
    assert "capture" not in world.steps


async def test_a_capture_at_a_gateway_that_is_missing_waits_for_it() -> None:
    world = await an_authorization()
    world.checkpoint = FailAt(0, ZeroDivisionError(), {"capture"})
    with pytest.raises(ZeroDivisionError):
        await world.use_cases().capture_payment(world.payment().id)
    world.add_gateway("other")
    world.removed.add("in_memory")
    payment = world.payment()
    result = await world.use_cases().capture_payment.send(payment)
    assert result == CaptureResult(payment)
    [alert] = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.GATEWAY_MISSING, "in_memory")


# --- the result of a charge ----------------------------------------------------------------------

ACTION = requires_action()


@pytest.mark.parametrize(
    ("status", "evidence", "action", "is_refused"),
    [
        (S.SUCCEEDED, charged(), None, False),
        (S.FAILED, declined(), None, False),
        (S.FAILED, Refused("closed", "it is closed"), None, True),
        (S.SUCCEEDED, Refused("closed", "it is closed"), None, False),
        (S.REQUIRES_ACTION, ACTION, ACTION, False),
        (S.PENDING, Pending("pi_1"), None, False),
        (S.PENDING, Pending("pi_1", action=ACTION), ACTION, False),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_customer_is_told_what_to_do(
    status: PaymentStatus,
    evidence: Evidence,
    action: RequiresAction | None,
    is_refused: bool,
    is_new: bool,
) -> None:
    payment: Payment = a_payment(status=status)
    result = _result(payment, evidence, is_new=is_new)
    assert result == ChargeResult(payment, action, is_new, is_refused)
    assert ChargeResult(payment) == ChargeResult(payment, None, is_new=True, is_refused=False)


async def test_a_cancelled_payment_is_no_decline() -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 1}))
    await world.create_order()
    sources = ("user:1",)
    await world.pay(AUTHENTICATING, sources=sources)
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
    await world.use_cases().cancel_payment(world.payment().id, PAYER)
    assert (await world.pay(sources=sources)).payment.status is S.SUCCEEDED
    assert "add declines" not in world.steps


async def test_an_authentication_that_failed_is_one() -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 1}))
    await world.create_order()
    await world.pay(AUTHENTICATING, sources=("user:1",))
    await world.gateway.complete_authentication(world.payment().id, succeeded=False)
    await world.pay(sources=("user:1",))
    assert "add declines" in world.steps


async def test_only_a_cancellation_has_the_short_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create_charge, "CANCEL_SECONDS", 0.0)
    world = World()
    await world.create_order()
    await world.pay(AUTHENTICATING)
    await world.gateway.complete_authentication(world.payment().id, succeeded=True)

    async def wait(step: str) -> None:
        await asyncio.sleep(0.01 if step == "find" else 0)

    world.checkpoint = wait
    assert (await world.pay(DECLINED)).payment.status is S.SUCCEEDED


async def test_what_is_not_known_of_a_charge_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(Exception, match="no connection"):
        await world.pay()
    assert "nothing was sent for a payment: no connection" in caplog.text
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    assert "the outcome of a payment is unknown: no reply" in caplog.text


# --- replies that are stored later ---------------------------------------------------------------


def open_command() -> PayOrder:
    """Return a request whose reply says that the payment is in progress, and is final."""
    request = command().request
    assert request is not None
    return evolve(command(), request=evolve(request, reply_to=accepted))


def accepted(result: ChargeResult | AlreadyPaid) -> StoredReply:
    return StoredReply(409 if isinstance(result, AlreadyPaid) else 202, b"accepted")


@pytest.mark.parametrize("is_settled", [True, False])
async def test_the_reply_to_an_unknown_outcome_is_stored_if_it_is_final(is_settled: bool) -> None:
    world = World()
    await world.create_order()
    what = open_command()
    if is_settled:
        world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    else:
        world.checkpoint = FailAt(1, StorageUnavailable("down"), {"commit"})
    result = await pay(world, what)
    assert result.payment.status is S.PROCESSING
    assert (await reply(world, what)).status == 202
    assert world.steps.count("charge") == 1


async def test_the_reply_to_a_request_whose_process_crashed_is_stored_by_its_repetition() -> None:
    world = World()
    await world.create_order()
    world.checkpoint = FailAt(0, ZeroDivisionError(), {"charge replied"})
    with pytest.raises(ZeroDivisionError):
        await pay(world)
    world.checkpoint = proceed
    world.advance(seconds=30)
    await world.recover()
    with pytest.raises(RequestInProgress):
        await pay(world)
    world.advance(seconds=30)
    with pytest.raises(AlreadyPaid):
        await pay(world)
    assert (await reply(world)).status == 409
