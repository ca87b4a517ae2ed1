"""`payments capture`, `void` and `refund`: one line each for what was done, and what not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from application.application import UseCases
from domain.capture import CaptureMode
from entrypoints.cli.running import system_user
from entrypoints.composition import operator
from entrypoints.settings import Settings
from tests.entrypoints.test_cli import error_line, run
from tests.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in memory, which the commands use, with one payment of $100 authorized."""
    world = World(capture_mode=CaptureMode.MANUAL)

    @contextlib.asynccontextmanager
    async def open_use_cases(_settings: Settings) -> AsyncIterator[UseCases]:
        yield world.use_cases()

    async def authorize() -> None:
        await world.create_order()
        await world.pay()

    monkeypatch.setattr(operator, "open_use_cases", open_use_cases)
    asyncio.run(authorize())
    return world


def test_a_part_is_captured_and_given_back(world: World) -> None:
    payment = world.payment().id
    captured = run("capture", payment, "--amount", "2500")
    part = run("refund", payment, "--amount", "999", "--reason", "broken")
    excessive = error_line(run("refund", payment, "--amount", "1502", "--reason", "broken"))
    rest = run("refund", payment, "--reason", "broken")

    assert captured.output == f"captured 25.00 usd of payment {payment}\n"
    assert part.output.endswith(f" of 9.99 usd of payment {payment} is succeeded\n")
    assert excessive == f"payments: at most 15.01 usd of payment {payment} can still be refunded"
    assert rest.output.endswith(f" of 15.01 usd of payment {payment} is succeeded\n")
    assert (captured.exit_code, part.exit_code, rest.exit_code) == (0, 0, 0)


def test_the_history_names_the_system_user_and_the_reason(world: World) -> None:
    payment = world.payment().id
    run("capture", payment)
    run("refund", payment, "--reason", "broken")
    [entries] = world.database.histories.values()
    did = [(entry.who, entry.why) for entry in entries]
    user = f"cli:{system_user()}"
    assert did[-1] == did[-2] == (user, "broken")
    assert (user, "payment succeeded, order complete") in did
    assert did[1] == ("service", "payment processing")  # this test has paid without HTTP


def test_it_is_released_once(world: World) -> None:
    payment = world.payment().id
    first, again = run("void", payment, "--reason", "out of stock"), run("void", payment)

    assert first.output == again.output == f"released 100.00 usd of payment {payment}\n"
    assert world.payment().release_reason == "out of stock"
    nothing = f"payments: nothing is authorized for payment {payment}: its status is cancelled"
    assert error_line(run("capture", payment)) == nothing


def test_what_is_not_possible_is_said_in_one_line(world: World) -> None:
    payment = world.payment().id
    excessive = f"payments: at most 100.00 usd of payment {payment} can be captured"
    refund = f"payments: payment {payment} cannot be refunded: its status is authorized"

    assert error_line(run("capture", payment, "--amount", "10001")) == excessive
    assert error_line(run("refund", payment, "--reason", "broken")) == refund
    for command in ("capture", "void"):
        assert error_line(run(command, "missing")) == "payments: there is no payment missing"
    assert world.payment().waits_for_capture
