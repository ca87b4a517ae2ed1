"""`payments forget`: what is done, what would be done, and why not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from adapters.persistence.in_memory import InMemoryPersonalData
from application.acting import current_actor
from application.retry import RetryOnConflict
from application.use_cases.forget_user import ForgetUser
from domain.capture import CaptureMode
from entrypoints.composition import audit
from entrypoints.settings import Settings
from tests.builders import NOW, ORDER, PAYER, PAYMENT
from tests.entrypoints.test_cli import error_line, run
from tests.world import World

WORDS = "the user of 1 orders and 1 payments; 0 replies deleted, 0 declines deleted"


def paid(monkeypatch: pytest.MonkeyPatch, mode: CaptureMode) -> World:
    world = World(capture_mode=mode)

    @contextlib.asynccontextmanager
    async def open_forget_user(_settings: Settings) -> AsyncIterator[ForgetUser]:
        begin = RetryOnConflict(lambda: world.database.begin(actor=current_actor))
        yield ForgetUser(begin, InMemoryPersonalData(world.database))

    async def pay() -> None:
        await world.create_order()
        await world.pay()

    monkeypatch.setattr(audit, "open_forget_user", open_forget_user)
    asyncio.run(pay())
    return world


def test_a_user_is_forgotten_once_it_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = paid(monkeypatch, CaptureMode.AUTOMATIC)
    before = world.order()
    assert run("forget", PAYER, "--dry-run").output == f"would forget: {WORDS}; nothing was done\n"
    assert run("forget", PAYER).exit_code == 1  # nobody confirms it
    assert world.order() == before
    assert run("forget", PAYER, "--yes").output == f"forgotten: {WORDS}\n"
    assert PAYER not in repr(world.order())
    assert world.database.histories[ORDER][-1].who.startswith("cli:")
    stand_in = world.payment().user_id
    assert error_line(run("forget", stand_in)).endswith("pseudonym of a user who was forgotten")


def test_what_is_stored_of_a_user_without_orders_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = paid(monkeypatch, CaptureMode.AUTOMATIC)
    world.database.declines["user:user-9"] = [NOW]
    words = "the user of 0 orders and 0 payments; 0 replies deleted, 1 declines deleted"
    assert run("forget", "user-9", "--yes").output == f"forgotten: {words}\n"
    assert "user:user-9" not in world.database.declines
    assert run("forget", "user-9", "--yes").output.endswith("; nothing was done\n")


def test_what_is_not_finished_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    world = paid(monkeypatch, CaptureMode.MANUAL)
    before = world.order()
    refused = run("forget", PAYER, "--yes")
    assert (refused.exit_code, world.order()) == (1, before)
    assert f"order {ORDER}: payment {PAYMENT} is authorized" in refused.stderr.replace(
        world.payment().id, PAYMENT
    )
