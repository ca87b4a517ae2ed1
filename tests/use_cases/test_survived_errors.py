"""Which errors each use case survives, and that it hides no other one."""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.application import DeclineLimits
from application.ports.alerts import AlertKind
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.limit_declines import TooManyDeclines
from domain.capture import CaptureMode
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from tests.builders import ORDER
from tests.checkpoints import FailAt, proceed
from tests.use_cases.test_sessions import taken_in_vain, waiting
from tests.world import DECLINED, VISA, World

UNKNOWN = [OutcomeUnknown("no reply"), GatewayUnavailable("busy"), TimeoutError()]
REFUSED = [LookupRefused("no permission"), KeyRefused("no key")]
BUG = ZeroDivisionError("a bug")


# --- recovery ------------------------------------------------------------------------------------


async def an_unknown_payment() -> World:
    world = World()
    await world.create_order()
    world.checkpoint = FailAt(0, OutcomeUnknown("no reply"), {"charge replied"})
    await world.pay()
    return world


async def an_approved_payment() -> World:
    world = World()
    token = await waiting(world)
    await world.gateway.approve(token)
    return world


async def a_refused_request_beside_another() -> World:
    world = World()
    await taken_in_vain(world)
    world.faults.add("take", GatewayFaultKind.REFUSED)
    return world


async def a_refund() -> World:
    world = World()
    await world.create_order()
    await world.pay()
    await world.cancel_order()
    return world


async def a_capture() -> World:
    world = World(capture_mode=CaptureMode.MANUAL)
    await world.create_order()
    await world.pay()
    world.checkpoint = FailAt(0, OutcomeUnknown("no reply"), {"capture"})
    await world.use_cases().capture_payment(world.payment().id)
    return world


async def recover(world: World) -> int:
    world.advance(minutes=1)
    return await world.recover()


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.levelno >= logging.ERROR]


STEPS: Final = [
    (an_unknown_payment, "find", UNKNOWN, REFUSED[:1]),
    (an_approved_payment, "take", UNKNOWN, REFUSED),
    (a_refused_request_beside_another, "cancel", UNKNOWN, REFUSED[:1]),
    (a_refund, "find_refund", UNKNOWN[:2], REFUSED),
    (a_refund, "refund", UNKNOWN[:2], REFUSED),
    (a_capture, "capture", UNKNOWN[:2], REFUSED),
]
WORDS: Final = {
    "find": "the outcome of payment {} is still unknown",
    "take": "whether payment {} is taken is unknown",
    "cancel": "whether payment {} is released is unknown",
    "find_refund": "the outcome of refund {}-back-0-[0-9a-f]{{8}} is still unknown",
    "refund": "the outcome of refund {}-back-0-[0-9a-f]{{8}} is still unknown",
    "capture": "the capture of payment {} is still unknown",
}
EACH = [
    pytest.param(begin, step, error, is_refused, id=f"{step}-{type(error).__name__}")
    for begin, step, unknown, refused in STEPS
    for is_refused, errors in ((False, unknown), (True, refused))
    for error in errors
]


@pytest.mark.parametrize(("begin", "step", "error", "is_refused"), EACH)
async def test_recovery_goes_on_after_an_error_of_the_gateway_and_tells_of_a_refusal(
    caplog: pytest.LogCaptureFixture,
    begin: Callable[[], Awaitable[World]],
    step: str,
    error: Exception,
    is_refused: bool,
) -> None:
    world = await begin()
    world.checkpoint = failure = FailAt(0, error, {step})
    with caplog.at_level(logging.INFO):
        assert await recover(world) == 1
    assert failure.failed_step == step
    assert not errors_in(caplog)
    words = re.search(WORDS[step].format(world.payment().id), caplog.text)
    assert (words is None) is is_refused
    alerts = {each.kind for each in await world.alerts.list_current()}
    alerts -= {AlertKind.GATEWAY_REFUSAL}  # that of another request
    assert alerts == ({AlertKind.LOOKUP_IMPOSSIBLE} if is_refused else set())
    await world.come_to_rest()


