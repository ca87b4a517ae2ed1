"""What the HTTP service is made of. It never talks to NATS: its events go through the outbox."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from adapters.clock import utc_now
from adapters.persistence.sql.statistics import statistics
from entrypoints.composition.books import BooksGauges
from entrypoints.composition.parts import open_parts
from entrypoints.http.house import House
from entrypoints.settings import Settings


@contextlib.asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Compose it; everything is closed at the end."""
    async with open_parts(settings) as parts:
        notices = None
        if settings.stripe_webhook_secrets:
            from adapters.gateways.stripe_notices import StripeNotices

            notices = StripeNotices(settings.stripe_webhook_secrets, utc_now)

        async def database() -> None:
            await statistics(parts.database)

        house = House(
            use_cases=parts.use_cases,
            answers=parts.answers,
            notices=notices,
            settings=settings,
            checks={"database": database},
        )
        following = asyncio.create_task(BooksGauges.on(house.registry).follow(parts.database))
        try:
            yield house
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
