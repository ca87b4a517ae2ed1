"""Ids that were seen, of which there may be too many for the memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class SeenIds(Protocol):
    """A set of ids."""

    def add(self, seen: str) -> None:
        """Add an id; adding it again changes nothing."""

    def __contains__(self, seen: str) -> bool:
        """Whether this id was added."""


OpenSeenIds = Callable[[], AbstractContextManager[SeenIds]]
"""Open an empty set, which is deleted at the end."""
