"""Operators act on a payment: form, confirmation, and what the history says."""

import re
from html import unescape

import httpx
import pytest

from application.ports.payment_gateway import CardToken
from domain.capture import CaptureMode
from domain.money import Currency, Money
from domain.payment_status import PaymentStatus
from entrypoints.settings import Operator
from tests.builders import ORDER, dollars
from tests.entrypoints.console.stories import HOSTILE
from tests.entrypoints.console.world import ConsoleWorld, Visitor

REASON = "One item arrived broken"
PAGE = f"/ops/orders/{ORDER}"


def path_of(world: ConsoleWorld, action: str) -> str:
    return f"/ops/payments/{world.payment().id}/{action}"


async def act(world: ConsoleWorld, visitor: Visitor, action: str, **fields: str) -> httpx.Response:
    """Fill in the form of an action on the page of the order, and confirm it."""
    await visitor.get(PAGE)
    await visitor.send(path_of(world, action), None, reason=REASON, **fields)
    return await visitor.send(path_of(world, action))


def done(world: ConsoleWorld) -> list[tuple[str, str]]:
    """Return who has changed the order, and why, where a person has."""
    entries = world.database.histories[ORDER]
    return [(each.who, each.why) for each in entries if each.who != "service"]


@pytest.fixture
async def paid(world: ConsoleWorld) -> None:
    await world.pay()


@pytest.fixture
async def held() -> ConsoleWorld:
    world = ConsoleWorld()
    await world.create_order(capture=CaptureMode.MANUAL)
    await world.pay()
    return world


@pytest.fixture
async def in_review() -> ConsoleWorld:
    world = ConsoleWorld()
    await world.create_order()
    world.faults.mischarge(dollars("1"))
    await world.pay()
    return world


@pytest.mark.usefixtures("paid")
async def test_a_refund_is_confirmed_and_is_in_the_history_with_its_operator(
    world: ConsoleWorld,
) -> None:
    visitor = await world.operator("a" * 32, named_operators=(Operator("alice", "a" * 32),))
    refunded = await act(world, visitor, "refund", amount="40.10")
    assert refunded.status_code == 303
    [refund] = world.order().refunds
    assert (refund.amount, refund.reason) == (dollars("40.10"), REASON)
    assert {*done(world)} == {("alice", REASON)}
    await visitor.get(refunded.headers["location"])
    assert "The refund was requested." in visitor.text
    assert f"{REASON} alice" in visitor.text


