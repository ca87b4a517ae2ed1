"""Why a sign-in is refused: one line for the operator, and a count of each reason."""

import time
from collections.abc import Callable
from enum import Enum, unique
from typing import Final

import structlog
from attrs import define, field, frozen

logger = structlog.get_logger(__name__)

# One refusal in a minute shows a wrong setting. A flood of invalid tokens must not fill the log.
LINES: Final = 10
SECONDS: Final = 60.0


@unique
class RefusalReason(Enum):
    """Which check of a token or a key has failed."""

    NO_TOKEN = "no_token"  # noqa: S105
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    AUDIENCE = "audience"
    ISSUER = "issuer"
    USER = "user"
    OPERATOR_KEY = "operator_key"


@frozen
class Refusal(Exception):
    """A token or a key is not accepted; the text says why, and has no value of the token."""

    reason: RefusalReason
    text: str


@define
class _Minute:
    started_at: float
    lines: int = 0
    unlogged: int = 0


@define
class RefusalLog:
    """Counts every refusal, and logs at most LINES of each reason in SECONDS."""

    _count: Callable[[str], None]
    _seconds: Callable[[], float] = time.monotonic
    _minutes: dict[RefusalReason, _Minute] = field(init=False, factory=dict)

    def record(self, refusal: Refusal) -> None:
        """Count a refusal, and log it unless there are too many."""
        self._count(refusal.reason.value)
        now = self._seconds()
        minute = self._minutes.get(refusal.reason)
        unlogged = 0
        if minute is None or now - minute.started_at >= SECONDS:
            unlogged = minute.unlogged if minute else 0
            minute = self._minutes[refusal.reason] = _Minute(now)
        if minute.lines >= LINES:
            minute.unlogged += 1
            return
        minute.lines += 1
        more = {"unlogged_before": unlogged} if unlogged else {}
        logger.warning("sign-in refused", reason=refusal.reason.value, problem=refusal.text, **more)
