"""ConsoleWorld: the in-memory world with the console, and a browser without a screen."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from attrs import define, evolve, field

from adapters.messaging.in_memory import InMemoryInboundLag
from adapters.persistence.in_memory import (
    InMemoryBacklogReader,
    InMemoryDifferences,
    InMemoryOperatorSessions,
    InMemoryOrderIds,
    InMemoryPaymentFigures,
)
from application.ports.inbound_lag import InboundLag
from entrypoints.console.app import console_errors, console_routes
from entrypoints.console.pages import HEADERS
from entrypoints.console.ports import ConsolePorts
from entrypoints.http.app import create_app
from entrypoints.http.dependencies import HttpDependencies
from tests.entrypoints.http.world import OPERATOR_KEY, HttpWorld

HOST: Final = "https://payments.test"

Fields = Mapping[str, str] | Sequence[tuple[str, str]]

_FORM = re.compile(r"<form[^>]*>.*?</form>", re.DOTALL)
_FIELD = re.compile(r"<(?:input|select|option|button)[^>]*>")
_NEXT_PAGE = re.compile(r'rel="next" href="([^"]*)"')
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')


@define
class ConsoleWorld(HttpWorld):
    """The world with the console in front of it."""

    def dependencies(self) -> HttpDependencies:
        ports = ConsolePorts(
            sessions=InMemoryOperatorSessions(self.database),
            order_ids=InMemoryOrderIds(self.database),
            backlog=InMemoryBacklogReader(self.database),
            differences=self.differences,
            figures=InMemoryPaymentFigures(self.database),
            open_lag=self.open_lag,
        )
        return evolve(
            super().dependencies(),
            more_routes=partial(console_routes, ports),
            show_error=console_errors(self.settings),
        )

    @property
    def differences(self) -> InMemoryDifferences:
        """The stored differences."""
        return InMemoryDifferences(self.database)

    @asynccontextmanager
    async def open_lag(self) -> AsyncIterator[InboundLag]:
        yield InMemoryInboundLag(self.broker)

    def visitor(self, **settings: Any) -> "Visitor":
        """Return the visitor of a new process of the service, with some settings changed."""
        self.settings = evolve(self.settings, **settings)
        transport = httpx.ASGITransport(
            create_app(self.dependencies()),  # type: ignore[arg-type]  # Litestar's scopes are narrower
            raise_app_exceptions=False,
        )
        return Visitor(httpx.AsyncClient(transport=transport, base_url=HOST))

    async def operator(self, key: str = OPERATOR_KEY, **settings: Any) -> "Visitor":
        """Return a visitor who has signed in."""
        visitor = self.visitor(**settings)
        assert (await visitor.sign_in(key)).status_code == 303
        return visitor


@define
class Visitor:
    """A person with a browser that runs no scripts."""

    client: httpx.AsyncClient
    page: httpx.Response | None = field(default=None, init=False)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Open a page."""
        return self._keep(await self.client.get(path, **options))

    async def pages(self, path: str) -> AsyncIterator[str]:
        """Open a list and all pages that follow; yield the HTML of each."""
        await self.get(path)
        yield self.html
        while (following := _NEXT_PAGE.search(self.html)) is not None:
            await self.get(path.partition("?")[0] + unescape(following[1]))
            yield self.html

    async def sign_in(self, key: str = OPERATOR_KEY, **options: Any) -> httpx.Response:
        """Open the page to sign in, and send its form."""
        await self.get("/ops/sign-in")
        return await self.send("/ops/sign-in", key=key, **options)

    async def send(
        self, action: str, headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        """Send the page's form with this action, with its own fields and these."""
        values = {**self.fields(action), **fields}
        return await self.post(action, values, headers)

    async def post(
        self, path: str, fields: Fields, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a form that is on no page."""
        sent = {
            "origin": HOST,
            "sec-fetch-site": "same-origin",
            "content-type": "application/x-www-form-urlencoded",
            **(headers or {}),
        }
        return self._keep(await self.client.post(path, content=urlencode(fields), headers=sent))

    def fields(self, action: str) -> dict[str, str]:
        """Return the fields of the page's form with this action, with their values."""
        [form] = [each for each in self.forms if f'action="{action}"' in each]
        fields = (dict(_ATTRIBUTE.findall(each)) for each in _FIELD.findall(form))
        return {each["name"]: unescape(each.get("value", "")) for each in fields if "name" in each}

    @property
    def forms(self) -> list[str]:
        """The forms of the page."""
        return _FORM.findall(self.html)

    @property
    def html(self) -> str:
        """The page as it was sent."""
        assert self.page is not None
        return self.page.text

    @property
    def unescaped(self) -> str:
        """The page with its characters as a browser shows them."""
        return unescape(self.html)

    @property
    def text(self) -> str:
        """The text of the page."""
        without_tags = re.sub(r"<[^>]*>", " ", self.html.partition("<main")[2])
        return " ".join(unescape(without_tags).split())

    def _keep(self, response: httpx.Response) -> httpx.Response:
        """Keep a page; each has the headers of all."""
        if response.request.url.path.startswith("/ops"):
            assert HEADERS.items() <= _headers(response).items()
            assert response.headers["cache-control"] == "no-store"
        self.page = response
        return response


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name: response.headers.get(name, "") for name in HEADERS}
