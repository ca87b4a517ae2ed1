"""The alert store in memory."""

from collections.abc import Sequence

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.alerts import MAX_LISTED, Alert, AlertKind


@frozen
class InMemoryAlertStore:
    """Alerts by kind and subject."""

    _database: InMemoryTables

    async def add(self, kind: AlertKind, subject: str, text: str, count: int) -> None:
        await self._database.checkpoint("add alert")
        now, known = self._database.now(), self._database.alerts.get((kind, subject))
        if known is None or known.last_at <= now - kind.current_for:
            alert = Alert(kind, subject, text, now, now, count)
        else:
            alert = Alert(kind, subject, text, known.first_at, now, known.count + count)
        self._database.alerts[kind, subject] = alert

    async def list_current(self) -> Sequence[Alert]:
        await self._database.checkpoint("list alerts")
        now = self._database.now()
        alerts = self._database.alerts.values()
        current = [each for each in alerts if each.last_at > now - each.kind.current_for]
        return sorted(current, key=lambda alert: alert.last_at, reverse=True)[:MAX_LISTED]
