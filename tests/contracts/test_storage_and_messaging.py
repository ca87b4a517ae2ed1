"""The contracts of the storage and messaging ports, each on both of its adapters."""
# ruff: noqa: F401 - pytest collects these classes

from tests.contracts.alerts import AlertsContract as TestAlerts
from tests.contracts.backlog import BacklogReaderContract as TestBacklogReader
from tests.contracts.books import BooksContract as TestBooks
from tests.contracts.charge_owners import ChargeOwnersContract as TestChargeOwners
from tests.contracts.continued_work import ContinuedWorkContract as TestContinuedWork
from tests.contracts.dead_letters import DeadLettersContract as TestDeadLetters
from tests.contracts.decline_counter import DeclineCounterContract as TestDeclineCounter
from tests.contracts.differences import DifferencesContract as TestDifferences
from tests.contracts.event_log import EventLogContract as TestEventLog
from tests.contracts.event_publisher import EventPublisherContract as TestEventPublisher
from tests.contracts.history_roots import HistoryRootsContract as TestHistoryRoots
from tests.contracts.idempotency_store import IdempotencyStoreContract as TestIdempotencyStore
from tests.contracts.inbound_events import InboundEventsContract as TestInboundEvents
from tests.contracts.inbound_lag import InboundLagContract as TestInboundLag
from tests.contracts.operator_sessions import OperatorSessionsContract as TestOperatorSessions
from tests.contracts.order_histories import OrderHistoriesContract as TestOrderHistories
from tests.contracts.order_ids import OrderIdsContract as TestOrderIds
from tests.contracts.outbox_queue import OutboxQueueContract as TestOutboxQueue
from tests.contracts.outbox_signal import OutboxSignalContract as TestOutboxSignal
from tests.contracts.payment_figures import PaymentFiguresContract as TestPaymentFigures
from tests.contracts.payment_pages import PaymentPagesContract as TestPaymentPages
from tests.contracts.payment_search import PaymentSearchContract as TestPaymentSearch
from tests.contracts.personal_data import PersonalDataContract as TestPersonalData
from tests.contracts.requests import RequestsContract as TestRequests
from tests.contracts.stream_positions import StreamPositionsContract as TestStreamPositions
from tests.contracts.unit_of_work import UnitOfWorkContract as TestUnitOfWork
from tests.contracts.unusable_notifications import (
    UnusableNotificationsContract as TestUnusableNotifications,
)
