"""What every process of the service does beside its work."""

from adapters.messaging.jetstream.plans import PAYMENTS
from application.ports.alerts import AlertKind
from entrypoints.composition.history_export import open_shop_records
from entrypoints.composition.runtime import open_runtime
from entrypoints.settings import Settings, read_settings
from tests.adapters.persistence.test_clock import shifted


def settings_for(database_url: str, **others: str) -> Settings:
    variables = {"NATS_URL": "nats://nowhere.invalid", "PAYMENT_GATEWAY": "fake", **others}
    return read_settings({"DATABASE_URL": database_url, **variables}, http=False)


async def test_a_database_whose_clock_went_back_is_an_alert(database_url: str) -> None:
    async with open_runtime(settings_for(database_url)) as runtime:
        runtime.clock._read = shifted("-10 minutes")
        await runtime.sync_clock()
        [alert] = await runtime.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.CLOCK_SKEW, "database")
    assert "went back by 0:10:00" in alert.text


async def test_what_was_reported_last_is_stored_when_the_process_ends(database_url: str) -> None:
    settings = settings_for(database_url)
    async with open_runtime(settings) as runtime:
        for number in range(3):  # the first is stored at once, and the others wait
            await runtime.alerts.report(AlertKind.CHARGED_TWICE, "payment-1", f"ch_{number}")
    async with open_runtime(settings) as following:
        [alert] = await following.alerts.list_current()
    assert (alert.text, alert.count) == ("ch_2", 3)


async def test_an_export_reads_every_event_that_we_read_or_publish(database_url: str) -> None:
    settings = settings_for(database_url, CAPTURE_SUBJECT="parcel:sent")
    async with open_shop_records(settings) as records:
        assert {*records.order_subjects} == {"order:created", "order:cancelled", "parcel:sent"}
        assert {*records.our_subjects} == {*PAYMENTS.subjects}
