"""ThrottledAlerts: report often, write seldom, and never fail."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field, frozen

from application.ports.alerts import MAX_SUBJECT, MAX_TEXT, Alert, AlertKind, AlertStore
from application.ports.unit_of_work import StorageUnavailable

logger = logging.getLogger(__name__)

WRITE_SECONDS: Final = 10.0
"""The time between two writes about one subject: a fault that every request meets costs no more
than this, and an alert is shown well within a minute."""

STORE_SECONDS: Final = 2.0
"""The timeout of a write. A customer may wait for it, and the log has the alert already."""

MAX_SUBJECTS: Final = 100
"""The subjects of each kind that one process writes; a hundred lines are as many as anybody reads.
Further subjects share one alert, so a faulty or hostile sender cannot fill the table."""

OTHER_SUBJECTS: Final = "others"


@define
class _Reports:
    """What this process has reported about one subject."""

    text: str
    pending: int = 0
    """Reports that are not written yet."""
    written_at: float | None = None


@frozen
class ThrottledAlerts:
    """Implements `Alerts` for one process; `flush` must be called every WRITE_SECONDS."""

    _store: AlertStore
    _seconds: Callable[[], float]
    """A monotonic clock."""
    _redact: Callable[[str], str] = str
    """Removes secrets that a text may contain, because it may be another system's words."""
    _reports: dict[AlertKind, dict[str, _Reports]] = field(
        init=False, factory=lambda: defaultdict(dict)
    )

    async def report(self, kind: AlertKind, subject: str, text: str) -> None:
        """Log an alert and store it; at most every WRITE_SECONDS for each kind and subject."""
        subject, text = self._clean(subject, MAX_SUBJECT), self._clean(text, MAX_TEXT)
        subject, reports = self._reports_of(kind, subject, text)
        reports.text = text
        reports.pending += 1
        if reports.written_at is None or self._seconds() - reports.written_at >= WRITE_SECONDS:
            logger.warning(
                "needs attention", extra={"alert": kind.value, "subject": subject, "reason": text}
            )
            await self._write(kind, subject, reports)

    async def list_current(self) -> Sequence[Alert]:
        """Return the current alerts of all processes, the newest first."""
        return await self._store.list_current()

    async def flush(self) -> None:
        """Write the reports that were counted or could not be written; forget old subjects."""
        now = self._seconds()
        for kind, subjects in self._reports.items():
            for subject, reports in list(subjects.items()):
                if reports.pending:
                    await self._write(kind, subject, reports)
                elif now - (reports.written_at or 0.0) > kind.current_for.total_seconds():
                    del subjects[subject]

    def _reports_of(self, kind: AlertKind, subject: str, text: str) -> tuple[str, _Reports]:
        subjects = self._reports[kind]
        if subject not in subjects and len(subjects) >= MAX_SUBJECTS:
            subject = OTHER_SUBJECTS
        return subject, subjects.setdefault(subject, _Reports(text))

    async def _write(self, kind: AlertKind, subject: str, reports: _Reports) -> None:
        count, reports.pending, reports.written_at = reports.pending, 0, self._seconds()
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._store.add(kind, subject, reports.text, count)
        except (StorageUnavailable, TimeoutError) as error:
            # It is written by the next flush. If only the reply was lost, it is counted twice.
            reports.pending += count
            logger.warning("alert %s is not stored yet: %s", kind.value, error)
        except Exception:
            # An alert must never stop the work that reports it.
            reports.pending += count
            logger.exception("alert %s could not be stored", kind.value)

    def _clean(self, text: str, most: int) -> str:
        """Return one bounded line of characters that every database stores."""
        shown = "".join(each if each.isprintable() else " " for each in text[: 2 * most])
        return self._redact(" ".join(shown.split()))[:most]
