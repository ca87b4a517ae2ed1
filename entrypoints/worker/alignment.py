"""Alignment: check repeatedly that a subscription continues where our books end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define

ALIGN_SECONDS: Final = 5.0
"""The time between two checks, each two or three cheap requests to the broker and a read of one
row. Events acknowledged since the last one are delivered again if the database restarts."""


@define
class Alignment:
    """Calls AlignStreams when it is due, before events are applied."""

    align: Callable[[], Awaitable[None]]
    """Raises BrokerUnavailable or StorageUnavailable if no event may be applied yet."""
    _due_at: float = 0.0

    async def run_if_due(self) -> None:
        """Align now if it is due: at the start, after `request`, and every ALIGN_SECONDS."""
        now = asyncio.get_running_loop().time
        if now() >= self._due_at:
            await self.align()
            self._due_at = now() + ALIGN_SECONDS

    @property
    def is_requested(self) -> bool:
        """Whether nothing should be applied before the next alignment."""
        return self._due_at == 0.0

    def request(self) -> None:
        """Make it due at once: the database refused a commit, and may be another one now."""
        self._due_at = 0.0