@pytest.mark.usefixtures("paid")
async def test_nothing_is_done_before_it_is_confirmed(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    await visitor.get(PAGE)
    asked = await visitor.send(path_of(world, "refund"), reason=REASON, amount="40")
    assert asked.status_code == 200
    for each in ("40.00 USD", world.payment().id, ORDER, REASON, "cannot be undone"):
        assert each in visitor.text
    assert world.order().refunds == ()


@pytest.mark.usefixtures("paid")
async def test_a_form_that_is_confirmed_twice_refunds_once(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    await visitor.get(PAGE)
    await visitor.send(path_of(world, "refund"), reason=REASON, amount="100")
    confirmed = visitor.fields(path_of(world, "refund"))
    for _ in range(2):
        sent = await visitor.post(path_of(world, "refund"), confirmed)
        assert sent.status_code == 303
    assert len(world.order().refunds) == 1


@pytest.mark.parametrize(
    ("currency", "step", "whole"),
    [("usd", "0.01", "50.00"), ("jpy", "1", "50"), ("kwd", "0.001", "50.000")],
)
async def test_the_amount_has_the_step_of_its_currency(
    currency: str, step: str, whole: str
) -> None:
    world, code = ConsoleWorld(), Currency(currency)
    price = Money(50 * 10**code.decimals, code)
    await world.create_order(price=price)
    await world.pay()
    visitor = await world.operator()
    await visitor.get(PAGE)
    [field] = re.findall(r'<input[^>]*name="amount"[^>]*>', visitor.html)
    for each in ('type="number"', f'step="{step}"', f'min="{step}"', f'max="{whole}"'):
        assert each in field
    assert (await act(world, visitor, "refund", amount=step)).status_code == 303
    assert world.order().refunds[0].amount == Money(1, code)


@pytest.mark.usefixtures("paid")
async def test_an_amount_that_cannot_be_refunded_is_named(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    unusable = ("0.001", "0", "-1", "NaN", "1e999999", "forty", "", "1,5", "1_0", "1e1", "٣")
    says = {**dict.fromkeys(unusable, "in steps of 0.01"), "100.01": "At most 100.00 usd"}
    for amount, text in says.items():
        await visitor.get(PAGE)
        refused = await visitor.send(path_of(world, "refund"), reason=REASON, amount=amount)
        assert refused.status_code == 400
        assert text in visitor.text
        assert visitor.fields(path_of(world, "refund"))["reason"] == REASON


@pytest.mark.usefixtures("paid")
async def test_a_reason_is_needed(world: ConsoleWorld, visitor: Visitor) -> None:
    for reason in ("", "  ", "x" * 256, "a\0b"):
        await visitor.get(PAGE)
        refused = await visitor.send(path_of(world, "refund"), reason=reason, amount="1")
        assert refused.status_code == 400
        assert "Enter a reason" in visitor.text


@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize("name", ["reason", "amount", "confirmed", "form"])
async def test_a_field_that_is_there_twice_does_nothing(
    world: ConsoleWorld, visitor: Visitor, name: str
) -> None:
    path = path_of(world, "refund")
    await visitor.get(PAGE)
    await visitor.send(path, reason=REASON, amount="1")
    confirmed = visitor.fields(path)
    twice = [*confirmed.items(), (name, f"{confirmed[name]}0")]
    assert (await visitor.post(path, twice)).status_code != 303
    assert not world.order().refunds


@pytest.mark.usefixtures("paid")
async def test_a_hostile_reason_is_text_on_every_page(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    await visitor.get(PAGE)
    await visitor.send(path_of(world, "refund"), reason=HOSTILE, amount="1")
    assert "<script>alert" not in visitor.html
    refunded = await visitor.send(path_of(world, "refund"))
    await visitor.get(refunded.headers["location"])
    assert "<script>alert" not in visitor.html
    assert unescape(visitor.html).count(HOSTILE) >= 2


async def test_what_is_held_is_captured_in_part(held: ConsoleWorld) -> None:
    visitor = await held.operator()
    assert (await act(held, visitor, "capture", amount="60")).status_code == 303
    assert held.payment().captured_amount == dollars("60")
    assert ("operator", REASON) in done(held)


async def test_what_is_held_is_released(held: ConsoleWorld) -> None:
    visitor = await held.operator()
    assert (await act(held, visitor, "void")).status_code == 303
    assert held.payment().status is PaymentStatus.CANCELLED
    assert held.payment().release_reason == REASON


@pytest.mark.parametrize(
    ("action", "status"), [("accept", PaymentStatus.SUCCEEDED), ("refuse", PaymentStatus.REVERSED)]
)
async def test_a_review_is_decided_once(
    in_review: ConsoleWorld, action: str, status: PaymentStatus
) -> None:
    visitor = await in_review.operator()
    await visitor.get("/ops/reviews")
    assert in_review.payment().id in visitor.html
    assert (await act(in_review, visitor, action)).status_code == 303
    assert in_review.payment().status is status
    again = await visitor.get(path_of(in_review, action))
    assert again.status_code == 409


@pytest.mark.usefixtures("paid")
async def test_only_what_the_explanation_names_is_offered(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    await visitor.get(PAGE)
    offered = set(re.findall(r'action="/ops/payments/[^/"]+/([a-z]+)"', visitor.html))
    assert offered == {"refund"}
    for other in ("capture", "void", "accept", "refuse"):
        assert (await visitor.get(path_of(world, other))).status_code == 409


async def test_what_the_gateway_refuses_is_said(held: ConsoleWorld) -> None:
    held.removed.add("in_memory")
    visitor = await held.operator()
    refused = await act(held, visitor, "capture", amount="60")
    assert refused.status_code == 409
    assert "not configured any more" in visitor.text
    assert held.payment().status is PaymentStatus.AUTHORIZED


@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize("path", ["id-9/refund", "id-2/steal", "a b/void"])
async def test_an_unknown_payment_or_action_is_not_found(visitor: Visitor, path: str) -> None:
    await visitor.get(PAGE)
    token = visitor.fields("/ops/sign-out")["form"]
    assert (await visitor.get(f"/ops/payments/{path}")).status_code == 404
    sent = await visitor.post(f"/ops/payments/{path}", {"form": token, "reason": REASON})
    assert sent.status_code == 404


async def test_a_declined_payment_offers_nothing(world: ConsoleWorld, visitor: Visitor) -> None:
    await world.pay(CardToken("tok_chargeDeclined"))
    await visitor.get(PAGE)
    assert "generic_decline" in visitor.text
    assert "/refund" not in visitor.html
