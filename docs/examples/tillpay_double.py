"""Tillpay itself, an imaginary payment service: small, in memory, at an address of its own.

It stands for the test mode of a real one. Requests carry an `Idempotency-Key`, and a `label` of ours.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

KEY = "till_test_example"
CARDS = {"card_good": None, "card_empty": "insufficient_funds"}


class Tillpay:
    """Everything it knows, and what is going to go wrong."""

    def __init__(self) -> None:
        self.address = ""
        self.charges: list[dict[str, Any]] = []
        self.refunds: list[dict[str, Any]] = []
        self.replies_to_lose: Counter[str] = Counter()
        self.requests_to_lose: Counter[str] = Counter()
        self._answers: dict[str, tuple[object, int, dict[str, Any]]] = {}

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Tillpay"]:
        """Answer until the block ends."""
        app = web.Application()
        app.router.add_route("*", "/{list}", self._answer)
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

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        step = f"{request.method} {request.path}"
        if self.requests_to_lose[step]:
            self.requests_to_lose[step] -= 1
            return await self._hung_up(request)
        status, answer = await self._done(request)
        if self.replies_to_lose[step]:
            self.replies_to_lose[step] -= 1
            return await self._hung_up(request)
        return web.json_response(answer, status=status)

    async def _done(self, request: web.Request) -> tuple[int, dict[str, Any]]:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return 401, {"code": "who_are_you"}
        made = self.charges if request.path == "/charges" else self.refunds
        if request.method == "GET":
            wanted = request.query.items()
            return 200, {"found": [it for it in made if all(it[k] == v for k, v in wanted)]}
        asked = await request.json()
        key = request.headers["Idempotency-Key"]
        if key not in self._answers:
            do = self._charge if made is self.charges else self._refund
            self._answers[key] = (asked, *do(asked))
        first, status, answer = self._answers[key]
        return (status, answer) if first == asked else (409, {"code": "key_reused"})

    def _charge(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if asked["card"] not in CARDS:
            return 402, {"code": "no_such_card"}
        code = CARDS[asked["card"]]
        charge = asked | {"id": f"charge-{len(self.charges)}", "declined": code}
        self.charges.append(charge)
        return 200, charge

    def _refund(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        charge = next((it for it in self.charges if it["id"] == asked["charge"]), None)
        if charge is None:
            return 402, {"code": "no_such_charge"}
        back = sum(it["amount"] for it in self.refunds if it["charge"] == charge["id"])
        if charge["declined"] or back + asked["amount"] > charge["amount"]:
            return 402, {"code": "too_much"}
        refund = asked | {"id": f"refund-{len(self.refunds)}", "currency": charge["currency"]}
        self.refunds.append(refund)
        return 200, refund

    async def _hung_up(self, request: web.Request) -> web.StreamResponse:
        # After half an answer: a GET without any is sent again by some HTTP clients, aiohttp's too.
        half = web.StreamResponse()
        half.content_length = 1000
        await half.prepare(request)
        await half.write(b"{")
        if request.transport is not None:
            request.transport.close()
        return half
