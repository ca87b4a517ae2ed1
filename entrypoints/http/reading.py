"""ReadingHandler: a user reads one of their payments, with what they must do. No web framework."""

from datetime import datetime, timedelta
from typing import Final

from attrs import define, field, frozen

from application.ports.clock import Clock
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.find_action import FindAction
from application.use_cases.read_payments import ReadPayments
from domain.identifiers import PaymentId, UserId
from domain.outcome import RequiresAction
from domain.payment_status import CANCELLABLE
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.replies import Reply, json_reply, payment_body

# A page that polls must not wait for a slow gateway, and shows the status without its answer.
ACTION_SECONDS: Final = 3.0

# A page may poll every second, and the gateway limits requests. What the customer must do stays
# the same; that the payment has ended is read from our database each time.
ASK_AGAIN_AFTER: Final = timedelta(seconds=5)

# More payments than one process is asked about within ASK_AGAIN_AFTER; a few hundred bytes each.
MAX_RECENT: Final = 1000


@define
class RecentActions:
    """What the gateway has said in the last seconds; in memory only, as it contains secrets."""

    now: Clock
    _recent: dict[PaymentId, tuple[datetime, RequiresAction | None]] = field(
        factory=dict, repr=False, init=False
    )

    def find(self, payment_id: PaymentId) -> tuple[RequiresAction | None] | None:
        """Return the answer; None if the gateway was not asked in the last seconds."""
        if payment_id not in self._recent:
            return None
        asked_at, action = self._recent[payment_id]
        return (action,) if abs(self.now() - asked_at) < ASK_AGAIN_AFTER else None

    def add(self, payment_id: PaymentId, action: RequiresAction | None) -> None:
        """Keep an answer; the oldest one is dropped if there are too many."""
        self._recent.pop(payment_id, None)
        self._recent[payment_id] = self.now(), action
        if len(self._recent) > MAX_RECENT:
            self._recent.pop(next(iter(self._recent)))


@frozen
class ReadingHandler:
    """Handles `GET /api/payments/{id}`."""

    read_payments: ReadPayments
    find_action: FindAction
    recent: RecentActions
    tasks: BackgroundTasks

    async def show(self, payment_id: PaymentId, user: UserId) -> Reply:
        """Return a payment of the user; while it waits for them, with what they must do.

        That is never stored, so the gateway is asked; if it does not say, the rest is returned.

        Raises:
            Exception: an error of the use case; `reply_to` returns the reply to it.
        """
        payment, order = await self.read_payments.one(payment_id, user)
        if payment.status not in CANCELLABLE or payment.is_being_cancelled:
            return json_reply(200, payment_body(payment, order))
        recent = self.recent.find(payment_id)
        if recent is None:
            recent = (await self.tasks.run(self._ask(payment_id, user)),)
            self.recent.add(payment_id, *recent)
            # The answer may have ended the payment.
            payment, order = await self.read_payments.one(payment_id, user)
        return json_reply(200, payment_body(payment, order, *recent))

    async def _ask(self, payment_id: PaymentId, user: UserId) -> RequiresAction | None:
        try:
            return await self.find_action(payment_id, user, ACTION_SECONDS)
        except (GatewayUnavailable, StorageUnavailable):
            return None
