"""What the HTTP service is made of. It never talks to NATS: its events go through the outbox."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

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

            notices = StripeNotices(settings.stripe_webhook_secrets, lambda: datetime.now(UTC))

        async def database() -> None:
            await parts.clock.sync()

        yield House(
            use_cases=parts.use_cases,
            answers=parts.answers,
            notices=notices,
            settings=settings,
            checks={"database": database},
        )
