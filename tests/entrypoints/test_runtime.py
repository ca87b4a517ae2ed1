"""What every process of the service does beside its work."""

from application.ports.alerts import AlertKind
from entrypoints.composition.runtime import open_runtime
from entrypoints.settings import read_settings
from tests.adapters.persistence.test_clock import shifted


async def test_a_database_whose_clock_went_back_is_an_alert(database_url: str) -> None:
    variables = {"NATS_URL": "nats://nowhere.invalid", "PAYMENT_GATEWAY": "fake"}
    settings = read_settings({"DATABASE_URL": database_url, **variables}, http=False)
    async with open_runtime(settings) as runtime:
        runtime.clock._read = shifted("-10 minutes")
        await runtime.sync_clock()
        [alert] = await runtime.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.CLOCK_SKEW, "database")
    assert "went back by 0:10:00" in alert.text
