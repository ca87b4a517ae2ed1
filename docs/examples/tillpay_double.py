"""A double of Tillpay, an imaginary payment service: a small HTTP server with data in memory.

It represents a real service's test mode. POST requests carry an `Idempotency-Key` and our `label`.
A charge is `paid`, `declined`, `pending`, or `held` until it is captured or `released`; a refund is
`pending`, and later `paid` or `failed`.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
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
        self.requests_to_stall: Counter[str] = Counter()
        self.answers: defaultdict[str, list[int]] = defaultdict(list)
        self.undecided = 0
        self._closing = asyncio.Event()
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
            self._closing.set()
            await runner.cleanup()

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        step = f"{request.method} {request.path}"
        if self.requests_to_lose[step]:
            self.requests_to_lose[step] -= 1
            return await self._hang_up(request)
        if self.requests_to_stall[step]:
            self.requests_to_stall[step] -= 1
            await self._closing.wait()
        if self.answers[step]:
            return web.json_response({"code": "no"}, status=self.answers[step].pop())
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
            execute = {
                "/charges": self._charge,
                "/refunds": self._refund,
                "/captures": self._capture,
                "/releases": self._release,
            }[request.path]
            self._replies[key] = (params, *execute(params))
        first, status, body = self._replies[key]
        return (status, body) if first == params else (409, {"code": "key_reused"})

    def _charge(self, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if params["card"] not in CARDS:
            return 402, {"code": "no_such_card"}
        code = CARDS[params["card"]]
        state = "declined" if code else "held" if params.get("hold") else "paid"
        if self.undecided:
            self.undecided, state = self.undecided - 1, "pending"
        charge = params | {"id": f"charge-{len(self.charges)}", "state": state, "code": code}
        charge["held_until"] = (datetime.now(UTC) + timedelta(days=6)).isoformat()
        self.charges.append(charge)
        return 200, dict(charge)

    def _capture(self, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        charge = next((it for it in self.charges if it["id"] == params["charge"]), None)
        if charge is None or charge["state"] != "held":
            return 402, {"code": "not_held"}
        if params["amount"] > charge["amount"]:
            return 402, {"code": "too_much"}
        charge |= {"state": "paid", "amount": params["amount"]}
        return 200, dict(charge)

    def _release(self, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        charge = next((it for it in self.charges if it["label"] == params["label"]), None)
        if charge is None or charge["state"] != "held":
            return 402, {"code": "not_held"}
        charge |= {"state": "released", "code": "released"}
        return 200, dict(charge)

    def _refund(self, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        charge = next((it for it in self.charges if it["id"] == params["charge"]), None)
        if charge is None:
            return 402, {"code": "no_such_charge"}
        made = [it for it in self.refunds if it["charge"] == charge["id"]]
        refunded = sum(it["amount"] for it in made if it["state"] != "failed")
        if charge["state"] != "paid" or refunded + params["amount"] > charge["amount"]:
            return 402, {"code": "too_much"}
        refund = params | {"id": f"refund-{len(self.refunds)}", "state": "pending"}
        refund["currency"] = charge["currency"]
        self.refunds.append(refund)
        return 200, dict(refund)

    async def _hang_up(self, request: web.Request) -> web.StreamResponse:
        # After half a reply: some HTTP clients (aiohttp too) repeat a GET that got no reply at all.
        half = web.StreamResponse()
        half.content_length = 1000
        await half.prepare(request)
        await half.write(b"{")
        if request.transport is not None:
            request.transport.close()
        return half
