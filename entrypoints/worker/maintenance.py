"""Maintenance loops: delete old rows, and log alerts."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from attrs import frozen

from application.ports.alerts import Alerts
from application.ports.backlog import BacklogReader
from application.ports.gateway_notifications import NotificationReader
from application.ports.history_roots import HistoryRoots
from application.ports.idempotency_store import IdempotencyStore
from application.use_cases.keep_notification import ReplayNotifications
from domain.actor import RECOVERY, Actor
from domain.order_changes import moment
from entrypoints.monitoring.problems import read_problems
from entrypoints.worker.loops import Loop

logger = logging.getLogger(__name__)

# Rows are kept for days longer than they are needed, so an hour more does not matter.
RETENTION_SECONDS: Final = 3600.0

# How often a root over all histories is recorded, as the contract promises.
ROOT_SECONDS: Final = 60.0

# How often an alert is logged again while its cause lasts.
ALERT_SECONDS: Final = 60.0

# Only a newer version can use a notification that an older one could not, and it begins with it.
REPLAY_SECONDS: Final = 3600.0


@frozen
class Retention:
    """Deletes rows that are no longer needed."""

    idempotency_store: IdempotencyStore
    delete_old_rows: Callable[[], Awaitable[int]]
    """Delete what the other tables no longer need; return how many rows."""
    replies_kept: timedelta
    """How long the replies to requests with an idempotency key are kept."""

    async def run_once(self) -> int:
        """Delete at most a batch of each; return how many rows were deleted.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        replies = await self.idempotency_store.delete_older_than(self.replies_kept)
        return replies + await self.delete_old_rows()


@frozen
class RootLog:
    """Records a root over all histories, and publishes it in the log.

    The log is kept where the database's administrators cannot change it, so a history that was cut
    or replaced in the database no longer leads to a root that was published before.
    """

    roots: HistoryRoots

    async def run_once(self) -> int:
        """Record a root; return 0 if it is complete, so that the loop pauses.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        root = await self.roots.record()
        if root is None:
            return 0
        logger.info(
            "history root",
            extra={
                "root": root.root,
                "number": root.id,
                "at": moment(root.at),
                "orders": root.orders,
            },
        )
        return 0 if root.is_complete else 1


@frozen
class AlertLog:
    """Logs what needs an operator."""

    backlog: BacklogReader
    alerts: Alerts

    async def run_once(self) -> int:
        """Log each problem once; return 0, so that the loop pauses.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        for problem in await read_problems(self.backlog, self.alerts):
            logger.warning(
                "needs attention",
                extra={"alert": problem.name, "reason": problem.text, "next": problem.next_step},
            )
        return 0


def maintenance_loops(
    retention: Retention, alert_log: AlertLog, root_log: RootLog
) -> tuple[Loop, ...]:
    """Return the loops that the role `recover` runs in addition to its use cases."""
    return (
        Loop("history root", root_log.run_once, ROOT_SECONDS),
        Loop("retention", retention.run_once, RETENTION_SECONDS),
        Loop("alerts", alert_log.run_once, ALERT_SECONDS),
    )


def replay_loop(replay: ReplayNotifications, readers: Mapping[str, NotificationReader]) -> Loop:
    """Return the loop that reads kept notifications again: at the start, and then every hour."""

    async def run_once() -> int:
        await replay.run_once(readers)
        return 0

    return Loop("unusable notifications", run_once, REPLAY_SECONDS, actor=Actor(RECOVERY))
