"""Reconciling: an operator compares the books with a gateway, soon or days later."""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta
from typing import Final

from attrs import frozen

from application.application import UseCases
from application.ports.gateway_records import Period
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.reconcile import NotReconciled
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.clients import Clients
from payments_kit.simulation.runtime import BEGINNING
from payments_kit.simulation.scenario import Scenario

_TIMES: Final = 4
"""How often an operator does it at most."""

_MAX_EXPONENT: Final = 5.5
"""The latest is 10 to this power of seconds after the beginning: almost four days."""

_SECONDS: Final = 300.0
"""How long it may take: a list that is slow has several pages."""


@frozen
class Reconciling:
    """Runs `payments reconcile`, with or without repairs, or the worker's role once."""

    scenario: Scenario
    clients: Clients
    draw: random.Random

    def begin(self) -> None:
        """Plan when it happens."""
        loop = self.clients.loop
        for _ in range(self.draw.randint(1, _TIMES)):
            seconds = 10 ** self.draw.uniform(1.0, _MAX_EXPONENT)
            loop.call_later(seconds, self._begin, context=loop.outside)

    def _begin(self) -> None:
        self.clients.loop.start(None, self._reconcile())

    async def _reconcile(self) -> None:
        serve = self.clients.cluster.choose_serve()
        if serve is None:
            return
        self.clients.trace.count(Activity.RECONCILES)
        self.clients.trace.record("operator", "reconciles")
        command = self._run(serve.use_cases)
        await asyncio.wait([self.clients.loop.spawn(serve.process, command)], timeout=_SECONDS)

    async def _run(self, use_cases: UseCases) -> None:
        regularly = use_cases.reconcile_regularly
        with suppress(StorageUnavailable, NotReconciled):
            if self.draw.random() < 0.5:
                await regularly.run_once()
                return
            repair = self.draw.random() < 0.5
            now = self.clients.cluster.runtime.now()
            period = Period(BEGINNING - timedelta(hours=1), now)
            for each in regularly.gateways:
                await use_cases.reconcile(each, period, lambda _: None, repair=repair)
