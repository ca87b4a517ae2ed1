"""ApplyDeferredNotifications: apply notifications that arrived before their charge was known."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from attrs import frozen

from application.log_context import log_context
from application.ports.alerts import Alerts
from application.ports.clock import Clock
from application.ports.gateway_notifications import ChargeNotification
from application.ports.unit_of_work import BeginUnitOfWork, StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.apply_charge_notification import apply_charge_notification
from application.use_cases.settle_refund import report_doubtful
from domain.refund import Refund

logger = logging.getLogger(__name__)

# Stripe itself repeats a notification for this long (https://docs.stripe.com/webhooks#retries).
# Recovery finds each of our charges within a day, so the charge of an older one is not ours.
DEFERRED_FOR: Final = timedelta(days=3)


@frozen
class ApplyDeferredNotifications:
    """Apply deferred notifications whose charge is known by now, and delete those too old."""

    begin: BeginUnitOfWork
    retry: RetryOnConflict
    alerts: Alerts
    now: Clock

    async def run_once(self, limit: int = 100) -> int:
        """Process at most `limit` notifications; return how many are finished.

        Raises:
            StorageUnavailable: the database cannot be reached; the rest is processed next time.
        """
        before = self.now() - DEFERRED_FOR
        deferred = await self.begin().inbox.find_deferred(before, limit)
        return sum([await self._process(notification) for notification in deferred])

    async def _process(self, notification: ChargeNotification) -> bool:
        with log_context(notification=notification.id):
            return await self._apply(notification)

    async def _apply(self, notification: ChargeNotification) -> bool:
        async def decision(work: UnitOfWork) -> Sequence[Refund] | None:
            doubtful = await apply_charge_notification(work, notification, self.now())
            work.inbox.remove_deferred(notification.id)
            return doubtful

        try:
            doubtful = await self.retry(decision)
        except StorageUnavailable:
            raise
        except Exception:  # one failing notification must not stop the others
            logger.exception("could not apply notification %s", notification.id)
            return False
        if doubtful is not None:
            await report_doubtful(self.alerts, doubtful)
            logger.info("notification %s was applied", notification.id)
        else:
            logger.info("notification %s was deleted: its charge is not ours", notification.id)
        return True
