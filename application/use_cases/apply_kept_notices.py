"""ApplyKeptNotices: settle what was told of a charge before we knew that the charge is ours."""

import logging
from datetime import timedelta
from typing import Final

from attrs import frozen

from application.decide import Decide
from application.ports.clock import Clock
from application.ports.gateway_notices import ChargeNotice
from application.ports.unit_of_work import BeginUnitOfWork, StorageUnavailable, UnitOfWork
from application.use_cases.receive_notice import hear_of_charge

logger = logging.getLogger(__name__)

# As long as Stripe itself sends a notice again (https://docs.stripe.com/webhooks#retries). Recovery
# learns of a charge of ours within a day; the charge of a notice this old is somebody else's.
KEPT_FOR: Final = timedelta(days=3)


@frozen
class ApplyKeptNotices:
    """Settle the kept notices whose charge is known by now, and drop those that are too old."""

    begin: BeginUnitOfWork
    decide: Decide
    now: Clock

    async def run_once(self, limit: int = 100) -> int:
        """See to at most so many notices; how many are done with.

        Raises:
            StorageUnavailable: the database cannot be reached; nothing is lost.
        """
        kept = await self.begin().inbox.kept(self.now() - KEPT_FOR, limit)
        return sum([await self._apply(notice) for notice in kept])

    async def _apply(self, notice: ChargeNotice) -> bool:
        async def decision(work: UnitOfWork) -> bool:
            known = await hear_of_charge(work, notice, self.now())
            work.inbox.forget(notice.id)
            return known

        try:
            known = await self.decide(decision)
        except StorageUnavailable:
            raise
        except Exception:  # one notice that makes trouble must not hold up the others
            logger.exception("could not apply notice %s", notice.id)
            return False
        logger.info("notice %s was %s", notice.id, "applied" if known else "about nothing of ours")
        return True
