"""Compose what `payments export-history` reads: gateways, streams and histories."""

import contextlib
from collections.abc import AsyncIterator

from attrs import frozen

from adapters.messaging.jetstream.event_log import JetStreamEventLog
from adapters.persistence.sql.books import SqlBooks
from adapters.persistence.sql.history_roots import SqlHistoryRoots
from adapters.persistence.sql.order_histories import SqlOrderHistories
from application.ports.backlog import BacklogReader
from application.ports.books import Books
from application.ports.clock import Clock
from application.ports.event_log import EventLog
from application.ports.gateways import Gateways
from application.ports.inbound_events import DeadLetters
from application.ports.order_histories import OrderHistories
from application.use_cases.export_history import ExportHistory
from entrypoints.composition.broker import open_connected
from entrypoints.settings import Settings


@frozen
class ShopRecords:
    """Where the records of a shop are read."""

    books: Books
    gateways: Gateways
    log: EventLog
    letters: DeadLetters
    backlog: BacklogReader
    histories: OrderHistories
    export_history: ExportHistory
    now: Clock
    order_subjects: tuple[str, ...]
    our_subjects: tuple[str, ...]
    capture_subject: str
    currency: str


@contextlib.asynccontextmanager
async def open_shop_records(settings: Settings) -> AsyncIterator[ShopRecords]:
    """Open everything; reading raises what each part raises that cannot be reached.

    Raises:
        InvalidSetting: the address of NATS, a file or a gateway plug-in cannot be used.
    """
    async with open_connected(settings) as (runtime, messaging):
        plans = messaging.streams.plans
        histories = SqlOrderHistories(runtime.database)
        yield ShopRecords(
            books=SqlBooks(runtime.database),
            gateways=runtime.gateways,
            log=JetStreamEventLog(messaging.broker, messaging.streams),
            letters=messaging.dead_letters,
            backlog=runtime.backlog,
            histories=histories,
            export_history=ExportHistory(histories, SqlHistoryRoots(runtime.database)),
            now=runtime.clock,
            order_subjects=(*plans.orders.subjects, *plans.shipments.subjects),
            our_subjects=plans.payments.subjects,
            capture_subject=settings.capture_subject,
            currency=str(settings.currency.code),
        )
