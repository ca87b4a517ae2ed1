"""Compose what `payments demo` needs in addition to the service, such as the customer's bank."""

from adapters.clock import utc_now
from adapters.gateways.fake import FakeGateway
from adapters.identifiers import new_id
from adapters.persistence.sql.clock import DatabaseClock
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from domain.identifiers import PaymentId
from entrypoints.composition.runtime import gateway_of
from entrypoints.settings import Settings


async def complete_authentication(settings: Settings, payment_id: str, succeeded: bool) -> None:
    """Record at the fake gateway whether the customer's bank authenticated the customer.

    Raises:
        StorageUnavailable: the database cannot be reached.
        GatewayUnavailable: the fake gateway's records cannot be read or written.
    """
    engine = create_engine(settings.database_url, 1, prepared=settings.database_prepared)
    try:
        clock = DatabaseClock(Database(engine))
        await clock.sync()
        transactional = engine.execution_options(isolation_level="READ COMMITTED")
        gateway = FakeGateway(transactional, clock, new_id)
        await gateway.complete_authentication(PaymentId(payment_id), succeeded)
    finally:
        await engine.dispose()


async def moves_real_money(settings: Settings) -> bool:
    """Whether the gateway of these settings is in live mode; nothing is sent to it.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    engine = create_engine(settings.database_url, 1, prepared=settings.database_prepared)
    gateway = gateway_of(settings, Database(engine), utc_now)
    try:
        return gateway.livemode
    finally:
        await gateway.close()
        await engine.dispose()
