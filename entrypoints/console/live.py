"""`/ops/live`: the figures of unfinished work as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from attrs import frozen
from litestar import Response
from litestar.response import Stream

from application.ports.backlog import BacklogReader
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.console.operators import OperatorDesk
from entrypoints.console.pages import HEADERS, Visit
from entrypoints.console.tiles import tiles_of
from entrypoints.http.stopping import Stopping

SECONDS: Final = 5.0
"""How often the figures are sent; reading them takes some milliseconds."""

LIFETIME: Final = 12
"""How many events one connection gets, a minute in all; the browser opens the next one. So a
balancer's timeouts do not matter, and a process that stops does not wait for long."""

_LOOK_SECONDS: Final = 0.5
"""How often a stream looks whether the process stops."""

_RETRY: Final = "retry: 2000\n\n"


@frozen
class LiveFigures:
    """The stream; it is no use of the session, which ends as without it."""

    backlog: BacklogReader
    desk: OperatorDesk

    async def show(self, visit: Visit) -> Response[bytes]:
        """Send the figures for a minute."""
        headers = {**HEADERS, "X-Accel-Buffering": "no"}
        events = self._events(visit)
        # Litestar sends every kind of response.
        return Stream(events, media_type="text/event-stream", headers=headers)  # type: ignore[return-value]

    async def _events(self, visit: Visit) -> AsyncIterator[bytes]:
        stopping: Stopping = visit.request.app.state.stopping
        yield _RETRY.encode()
        for _ in range(LIFETIME):
            try:
                if await self.desk.find(visit.operator.token, is_use=False) is None:
                    return
                yield _event(str(tiles_of(await self.backlog.read())))
            except StorageUnavailable:
                return
            for _ in range(round(SECONDS / _LOOK_SECONDS)):
                if stopping.has_begun:
                    return
                await asyncio.sleep(_LOOK_SECONDS)


def _event(content: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in content.splitlines())
    return f"event: figures\n{lines}\n".encode()
