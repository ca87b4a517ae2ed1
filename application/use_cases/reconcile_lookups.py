"""LookUps: ask a gateway, one by one, about what it has not listed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from attrs import define, evolve

from application.ports.differences import Difference
from application.ports.payment_gateway import (
    LOOKUP_SECONDS,
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
)

logger = logging.getLogger(__name__)

MAX_UNANSWERED: Final = 3
"""Of how many the gateway may not be able to tell; of more, it is the gateway that cannot be asked.
So one whose record cannot be read does not stop the comparison of all others."""

Answer = TypeVar("Answer")
LookUp = Callable[[], Awaitable[Answer]]


@define
class LookUps:
    """Asks about one thing after the other, and counts what the gateway cannot tell."""

    unanswered: int = 0

    async def ask(
        self, look_up: LookUp[Answer], unreadable: Difference
    ) -> tuple[Answer, None] | tuple[None, Difference]:
        """Return the gateway's answer or, if it cannot tell, that as a difference.

        Raises:
            OutcomeUnknown: it could not tell of too many.
            GatewayUnavailable: it could not be asked.
        """
        try:
            return await _twice(look_up, unreadable.subject), None
        except LookupRefused:
            raise
        except OutcomeUnknown as unknown:
            if self.unanswered == MAX_UNANSWERED:
                raise
            self.unanswered += 1
            return None, evolve(unreadable, reason=str(unknown))


async def _twice(look_up: LookUp[Answer], about: str) -> Answer:
    """Ask a second time if a reply is lost."""
    try:
        return await _once(look_up)
    except LookupRefused:
        raise
    except OutcomeUnknown as unknown:
        logger.info("%s is asked for again: %s", about, unknown)
        return await _once(look_up)


async def _once(look_up: LookUp[Answer]) -> Answer:
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            return await look_up()
    except (OutcomeUnknown, GatewayUnavailable):
        raise
    except Exception as error:  # of a plug-in; it must not stop the others
        raise OutcomeUnknown(f"the look-up raised {type(error).__name__}") from error
