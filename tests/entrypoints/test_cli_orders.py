"""`payments show`, `explain` and `review`: what an operator reads, and decides."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from application.application import UseCases
from domain.money import Currency, Money
from entrypoints.composition import operator
from entrypoints.settings import Settings
from tests.builders import ORDER, dollars
from tests.entrypoints.test_cli import error_line, run
from tests.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in memory, which the commands use, with one payment in review."""
    world = World()

    @contextlib.asynccontextmanager
    async def open_use_cases(_settings: Settings) -> AsyncIterator[UseCases]:
        yield world.use_cases()

    async def pay() -> None:
        await world.create_order()
        world.faults.mischarge(dollars("1"))
        await world.pay()

    monkeypatch.setattr(operator, "open_use_cases", open_use_cases)
    asyncio.run(pay())
    return world


def test_an_order_is_shown_with_everything_that_belongs_to_it(world: World) -> None:
    payment = world.payment()
    shown = run("show", ORDER)
    assert shown.exit_code == 0
    for text in (
        f"order {ORDER}: created, version 0\n",
        f"payment {payment.id}: review\n",
        "  amount     100.00 usd\n",
        "  captured   1.00 usd\n",
        f"  charge     {payment.charge_id}\n",
        "\nhistory\n",
        f"waiting for payment {payment.id}: an operator to decide whether the order keeps it\n",
    ):
        assert text in shown.output


def test_what_was_captured_in_another_currency_is_shown_in_it(world: World) -> None:
    async def pay() -> None:
        order = await world.create_order("order-2")
        world.faults.mischarge(Money(900, Currency("jpy")))
        await world.pay(order_id=order)

    asyncio.run(pay())
    [payment] = json.loads(run("show", "order-2", "--json").output)["payments"]
    assert (payment["amount"], payment["currency"]) == (10_000, "usd")
    assert (payment["capturedAmount"], payment["capturedCurrency"]) == (900, "jpy")
    assert "  captured   900 jpy\n" in run("show", "order-2").output


def test_the_document_for_programs_has_the_same_for_every_id(world: World) -> None:
    payment = world.payment()
    documents = [
        json.loads(run("show", str(each), "--json").output)
        for each in (ORDER, payment.id, payment.charge_id)
    ]
    assert documents[0] == documents[1] == documents[2]
    assert documents[0]["payments"][0]["status"] == "review"


def test_an_explanation_says_what_may_be_done(world: World) -> None:
    payment = world.payment().id
    explained = run("explain", payment).output
    assert explained.startswith(f"payment {payment} of order {ORDER}: review\n\nbecause\n")
    assert "\nwaiting for an operator to decide whether the order keeps it\n" in explained
    assert f"  payments review refund {payment} --reason TEXT  (operator)\n" in explained


def test_the_explanation_for_programs_has_what_the_contract_says(world: World) -> None:
    document = json.loads(run("explain", ORDER, "--json").output)
    names = {"status", "evidence", "waitingFor", "until", "endsWith", "actions"}
    assert set(document) == names
    assert set(document["evidence"][0]) == {"at", "what", "source"}
    assert set(document["actions"][0]) == {"command", "who"}


def test_a_decision_is_made_once(world: World) -> None:
    payment = world.payment().id
    accepted = run("review", "accept", payment, "--reason", "agreed")
    second = error_line(run("review", "refund", payment, "--reason", "agreed"))
    assert accepted.output == f"accepted 1.00 usd as payment {payment}\n"
    assert second == f"payments: payment {payment} is not in review: its status is succeeded"
    assert "waiting for nothing" in run("explain", payment).output
    assert "all is done" in run("show", payment).output


def test_money_that_is_refused_is_given_back(world: World) -> None:
    payment = world.payment().id
    refused = run("review", "refund", payment, "--reason", "a mistake")
    assert refused.output == f"payment {payment} is given back; a worker sends it\n"
    assert "waiting for the gateway to accept refund" in run("explain", payment).output


def test_a_decision_that_the_order_does_not_allow_is_one_line(world: World) -> None:
    payment = world.payment().id
    asyncio.run(world.cancel_order())
    refused = error_line(run("review", "accept", payment, "--reason", "agreed"))
    because = f"the order cannot keep the money of payment {payment}: order_cancelled"
    assert refused == f"payments: {because}"


@pytest.mark.parametrize("command", ["show", "explain"])
def test_what_does_not_exist_is_one_line(world: World, command: str) -> None:
    missing = "payments: there is no order, payment or charge 'missing'"
    assert error_line(run(command, "missing")) == missing
    assert "an id has 1 to" in error_line(run(command, "x" * 9999))


def test_an_unknown_decision_is_a_usage_error(world: World) -> None:
    assert run("review", "maybe", world.payment().id, "--reason", "r").exit_code == 2
