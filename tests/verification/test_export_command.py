"""The command `payments export-history`: what it says while it runs, and at the end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from adapters.clock import utc_now
from adapters.gateways.in_memory import InMemoryGateway
from application.ports.gateway_records import ChargeRecord, Page, Period
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.payment_gateway import OutcomeUnknown
from entrypoints.cli import accounting
from entrypoints.composition import history_export
from entrypoints.composition.history_export import ShopRecords
from payments_kit.verification import export_command, pages
from payments_kit.verification.export_command import export_history
from tests.verification.worlds import run_world, sources_of

LATER = "export again in 10 minutes"


class AwayAtFirst(InMemoryGateway):
    """A gateway whose first page comes to nothing, after a while."""

    is_away = True

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        if self.is_away:
            self.is_away = False
            await asyncio.sleep(0.2)
            raise OutcomeUnknown("no reply within 7 s")
        return await super().charge_records(period, cursor)


@pytest.fixture
def _sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command read a shop whose gateway does not answer at first."""
    world = run_world(1)

    async def at_once(_step: str) -> None:
        """Continue: the world has ended, with its clock."""

    world.runtime.database.checkpoint = at_once
    world.runtime.broker.checkpoint = at_once
    ledger = next(iter(world.runtime.ledgers.values()))
    away = ConfiguredGateway(AwayAtFirst(ledger, name="stripe"), "stripe")
    found = evolve(sources_of(world), gateways=Gateways((away,)), now=utc_now)

    @contextlib.asynccontextmanager
    async def opened(_settings: object) -> AsyncIterator[ShopRecords]:
        yield found

    monkeypatch.setattr(history_export, "open_shop_records", opened)
    monkeypatch.setattr(export_command, "settings_or_exit", lambda *, http: None)
    monkeypatch.setattr(pages, "PAUSES", (0.0,))


def export(file: Path, *options: str) -> Result:
    ended = CliRunner().invoke(export_history, [str(file), *options])
    assert ended.exit_code == 0, ended.output
    return ended


@pytest.mark.usefixtures("_sources")
def test_a_gateway_that_does_not_answer_is_named_when_it_is_asked_again(tmp_path: Path) -> None:
    said = export(tmp_path / "shop.jsonl").stderr
    problem = "no page of its list (no reply within 7 s): asking again in 0 s"
    assert f"payments: stripe: {problem}" in said


@pytest.mark.usefixtures("_sources")
def test_it_says_what_it_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounting, "PROGRESS_SECONDS", 0.05)
    said = export(tmp_path / "shop.jsonl").stderr.splitlines()
    assert "payments: 1 line, reading the lists of stripe …" in said


@pytest.mark.usefixtures("_sources")
def test_a_fresh_export_says_when_its_newest_orders_can_be_judged(tmp_path: Path) -> None:
    assert LATER in export(tmp_path / "shop.jsonl").stderr.splitlines()[-1]
    until = (utc_now() - timedelta(minutes=11)).isoformat()
    assert LATER not in export(tmp_path / "shop.jsonl", "--until", until).stderr


def test_a_period_that_ends_before_it_begins_is_said_without_any_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    file = tmp_path / "none.jsonl"
    options = ["--since", "2026-10-02", "--until", "2026-10-01", str(file)]
    ended = CliRunner().invoke(export_history, options)
    assert ended.exit_code == 1
    assert ended.stderr == "payments: --until: the period ends before it begins\n"
    assert not file.exists()
