"""A shop's webhook endpoint, which records what it receives."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

# On a quiet machine an event takes milliseconds.
SECONDS = 60.0


class Shop:
    """An endpoint that records what it receives, and replies with given statuses."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[tuple[bytes, Mapping[str, str]]] = []
        self.statuses: list[int] = []
        self.received_one = asyncio.Event()

    async def receive(self, request: web.Request) -> web.Response:
        self.received.append((await request.read(), request.headers))
        self.received_one.set()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    def types(self, name: str) -> list[str]:
        """Return the types of the events; `name` is the field that has them."""
        return [json.loads(body)[name] for body, _ in self.received]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(SECONDS):
            while len(self.received) < count:
                await self.received_one.wait()
                self.received_one.clear()


@asynccontextmanager
async def running_shop() -> AsyncIterator[Shop]:
    shop, application = Shop(), web.Application()
    application.router.add_post("/hook", shop.receive)
    async with TestServer(application) as server:
        shop.url = str(server.make_url("/hook"))
        yield shop
