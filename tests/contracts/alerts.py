"""The promises of alerts."""

from datetime import timedelta

import pytest
from attrs import define

from application.ports.alerts import MAX_SUBJECT, MAX_TEXT, AlertKind
from application.throttled_alerts import MAX_SUBJECTS, WRITE_SECONDS, ThrottledAlerts
from entrypoints.logs import redact
from tests.contracts.storages import Storage

SKEW, TWICE = AlertKind.CLOCK_SKEW, AlertKind.CHARGED_TWICE
MINUTE = timedelta(minutes=1)


@define
class Seconds:
    """A monotonic clock that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class AlertsContract:
    """The promises of application/ports/alerts.py."""

    async def test_one_alert_for_each_kind_and_subject_the_newest_first(
        self, storage: Storage
    ) -> None:
        alerts = ThrottledAlerts(storage.alerts, Seconds())
        assert await alerts.list_current() == []
        await alerts.report(SKEW, "host-1", "10 s behind")
        await storage.elapse(MINUTE)
        await alerts.report(SKEW, "host-2", "3 s ahead")
        await storage.elapse(MINUTE)
        await alerts.report(TWICE, "host-1", "ch_2")
        found = await alerts.list_current()
        assert [(each.kind, each.subject, each.text, each.count) for each in found] == [
            (TWICE, "host-1", "ch_2", 1),
            (SKEW, "host-2", "3 s ahead", 1),
            (SKEW, "host-1", "10 s behind", 1),
        ]

    async def test_an_alert_that_is_reported_again_is_the_newest(self, storage: Storage) -> None:
        for subject in ("host-1", "host-2", "host-1"):
            await storage.alerts.add(SKEW, subject, "10 s behind", 1)
            await storage.elapse(MINUTE)
        found = await storage.alerts.list_current()
        assert [each.subject for each in found] == ["host-1", "host-2"]

    async def test_reports_update_text_time_and_count(self, storage: Storage) -> None:
        alerts, seconds = storage.alerts, Seconds()
        process_1, process_2 = ThrottledAlerts(alerts, seconds), ThrottledAlerts(alerts, seconds)
        await process_1.report(SKEW, "host-1", "10 s behind")
        await storage.elapse(MINUTE)
        await process_2.report(SKEW, "host-1", "11 s behind")
        (alert,) = await process_1.list_current()
        assert (alert.text, alert.count) == ("11 s behind", 2)
        assert alert.last_at - alert.first_at >= MINUTE

    async def test_reports_in_quick_succession_are_counted_and_written_later(
        self, storage: Storage
    ) -> None:
        seconds = Seconds()
        alerts = ThrottledAlerts(storage.alerts, seconds)
        for number in range(5):
            await alerts.report(SKEW, "host-1", f"{number} s behind")
        (alert,) = await alerts.list_current()
        assert (alert.text, alert.count) == ("0 s behind", 1)
        await alerts.flush()
        (alert,) = await alerts.list_current()
        assert (alert.text, alert.count) == ("4 s behind", 5)
        seconds.now += WRITE_SECONDS
        await alerts.report(SKEW, "host-1", "5 s behind")
        (alert,) = await alerts.list_current()
        assert (alert.text, alert.count) == ("5 s behind", 6)

    @pytest.mark.parametrize("kind", AlertKind)
    async def test_an_alert_is_current_for_its_period_and_then_begins_again(
        self, storage: Storage, kind: AlertKind
    ) -> None:
        await storage.alerts.add(kind, "subject", "first", 3)
        await storage.elapse(kind.current_for - MINUTE)
        (alert,) = await storage.alerts.list_current()
        assert (alert.kind, alert.text, alert.count) == (kind, "first", 3)
        await storage.elapse(2 * MINUTE)
        assert await storage.alerts.list_current() == []
        await storage.alerts.add(kind, "subject", "second", 2)
        (alert,) = await storage.alerts.list_current()
        assert (alert.text, alert.count) == ("second", 2)
        assert alert.first_at == alert.last_at

    async def test_an_alert_that_is_reported_again_and_again_goes_on(
        self, storage: Storage
    ) -> None:
        for _ in range(4):
            await storage.alerts.add(SKEW, "host-1", "10 s behind", 2)
            await storage.elapse(SKEW.current_for - MINUTE)
        (alert,) = await storage.alerts.list_current()
        assert alert.count == 8
        assert alert.last_at - alert.first_at >= 2 * SKEW.current_for

    async def test_any_text_is_stored_bounded_and_in_one_line_without_secrets(
        self, storage: Storage
    ) -> None:
        alerts = ThrottledAlerts(storage.alerts, Seconds(), redact)
        await alerts.report(SKEW, "a\x00b\ud800\n" + "c" * 10_000, "sk_test_1\r\n\x1b[1m " * 10_000)
        (alert,) = await alerts.list_current()
        assert alert.subject == ("a b " + "c" * 200)[:MAX_SUBJECT]
        assert len(alert.text) <= MAX_TEXT
        assert alert.text.isprintable()
        assert "sk_test" not in alert.text

    async def test_the_number_of_subjects_is_bounded(self, storage: Storage) -> None:
        seconds = Seconds()
        alerts = ThrottledAlerts(storage.alerts, seconds)
        for number in range(MAX_SUBJECTS + 50):
            await alerts.report(SKEW, f"host-{number}", "behind")
        await alerts.report(TWICE, "payment", "ch_2")
        await alerts.flush()
        found = {(each.kind, each.subject): each.count for each in await alerts.list_current()}
        assert len(found) == MAX_SUBJECTS + 2
        assert (found[SKEW, "others"], found[TWICE, "payment"]) == (50, 1)
        seconds.now += 2 * SKEW.current_for.total_seconds()
        await alerts.flush()
        await alerts.report(SKEW, "host-1000", "behind")
        assert (SKEW, "host-1000") in {
            (each.kind, each.subject) for each in await alerts.list_current()
        }
