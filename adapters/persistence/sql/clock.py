"""The database's clock: the one that all replicas share, whatever their own ones say."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import define
from sqlalchemy import func, select

from adapters.persistence.sql.database import Database, Statement
from application.ports.unit_of_work import StorageUnavailable

_READ: Final = Statement.of(select(func.clock_timestamp()))

# The quickest of a few readings is the truest; one may be held up by a busy machine.
_READINGS: Final = 3

_EPOCH: Final = datetime.fromtimestamp(0, UTC)

# Unlike the monotonic clock, it goes on while the machine is suspended; Linux has it.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@define
class DatabaseClock:
    """Tells the database's time without asking it each time.

    It is to be synced before its first use and every minute from then on: quartz drifts by some
    50 ppm, 3 ms a minute.
    """

    _database: Database
    _offset: float | None = None
    """What to add to this machine's clock, in seconds, to get the database's time since 1970."""

    async def sync(self) -> None:
        """Ask the database for the time; it is off by half a round trip at the most.

        Raises:
            StorageUnavailable: the database cannot be reached; what is known stays in use.
        """
        readings = [await self._reading() for _ in range(_READINGS)]
        _, self._offset = min(readings)

    def __call__(self) -> datetime:
        """Now, in UTC, by the database's clock.

        Raises:
            StorageUnavailable: it has never been synced.
        """
        if self._offset is None:
            raise StorageUnavailable("the database's time is not known yet")
        return _EPOCH + timedelta(seconds=_seconds() + self._offset)

    async def _reading(self) -> tuple[float, float]:
        """How long it took, and the offset as seen in the middle of that time."""
        asked = _seconds()
        ((theirs,),) = await self._database.run(_READ)
        told = _seconds()
        return told - asked, (theirs - _EPOCH).total_seconds() - (asked + told) / 2


def _seconds() -> float:
    """Seconds since some moment, which no one can set back."""
    return time.clock_gettime(_CLOCK)