@pytest.mark.parametrize(("begin", "step"), [(begin, step) for begin, step, *_ in STEPS])
async def test_recovery_logs_any_other_error_as_a_bug(
    caplog: pytest.LogCaptureFixture, begin: Callable[[], Awaitable[World]], step: str
) -> None:
    world = await begin()
    world.checkpoint = FailAt(0, BUG, {step})
    assert await recover(world) == 0
    assert f"could not recover order {ORDER}" in caplog.text
    await world.come_to_rest()


@pytest.mark.parametrize("begin", [an_unknown_payment, an_approved_payment, a_refund, a_capture])
@pytest.mark.parametrize("step", ["read orders", "commit", "committed"])
@pytest.mark.parametrize("number", range(3))
async def test_recovery_leaves_an_order_for_later_while_the_database_is_away(
    caplog: pytest.LogCaptureFixture,
    begin: Callable[[], Awaitable[World]],
    step: str,
    number: int,
) -> None:
    world = await begin()
    error = StorageUnavailable("the database is down")
    world.checkpoint = failure = FailAt(number, error, {step})
    checked = await recover(world)
    assert checked == (not failure.failed_step)
    assert "could not recover" not in caplog.text
    await world.come_to_rest()


async def test_recovery_leaves_an_order_to_the_process_that_was_faster(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await a_refund()
    world.checkpoint = FailAt(0, Conflict("another one"), {"commit"})
    world.steps.clear()
    assert await recover(world) == 0
    assert "find_refund" not in world.steps
    assert not errors_in(caplog)

    async def recover_elsewhere(step: str) -> None:
        if step == "read orders":
            world.checkpoint = proceed
            await world.use_cases("process-2").recover_payments.run_once()

    world.checkpoint = recover_elsewhere
    assert await recover(world) == 0
    assert not errors_in(caplog)


async def test_recovery_passes_an_order_that_was_lost_meanwhile(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await a_refund()

    async def lose(step: str) -> None:
        if step == "read orders":
            world.database.orders.clear()

    world.checkpoint = lose
    assert await recover(world) == 0
    assert not errors_in(caplog)


async def test_recovery_raises_the_error_of_a_database_that_cannot_say_what_is_due() -> None:
    world = await a_refund()
    world.failing.add("database")
    with pytest.raises(StorageUnavailable):
        await world.recover()


@pytest.mark.parametrize("begin", [an_unknown_payment, a_refund, a_capture])
async def test_recovery_tells_of_a_gateway_that_the_settings_do_not_have(
    caplog: pytest.LogCaptureFixture, begin: Callable[[], Awaitable[World]]
) -> None:
    world = await begin()
    world.add_gateway("another")
    world.removed.add("in_memory")
    assert await recover(world) == 1
    assert not errors_in(caplog)
    about = "cannot be captured: " if begin is a_capture else "cannot be checked: "
    assert about in caplog.text
    [alert] = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.GATEWAY_MISSING, "in_memory")
    world.removed.clear()
    await world.come_to_rest()


# --- what customers and operators ask for --------------------------------------------------------


@pytest.mark.parametrize("error", [*UNKNOWN[:2], *REFUSED], ids=lambda each: type(each).__name__)
async def test_a_charge_without_a_result_is_unknown_or_was_not_made(error: Exception) -> None:
    world = World()
    await world.create_order()
    world.checkpoint = FailAt(0, error, {"charge"})
    if isinstance(error, GatewayUnavailable):
        with pytest.raises(GatewayUnavailable):
            await world.pay()
        assert world.payment().status is PaymentStatus.ABANDONED
    else:
        assert (await world.pay()).payment.status is PaymentStatus.PROCESSING
    alerts = [(each.kind, each.subject) for each in await world.alerts.list_current()]
    is_key = isinstance(error, KeyRefused)
    assert alerts == ([(AlertKind.GATEWAY_KEY_REFUSED, "in_memory")] if is_key else [])
    await world.come_to_rest()


async def test_a_charge_that_meets_a_bug_stays_unknown() -> None:
    world = World()
    await world.create_order()
    world.checkpoint = FailAt(0, BUG, {"charge replied"})
    with pytest.raises(ZeroDivisionError):
        await world.pay()
    assert world.payment().status is PaymentStatus.PROCESSING
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("error", [*UNKNOWN[:2], *REFUSED], ids=lambda each: type(each).__name__)
async def test_a_refund_without_a_result_is_pending(error: Exception) -> None:
    world = World()
    await world.create_order()
    await world.pay()
    world.checkpoint = FailAt(0, error, {"refund"})
    refund = await world.use_cases().refund_payment(world.payment().id)
    assert refund.status is RefundStatus.PENDING
    await world.come_to_rest()
    assert world.balance == 0


async def test_a_refund_whose_outcome_cannot_be_stored_is_pending() -> None:
    world = World()
    await world.create_order()
    await world.pay()
    world.checkpoint = FailAt(1, StorageUnavailable("down"), {"commit"})
    refund = await world.use_cases().refund_payment(world.payment().id)
    assert refund.status is RefundStatus.PENDING
    await world.come_to_rest()


async def test_a_refund_that_meets_a_bug_raises_it_and_is_sent_by_recovery() -> None:
    world = World()
    await world.create_order()
    await world.pay()
    world.checkpoint = FailAt(0, BUG, {"refund"})
    with pytest.raises(ZeroDivisionError):
        await world.use_cases().refund_payment(world.payment().id)
    await world.come_to_rest()
    assert world.balance == 0


@pytest.mark.parametrize("error", [*UNKNOWN[:2], *REFUSED], ids=lambda e: type(e).__name__)
async def test_the_books_are_compared_again_after_an_error_of_the_gateway(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    world = World(gateway_type=InMemoryGateway)
    guard = world.use_cases().books_guards.default
    world.checkpoint = FailAt(0, error, {"list_charges"})
    await guard.keep()
    is_final = isinstance(error, LookupRefused)
    assert ("could not be compared" in caplog.text) is not is_final
    assert guard.holds(guard.books.generation) is is_final
    world.checkpoint = proceed
    world.advance(seconds=9)
    await guard.keep()
    assert guard.holds(guard.books.generation) is is_final
    world.advance(seconds=1)
    await guard.keep()
    assert guard.holds(guard.books.generation)
    await world.create_order()
    assert (await world.pay(VISA)).payment.status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("error", [*UNKNOWN[:2], KeyRefused("no key")], ids=str)
async def test_no_charge_is_made_on_books_that_could_not_be_compared(error: Exception) -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()
    world.checkpoint = FailAt(0, error, {"list_charges"})
    use_cases = world.use_cases()
    with pytest.raises(GatewayUnavailable):
        await use_cases.books_guards.default()
    world.checkpoint = FailAt(0, StorageUnavailable("down"), {"begin comparison"})
    with pytest.raises(StorageUnavailable):
        await use_cases.books_guards.default()
    assert not world.order().payments


async def test_a_comparison_that_meets_a_bug_raises_it() -> None:
    guard = (world := World(gateway_type=InMemoryGateway)).use_cases().books_guards.default
    for compare in (guard.keep, guard):
        world.checkpoint = FailAt(0, BUG, {"begin comparison"})
        with pytest.raises(ZeroDivisionError):
            await compare()


@pytest.mark.parametrize("error", [StorageUnavailable("down"), BUG], ids=str)
async def test_a_decline_that_cannot_be_counted_is_still_a_decline(error: Exception) -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 1}))
    await world.create_order()
    world.checkpoint = FailAt(0, error, {"add declines"})
    sources = ("user:1",)
    if error is BUG:
        with pytest.raises(ZeroDivisionError):
            await world.pay(DECLINED, sources=sources)
    else:
        assert (await world.pay(DECLINED, sources=sources)).payment.status is PaymentStatus.FAILED
    await world.come_to_rest()


async def test_a_decline_without_a_limit_is_not_counted() -> None:
    world = World(limits=DeclineLimits(max_declines={"address": 1}))
    await world.create_order()
    await world.pay(DECLINED, sources=("user:1",))
    assert "add declines" not in world.steps
    await world.pay(DECLINED, sources=("user:1", "address:1"))
    with pytest.raises(TooManyDeclines):
        await world.pay(DECLINED, sources=("user:2", "address:1"))
    assert (await world.pay(VISA, sources=("user:1",))).payment.status is PaymentStatus.SUCCEEDED
