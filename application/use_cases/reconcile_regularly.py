"""ReconcileRegularly: reconcile every gateway at the start, and then every hour."""

import logging
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field

from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.differences import Difference
from application.ports.gateway_records import Period
from application.ports.gateways import ConfiguredGateway, Gateways
from application.use_cases.compare_books import MARGIN
from application.use_cases.reconcile import NotReconciled, Reconcile, Run

logger = logging.getLogger(__name__)

INTERVAL: Final = timedelta(hours=1)
"""How often a gateway is reconciled."""

RETRY_AFTER: Final = timedelta(minutes=1)
"""The pause after a gateway could not be asked: it is no customer who waits for it."""

LOOK_BACK: Final = timedelta(days=3)
"""How far the first comparison looks back, and one a day: so long gateways repeat their webhooks
(https://docs.stripe.com/webhooks#retries), and so long the last backup is found to be old."""

OVERLAP: Final = timedelta(hours=3)
"""How much of what was compared before is compared again: what has changed since then, and what
was created by a clock that is behind. What a gateway lists late comes on top."""

DAY: Final = timedelta(days=1)


@define
class _State:
    """When a gateway is due, and what is being compared."""

    due_at: datetime | None = None
    long_due_at: datetime | None = None
    compared_until: datetime | None = None
    run: Run | None = None


@define(eq=False)
class ReconcileRegularly:
    """Repairs what differs. Several processes may do so at once: every repair is idempotent."""

    reconcile: Reconcile
    gateways: Gateways
    alerts: Alerts
    now: Clock
    _states: dict[str, _State] = field(factory=dict, init=False)

    def reconciled_at(self, gateway: str) -> datetime | None:
        """When the newest complete comparison began; None if this process has completed none."""
        state = self._states.get(gateway)
        return state.compared_until if state else None

    async def run_once(self) -> int:
        """Compare a part at each gateway that is due; return how many differences were found.

        Raises:
            StorageUnavailable: the database cannot be reached; it is tried again.
        """
        found = 0
        for each in self.gateways:
            state = self._states.setdefault(each.name, _State())
            can_be = each.records.charges is not None
            if can_be and (state.due_at is None or self.now() >= state.due_at):
                found += await self._step(each, state)
        return found

    async def _step(self, at: ConfiguredGateway, state: _State) -> int:
        found = list[str]()

        def observe(difference: Difference) -> None:
            found.append(difference.kind.value)
            logger.warning("%s", _line(difference))

        run = state.run or self._begin(at, state)
        state.run = run
        try:
            await self.reconcile.step(run, observe, repair=True)
        except NotReconciled as error:
            state.due_at = self.now() + (INTERVAL if error.is_final else RETRY_AFTER)
            if error.is_final:
                state.run = None  # the next one has a later end, and compares what is new
                await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, at.name, str(error))
            else:
                logger.warning("%s", error)
        else:
            if run.is_complete:
                state.run, state.due_at = None, run.began_at + INTERVAL
                state.compared_until = run.began_at
        return len(found)

    def _begin(self, at: ConfiguredGateway, state: _State) -> Run:
        now = self.now()
        since = now - LOOK_BACK
        if state.compared_until is not None and state.long_due_at and now < state.long_due_at:
            since = state.compared_until - OVERLAP - at.records.delay
        else:
            state.long_due_at = now + DAY
        return self.reconcile.begin(at, Period(since, now + MARGIN))


def _line(found: Difference) -> str:
    about = found.payment_id or found.subject
    result = "repaired" if found.repaired else "not repaired"
    reason = f" ({found.reason})" if found.reason else ""
    return (
        f"difference {found.kind.value} of payment {about} at {found.gateway}:"
        f" ours {found.ours}, theirs {found.theirs}: {result}{reason}"
    )
