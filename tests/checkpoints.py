"""Checkpoints: what a test may do at each step of the in-memory database, gateway and broker."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Container
from typing import Final

from attrs import define, field

TIMEOUT: Final = 120.0
"""Seconds that a test may wait for concurrent tasks; they take milliseconds."""

Checkpoint = Callable[[str], Awaitable[None]]


async def proceed(_step: str) -> None:
    """Do nothing at a checkpoint."""


def interleaving(seed: int) -> Checkpoint:
    """Return a checkpoint that sometimes lets other tasks run first."""
    draw = random.Random(seed)

    async def checkpoint(_step: str) -> None:
        for _ in range(draw.randrange(4)):
            await asyncio.sleep(0)

    return checkpoint


@define
class FailAt:
    """A checkpoint that raises an error once: at the step with this number, counted from 0."""

    number: int
    error: Exception
    among: Container[str] = field(repr=False)
    """The names of the steps that count."""
    failed_step: str = ""
    reached: int = 0

    async def __call__(self, step: str) -> None:
        """Count the step, or raise the error."""
        if step in self.among:
            self.reached += 1
            if self.reached == self.number + 1:
                self.failed_step = step
                raise self.error
