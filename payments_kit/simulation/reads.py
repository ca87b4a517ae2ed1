"""Reads: users who look at their payments, and at those of others, beside everything else."""

import asyncio
import json
import random
from typing import Any, Final

from attrs import define, field

from domain.identifiers import OrderId, PaymentId, UserId
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.errors import reply_to
from entrypoints.http.reading import ReadingHandler, RecentActions
from entrypoints.http.replies import json_reply, payment_body
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.clients import PATIENCE_SECONDS, Clients
from payments_kit.simulation.model.reports import Reply
from payments_kit.simulation.processes import Serve
from payments_kit.simulation.scenario import Scenario

_SECONDS: Final = 1.5
"""The pause between two reads, on average."""

_MAX_EXPONENT: Final = 5.5
"""The latest read is 10 to this power of seconds later: days, when everything has ended."""

_LATER: Final = 4

_OTHERS: Final = 0.3
"""How often a user reads what is another user's."""

_LISTS: Final = 0.3
"""How often the payments of an order are listed."""

_STRANGER: Final = UserId("other-user")
_OK: Final = 200

_NAMED: Final = (201, 202, 402)
"""The replies that name a payment to its user."""


@define
class Reads:
    """Reads payments that replies have named, by the handler of `GET /api/payments/{id}`."""

    scenario: Scenario
    clients: Clients
    draw: random.Random
    _handlers: dict[str, ReadingHandler] = field(factory=dict)

    async def act(self) -> None:
        """Read until the scenario's time is over, then a few times more."""
        loop = self.clients.loop
        while loop.seconds < self.scenario.seconds:
            await asyncio.sleep(self.draw.expovariate(1 / _SECONDS))
            await self._read()
        for _ in range(_LATER):
            seconds = 10 ** self.draw.uniform(1.0, _MAX_EXPONENT)
            loop.call_later(seconds, self._begin, context=loop.outside)

    def _begin(self) -> None:
        self.clients.loop.start(None, self._read())

    async def _read(self) -> None:
        known = [
            each
            for each in self.clients.replies
            if each.request == "pay" and each.status in _NAMED and each.payment_id
        ]
        serve = self.clients.cluster.choose_serve()
        if not known or serve is None:
            return
        told = self.draw.choice(known)
        is_other = self.draw.random() < _OTHERS
        user = _STRANGER if is_other else UserId(told.user_id or "")
        read = self._list if self.draw.random() < _LISTS else self._show
        self.clients.trace.count(Activity.READS)
        reading = self.clients.loop.spawn(serve.process, read(serve, told, user))
        await asyncio.wait([reading], timeout=PATIENCE_SECONDS)

    async def _show(self, serve: Serve, told: Reply, user: UserId) -> None:
        try:
            reply = await self._handler(serve).show(PaymentId(told.payment_id or ""), user)
        except Exception as error:
            reply = reply_to(error)
        self._note(reply.status, told.payment_id, user, json.loads(reply.content))

    async def _list(self, serve: Serve, told: Reply, user: UserId) -> None:
        order_id = OrderId(told.order_id or "")
        try:
            payments, order = await serve.use_cases.read_payments.of_order(order_id, user)
            reply = json_reply(200, [payment_body(each, order) for each in payments])
        except Exception as error:
            reply_to(error)
            return
        for body in json.loads(reply.content):
            self._note(200, body["id"], user, body)

    def _note(self, status: int, name: str | None, user: UserId, body: dict[str, Any]) -> None:
        self.clients.trace.record(user, f"reads {name}: {status} {body.get('status')}")
        named = name if status == _OK or user != _STRANGER else None
        self.clients.replies.append(Reply(status, named, user, "read", body=body))

    def _handler(self, serve: Serve) -> ReadingHandler:
        name = serve.process.name
        if name not in self._handlers:
            cases, now = serve.use_cases, self.clients.cluster.runtime.now
            recent, tasks = RecentActions(now), BackgroundTasks()
            self._handlers[name] = ReadingHandler(
                cases.read_payments, cases.find_action, recent, tasks
            )
        return self._handlers[name]
