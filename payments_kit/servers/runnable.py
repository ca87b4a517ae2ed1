"""Runnable: what starts and stops as a context manager, sync or async."""

import asyncio
from abc import ABC, abstractmethod
from typing import Self


class Runnable(ABC):
    """Starts with a block, and is closed at its end; an async block does not stop the loop."""

    @abstractmethod
    def start(self) -> Self:
        """Start, and return when clients can connect."""

    @abstractmethod
    def close(self) -> None:
        """Stop, and remove what is temporary; safe to repeat."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)
