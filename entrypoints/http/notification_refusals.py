"""NotificationRefusals: count the webhooks that are refused, and report when there are several."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog
from attrs import field, frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.gateway_notifications import InvalidNotification

logger = structlog.get_logger(__name__)

NO_SECRET: Final = "no_secret"  # noqa: S105 - a reason
"""A webhook arrived although STRIPE_WEBHOOK_SECRET is not set."""

SEVERAL: Final = 3
"""One is a probe of a stranger, or a webhook from before a rotation. A gateway whose secret is
wrong sends about this many for each payment."""

SECONDS: Final = 600.0
"""Several within this time are reported: one payment causes several webhooks within seconds, and
minutes allow for the gateway to send them again."""

LOG_SECONDS: Final = 10.0
"""The time between two lines of one reason: anybody can send a request that is refused."""


@frozen
class NotificationRefusals:
    """Counts every refusal by its reason, logs some of them, and reports several as an alert."""

    _count: Callable[[str], None]
    _alerts: Alerts
    _seconds: Callable[[], float] = time.monotonic
    _recent: dict[str, deque[float]] = field(init=False, factory=dict)
    _logged_at: dict[str, float] = field(init=False, factory=dict)

    async def record(self, error: InvalidNotification) -> None:
        """Record that a webhook could not be verified."""
        await self._record(error.because.value, str(error))

    async def record_without_secret(self) -> None:
        """Record that a signed webhook arrived, and there is no secret to verify it."""
        await self._record(NO_SECRET, "STRIPE_WEBHOOK_SECRET is not set")

    async def _record(self, reason: str, text: str) -> None:
        self._count(reason)
        now = self._seconds()
        if now - self._logged_at.get(reason, -LOG_SECONDS) >= LOG_SECONDS:
            self._logged_at[reason] = now
            logger.warning("webhook refused", reason=reason, problem=text)
        recent = self._recent.setdefault(reason, deque(maxlen=SEVERAL))
        recent.append(now)
        if len(recent) == SEVERAL and now - recent[0] <= SECONDS:
            await self._alerts.report(AlertKind.NOTIFICATION_REFUSED, reason, text)
