"""A double of Tillpay, an imaginary payment service: a small HTTP server with data in memory.

It represents a real service's test mode. POST requests carry an `Idempotency-Key` and our `label`.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

KEY = "till_test_example"
CARDS = {"card_good": None, "card_empty": "insufficient_funds"}


class Tillpay:
    """The service's records, and the faults of the next requests."""

    def __init__(self) -> None:
        self.address = ""
        self.charges: list[dict[str, Any]] = []
        self.refunds: list[dict[str, Any]] = []
        self.replies_to_lose: Counter[str] = Counter()
        self.requests_to_lose: Counter[str] = Counter()
        self._replies: dict[str, tuple[object, int, dict[str, Any]]] = {}

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Tillpay"]:
        """Serve until the block ends."""
        app = web.Application()
        app.router.add_route("*", "/{list}", self._reply)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        self.address = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        step = f"{request.method} {request.path}"
        if self.requests_to_lose[step]:
            self.requests_to_lose[step] -= 1
            return await self._hang_up(request)
        status, body = await self._execute(request)
        if self.replies_to_lose[step]:
            self.replies_to_lose[step] -= 1
            return await self._hang_up(request)
        return web.json_response(body, status=status)

    async def _execute(self, request: web.Request) -> tuple[int, dict[str, Any]]:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return 401, {"code": "unauthorized"}
        records = self.charges if request.path == "/charges" else self.refunds
        if request.method == "GET":
            query = request.query.items()
            return 200, {"found": [it for it in records if all(it[k] == v for k, v in query)]}
        params = await request.json()
        key = request.headers["Idempotency-Key"]
        if key not in self._replies:
            create = self._charge if records is self.charges else self._refund
            self._replies[key] = (params, *create(params))
        first, status, body = self._replies[key]
        return (status, body) if first == params else (409, {"code": "key_reused"})

    def _charge(self, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if params["card"] not in CARDS:
            return 402, {"code": "no_such_card"}
        code = CARDS[params["card"]]
        charge = params | {"id": f"charge-{len(self.charges)}", "declined": code}
        self.charges.append(charge)
        return 200, charge

    def _refund(self, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        charge = next((it for it in self.charges if it["id"] == params["charge"]), None)
        if charge is None:
            return 402, {"code": "no_such_charge"}
        refunded = sum(it["amount"] for it in self.refunds if it["charge"] == charge["id"])
        if charge["declined"] or refunded + params["amount"] > charge["amount"]:
            return 402, {"code": "too_much"}
        refund = params | {"id": f"refund-{len(self.refunds)}", "currency": charge["currency"]}
        self.refunds.append(refund)
        return 200, refund

    async def _hang_up(self, request: web.Request) -> web.StreamResponse:
        # After half a reply: some HTTP clients (aiohttp too) repeat a GET that got no reply at all.
        half = web.StreamResponse()
        half.content_length = 1000
        await half.prepare(request)
        await half.write(b"{")
        if request.transport is not None:
            request.transport.close()
        return half
