"""Reporting an alert never fails, and loses nothing that the process lives to write."""

import asyncio

import pytest

from application.ports.alerts import MAX_LISTED, MAX_SUBJECT, MAX_TEXT, AlertKind
from application.ports.unit_of_work import StorageUnavailable
from application.throttled_alerts import MAX_SUBJECTS, ThrottledAlerts
from tests.contracts.alerts import Seconds
from tests.world import World

SKEW = AlertKind.CLOCK_SKEW


async def test_an_alert_is_logged_while_the_database_is_away_and_stored_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(failing={"database"})
    await world.alerts.report(SKEW, "host-1", "10 s behind")
    await world.alerts.flush()
    [record] = [each for each in caplog.records if each.message == "needs attention"]
    logged = record.__dict__
    assert (logged["alert"], logged["subject"]) == ("clock_skew", "host-1")
    assert logged["reason"] == "10 s behind"
    world.failing.clear()
    await world.alerts.flush()
    (alert,) = await world.alerts.list_current()
    assert (alert.subject, alert.text, alert.count) == ("host-1", "10 s behind", 1)


@pytest.mark.parametrize("error", [TimeoutError(), StorageUnavailable("down"), ValueError("bug")])
async def test_a_report_raises_nothing_whatever_the_store_raises(error: Exception) -> None:
    class Broken:
        async def add(self, *_: object) -> None:
            raise error

        async def list_current(self) -> list[object]:
            raise error

    alerts = ThrottledAlerts(Broken(), Seconds())  # type: ignore[arg-type]
    await alerts.report(SKEW, "host-1", "10 s behind")
    await alerts.flush()


class Store:
    """Stores alerts, or fails with what a test says."""

    def __init__(self) -> None:
        self.added: list[tuple[str, str, int]] = []
        self.error: Exception | None = None

    async def add(self, _kind: AlertKind, subject: str, text: str, count: int) -> None:
        if self.error is not None:
            raise self.error
        self.added.append((subject, text, count))

    async def list_current(self) -> list[object]:
        return []


class Clock:
    """A monotonic clock."""

    def __init__(self) -> None:
        self.time = 5_000.0

    def __call__(self) -> float:
        return self.time


def throttled() -> tuple[ThrottledAlerts, Store, Clock]:
    store, clock = Store(), Clock()
    return ThrottledAlerts(store, clock), store, clock  # type: ignore[arg-type]


async def test_a_subject_is_written_every_ten_seconds_and_the_rest_is_counted() -> None:
    alerts, store, clock = throttled()
    for seconds in (0, 9, 0.9, 0.1, 3):
        clock.time += seconds
        await alerts.report(SKEW, "host", f"at {clock.time}")
    assert store.added == [("host", "at 5000.0", 1), ("host", "at 5010.0", 3)]
    await alerts.flush()
    assert store.added[2:] == [("host", "at 5013.0", 1)]
    await alerts.flush()
    assert len(store.added) == 3


@pytest.mark.parametrize("error", [TimeoutError(), StorageUnavailable("down"), ValueError("bug")])
async def test_what_could_not_be_written_is_counted_and_logged(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    alerts, store, _ = throttled()
    store.error = error
    await alerts.report(SKEW, "host", "behind")
    await alerts.report(SKEW, "host", "behind")
    await alerts.flush()
    is_bug = isinstance(error, ValueError)
    assert ("could not be stored" in caplog.text) is is_bug
    assert ("is not stored yet" in caplog.text) is not is_bug
    store.error = None
    await alerts.flush()
    assert store.added == [("host", "behind", 2)]


async def test_more_than_a_hundred_subjects_share_one_and_the_old_ones_are_forgotten() -> None:
    alerts, store, clock = throttled()
    for number in range(101):
        await alerts.report(SKEW, f"host-{number}", "behind")
    assert [subject for subject, _, _ in store.added[98:]] == ["host-98", "host-99", "others"]
    clock.time += 10
    await alerts.report(SKEW, "host-5", "behind")
    assert store.added[-1][0] == "host-5"
    await alerts.report(AlertKind.GATEWAY_MISSING, "bank", "missing")
    assert store.added[-1][0] == "bank"
    clock.time += SKEW.current_for.total_seconds() - 10
    await alerts.flush()
    await alerts.report(SKEW, "host-200", "behind")
    assert store.added[-1][0] == "others"
    clock.time += 0.1
    await alerts.flush()
    await alerts.report(SKEW, "host-200", "behind")
    assert store.added[-1][0] == "host-200"


async def test_a_text_is_one_bounded_line() -> None:
    alerts, store, _ = throttled()
    await alerts.report(SKEW, "h" * 101, "a\n  b\x00c" + "x" * 600)
    [(subject, text, _)] = store.added
    assert subject == "h" * 100
    assert text == ("a b c" + "x" * 600)[:500]
    await alerts.report(SKEW, "spaces", " " * 1000 + "end")
    assert store.added[-1][1] == ""


async def test_a_secret_at_the_end_of_a_text_is_removed_before_the_text_is_cut() -> None:
    store = Store()
    secret = "nats://payments:correct-horse@"
    alerts = ThrottledAlerts(store, Clock(), lambda text: text.replace(secret, "…"))  # type: ignore[arg-type]
    await alerts.report(SKEW, "host", "x" * (MAX_TEXT - len(secret) + 1) + secret)
    [(_, text, _)] = store.added
    assert text == "x" * (MAX_TEXT - len(secret) + 1) + "…"


async def test_a_write_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Store):
        async def add(self, *_: object) -> None:
            await asyncio.sleep(60)

    monkeypatch.setattr("application.throttled_alerts.STORE_SECONDS", 0.01)
    alerts = ThrottledAlerts(Hanging(), Clock())  # type: ignore[arg-type]
    await alerts.report(SKEW, "host", "behind")
    assert MAX_SUBJECTS == 100


def test_the_stored_word_of_an_alert_is_the_name_of_its_kind() -> None:
    assert [each.value for each in AlertKind] == [each.name.lower() for each in AlertKind]
    assert (MAX_SUBJECT, MAX_TEXT, MAX_LISTED) == (100, 500, 1000)
