"""The database's clock, which all processes share."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import define
from sqlalchemy import func, select

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable

_READ: Final = Statement.of(select(func.clock_timestamp()))

# The fastest of several readings is the most exact; a busy machine may delay one of them.
_READINGS: Final = 3

# Clocks that are synchronised are corrected by milliseconds, and a reading over a slow network is
# wrong by half of its round trip. Orders expire after minutes, so two seconds change nothing.
MAX_STEP_BACK: Final = 2.0

_EPOCH: Final = datetime.fromtimestamp(0, UTC)

# Unlike the monotonic clock, it continues while the machine is suspended; only Linux has it.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@define
class DatabaseClock:
    """Returns the database's time without a query for each call.

    Call `sync` before the first use and then every minute: a quartz clock drifts by about 50 ppm,
    3 ms in a minute.
    """

    _database: Database
    _host_time: Callable[[], float] = time.time
    """The host's own clock in seconds since 1970, which is compared with the database's."""
    _read: Statement = _READ
    _offset: float | None = None
    """Seconds to add to this machine's clock to get the database's time since 1970."""
    _step_back: float = 0.0
    """By how many seconds the database's clock is behind its own earlier reading."""

    @property
    def problem(self) -> str | None:
        """Why the database's clock is not followed now, in one line; None if it is."""
        if self._step_back == 0:
            return None
        step = timedelta(seconds=round(self._step_back))
        return f"the database's clock went back by {step}, this host's did not: it is not followed"

    async def sync(self) -> None:
        """Read the database's time; the error is at most half a round trip.

        Time does not run backwards because the database's clock does: an order that has expired
        stays expired. It follows the database only if the host's clock confirms it.

        Raises:
            StorageUnavailable: the database cannot be reached; the previous reading stays in use.
        """
        readings = [await self._reading() for _ in range(_READINGS)]
        _, offset = min(readings)
        step_back = 0.0 if self._offset is None else self._offset - offset
        skew = abs(_seconds() + offset - self._host_time())
        if step_back > MAX_STEP_BACK and skew > MAX_STEP_BACK:
            self._step_back = step_back
        else:
            self._step_back, self._offset = 0.0, offset

    def __call__(self) -> datetime:
        """Return the current time of the database in UTC.

        Raises:
            StorageUnavailable: `sync` has not succeeded yet.
        """
        if self._offset is None:
            raise StorageUnavailable("the database's time is not known yet")
        return datetime.fromtimestamp(_seconds() + self._offset, UTC)

    async def _reading(self) -> tuple[float, float]:
        """Return the duration of one reading, and the offset in the middle of that time."""
        start = _seconds()
        ((database_time,),) = await self._database.run(self._read)
        end = _seconds()
        return end - start, (database_time - _EPOCH).total_seconds() - (start + end) / 2


def _seconds() -> float:
    """Return seconds since an arbitrary moment, from a clock that cannot be set."""
    return time.clock_gettime(_CLOCK)
