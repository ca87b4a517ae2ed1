"""ReconcileRegularly: when each gateway is compared, since when, and what is told of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.alerts import AlertKind
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import UnusableNotification
from application.ports.gateway_records import FailedCharge, Page, Period
from application.ports.payment_gateway import LookupRefused, OutcomeUnknown
from application.use_cases.compare_books import MARGIN
from application.use_cases.reconcile_regularly import ReconcileRegularly
from domain.identifiers import ChargeId, PaymentId
from domain.outcome import Declined
from domain.payment_status import PaymentStatus
from tests.builders import NOW, a_payment, an_order, charged, dollars
from tests.use_cases.comparing import OLD, Comparison, aged
from tests.world import World

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


class Recorded(InMemoryGateway):
    """A gateway that notes which periods it is asked about, and fails as a test says."""

    asked: list[Period]
    errors: list[Exception]
    records: list[Any]

    async def charge_records(self, period: Period, cursor: str | None) -> Page[Any]:
        self.asked.append(period)
        if self.errors:
            raise self.errors.pop(0)
        return Page(self.records)


class Shop:
    """A worker whose gateway can be told what to say."""

    def __init__(self, kind: type[Recorded] = Recorded, **has: Any) -> None:
        self.asked: list[Period] = []
        self.errors: list[Exception] = []
        self.records: list[Any] = []
        said = {"asked": self.asked, "errors": self.errors, "records": self.records}
        self.world = World(gateway_type=type("ARecord", (kind,), said | has))
        regularly = self.world.use_cases().reconcile_regularly
        reconcile = evolve(regularly.reconcile, sleep=self.pause)
        self.regularly = ReconcileRegularly(
            reconcile, regularly.gateways, regularly.alerts, regularly.now
        )

    async def pause(self, _seconds: float) -> None:
        pass

    async def run(self, later: timedelta = timedelta(0)) -> list[tuple[timedelta, timedelta]]:
        """Run once, so much later; return what was asked for, measured from now."""
        self.world.pass_time(later)
        self.asked.clear()
        self.found = await self.regularly.run_once()
        now = self.world.now()
        return [(now - each.since, each.until - now) for each in self.asked]

    @property
    def reconciled_at(self) -> datetime | None:
        return self.regularly.reconciled_at("in_memory")


async def test_it_looks_back_three_days_at_first_and_once_a_day_else_three_hours() -> None:
    shop = Shop()
    assert shop.reconciled_at is None
    assert await shop.run() == [(3 * DAY, MARGIN)]
    assert shop.reconciled_at == NOW
    assert await shop.run(HOUR - timedelta(microseconds=1)) == []
    assert await shop.run(timedelta(microseconds=1)) == [(4 * HOUR, MARGIN)]
    for _ in range(22):
        assert await shop.run(HOUR) == [(4 * HOUR, MARGIN)]
    assert await shop.run(HOUR) == [(3 * DAY, MARGIN)]
    assert await shop.run(HOUR) == [(4 * HOUR, MARGIN)]
    assert shop.reconciled_at == shop.world.now()


async def test_what_is_listed_late_is_looked_for_again() -> None:
    shop = Shop(records_delay=timedelta(hours=2))
    await shop.run()
    assert await shop.run(HOUR) == [(6 * HOUR, MARGIN)]


@pytest.mark.parametrize("error", [OutcomeUnknown("no reply"), LookupRefused("forbidden")])
async def test_a_gateway_that_cannot_be_asked_is_asked_again_later(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop()
    is_final = isinstance(error, LookupRefused)
    shop.errors[:] = [error] * (1 if is_final else 3)
    assert set(await shop.run()) == {(3 * DAY, MARGIN)}
    assert shop.reconciled_at is None
    pause = HOUR if is_final else MINUTE
    assert await shop.run(pause - timedelta(microseconds=1)) == []
    since, until = (3 * DAY, MARGIN) if is_final else (3 * DAY + MINUTE, MARGIN - MINUTE)
    assert await shop.run(timedelta(microseconds=1)) == [(since, until)]
    alerts = [(each.kind, each.subject) for each in await shop.world.alerts.list_current()]
    assert alerts == ([(AlertKind.LOOKUP_IMPOSSIBLE, "in_memory")] if is_final else [])
    assert ("could not be reconciled after" in caplog.text) is not is_final
    assert shop.reconciled_at == NOW + (HOUR if is_final else timedelta(0))


async def test_an_interrupted_comparison_goes_on_and_the_next_hour_begins_with_it() -> None:
    shop = Shop()
    await shop.run()
    shop.errors[:] = [OutcomeUnknown("no reply")] * 3
    began = await shop.run(HOUR)
    assert await shop.run(MINUTE) == [(began[0][0] + MINUTE, MARGIN - MINUTE)]
    assert shop.reconciled_at == NOW + HOUR
    assert await shop.run(HOUR - MINUTE - timedelta(microseconds=1)) == []
    assert len(await shop.run(timedelta(microseconds=1))) == 1


async def test_a_gateway_without_records_is_left_out() -> None:
    shop = Shop(charge_records=None)
    assert await shop.run() == []
    assert shop.reconciled_at is None
    assert not await shop.world.alerts.list_current()


class Crowded(Recorded):
    """A gateway with more charges of two days than are compared at once."""

    async def charge_records(self, period: Period, cursor: str | None) -> Page[Any]:
        await super().charge_records(period, cursor)
        is_long = period.until - period.since > timedelta(days=2)
        ids = [PaymentId(f"p-{each}") for each in range(2 if is_long else 0)]
        return Page([FailedCharge(a_payment(each), ChargeId(each), Declined("no")) for each in ids])


async def test_a_comparison_of_several_parts_is_one_part_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("application.use_cases.reconciliation.MAX_SEEN", 1)
    shop = Shop(Crowded)
    assert len(await shop.run()) == 2
    assert shop.reconciled_at is None
    assert [until for _, until in await shop.run()] == [MARGIN]
    assert shop.reconciled_at == NOW
    assert await shop.run() == []


async def test_a_difference_that_names_no_payment_is_logged_by_its_subject(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shop = Shop()
    named = UnusableNotification("evt-1", "no amount")
    shop.records[:] = [UnreadableCharge(named, b"{}", NOW)]
    await shop.run()
    line = "difference unreadable of payment evt-1 at in_memory: ours None, theirs None: not"
    assert line in caplog.text


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (PaymentStatus.SUCCEEDED, "not repaired (the ordinary rules change nothing)\n"),
        (PaymentStatus.PENDING, "repaired\n"),
    ],
)
async def test_each_difference_is_counted_and_logged(
    status: PaymentStatus, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop(find=declines)
    payment = aged(a_payment(status=status), OLD)
    await Comparison(shop.world).store(an_order(payment))
    shop.records[:] = [FailedCharge(a_payment(), ChargeId("ch_payment-1"), Declined("expired"))]
    await shop.run()
    assert shop.found == 1
    line = "difference late_failure of payment payment-1 at in_memory: ours "
    assert f"{line}{status.value}, theirs failed: expired: {end}" in caplog.text


async def declines(_gateway: object, _payment: object) -> Declined:
    return Declined("expired")


async def test_a_lost_charge_is_logged_with_its_payment(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop()
    shop.records[:] = [ListedCharge(a_payment(), charged(), dollars("0"))]
    await shop.run()
    assert "difference lost_charge of payment payment-1 at in_memory" in caplog.text
