"""SignInAttempts: how often a sign-in may fail."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field

from application.ports.clock import Clock

WINDOW: Final = timedelta(minutes=5)

MAX_OF_ADDRESS: Final = 10
"""A person mistypes a key or pastes the wrong one some times. OWASP ASVS 5, 6.3.1."""

MAX_OF_ALL: Final = 100
"""Of all addresses together: an attacker may have many of them. A right key is let in then only
from an address that has not failed."""


@define
class SignInAttempts:
    """The failed sign-ins of the last minutes, in the memory of this process."""

    now: Clock
    _failed: deque[tuple[datetime, str]] = field(factory=deque, init=False, repr=False)

    def wait_of(self, address: str) -> timedelta | None:
        """Return how long an address must wait before its next attempt; None if it need not."""
        now = self.now()
        # What is in the future is from before the clock was set back: it would never end.
        while self._failed and not timedelta(0) <= now - self._failed[0][0] < WINDOW:
            self._failed.popleft()
        own = [at for at, each in self._failed if each == address]
        is_over = len(own) >= MAX_OF_ADDRESS or (own and len(self._failed) >= MAX_OF_ALL)
        return max(own[0] + WINDOW - now, timedelta(seconds=1)) if is_over else None

    def add(self, address: str) -> None:
        """Record a failed attempt."""
        self._failed.append((self.now(), address))
        while len(self._failed) > MAX_OF_ALL * MAX_OF_ADDRESS:
            self._failed.popleft()
