"""The database in memory: the reference implementation of the storage ports."""

from adapters.persistence.in_memory.alert_store import InMemoryAlertStore as InMemoryAlertStore
from adapters.persistence.in_memory.backlog import InMemoryBacklogReader as InMemoryBacklogReader
from adapters.persistence.in_memory.books import InMemoryBooks as InMemoryBooks
from adapters.persistence.in_memory.charge_owners import (
    InMemoryChargeOwners as InMemoryChargeOwners,
)
from adapters.persistence.in_memory.database import InMemoryDatabase as InMemoryDatabase
from adapters.persistence.in_memory.decline_counter import (
    InMemoryDeclineCounter as InMemoryDeclineCounter,
)
from adapters.persistence.in_memory.differences import InMemoryDifferences as InMemoryDifferences
from adapters.persistence.in_memory.history_roots import (
    InMemoryHistoryRoots as InMemoryHistoryRoots,
)
from adapters.persistence.in_memory.idempotency_store import (
    InMemoryIdempotencyStore as InMemoryIdempotencyStore,
)
from adapters.persistence.in_memory.operator_sessions import (
    InMemoryOperatorSessions as InMemoryOperatorSessions,
)
from adapters.persistence.in_memory.order_histories import (
    InMemoryOrderHistories as InMemoryOrderHistories,
)
from adapters.persistence.in_memory.order_ids import InMemoryOrderIds as InMemoryOrderIds
from adapters.persistence.in_memory.outbox_queue import InMemoryOutboxQueue as InMemoryOutboxQueue
from adapters.persistence.in_memory.outbox_queue import InMemoryOutboxSignal as InMemoryOutboxSignal
from adapters.persistence.in_memory.payment_figures import (
    InMemoryPaymentFigures as InMemoryPaymentFigures,
)
from adapters.persistence.in_memory.payment_pages import (
    InMemoryPaymentPages as InMemoryPaymentPages,
)
from adapters.persistence.in_memory.payment_search import (
    InMemoryPaymentSearch as InMemoryPaymentSearch,
)
from adapters.persistence.in_memory.personal_data import (
    InMemoryPersonalData as InMemoryPersonalData,
)
from adapters.persistence.in_memory.stream_positions import (
    InMemoryStreamPositions as InMemoryStreamPositions,
)
from adapters.persistence.in_memory.unit_of_work import InMemoryUnitOfWork as InMemoryUnitOfWork
from adapters.persistence.in_memory.unusable_notifications import (
    InMemoryUnusableNotifications as InMemoryUnusableNotifications,
)
