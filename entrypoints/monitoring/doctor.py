"""The checks of `payments doctor`: everything that the service depends on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from attrs import frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.backlog import BacklogReader, GatewayBacklog
from application.ports.event_publisher import BrokerUnavailable
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.inbound_events import DeadLetters
from application.ports.payment_gateway import GatewayAdapter, GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from domain.payment_status import PaymentStatus
from entrypoints.logs import redact
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.monitoring.dead_letter_metrics import dead_letter_problem
from entrypoints.monitoring.next_steps import CLOCK
from entrypoints.monitoring.problems import Problem, read_problems


@frozen
class CheckResult:
    """The result of one check."""

    name: str
    """What was checked: `database`, `clock`, `payments`, `attention`, `nats`,
    `dead letters` or `gateway`."""
    ok: bool
    text: str
    """One line: the state if the check passed, else the problem."""


class DatabaseHealth(Protocol):
    """What the database adapter reports."""

    @property
    def server(self) -> str:
        """The version of the server."""

    @property
    def revision(self) -> str | None:
        """The revision of the schema; None if there is no schema."""

    @property
    def problems(self) -> Sequence[str]:
        """What is wrong, one line each."""


class BrokerCheck(Protocol):
    """The result of one check of the broker adapter."""

    @property
    def ok(self) -> bool:
        """Whether the check passed."""

    @property
    def text(self) -> str:
        """The state or the problem, in one line."""


@frozen
class Doctor:
    """Checks every dependency and changes nothing."""

    check_database: Callable[[], Awaitable[DatabaseHealth]]
    """Raises StorageUnavailable if the database cannot be reached."""
    backlog: BacklogReader
    alerts: Alerts
    clock_watch: ClockWatch
    dead_letters: DeadLetters
    check_broker: Callable[[], Awaitable[Sequence[BrokerCheck]]]
    gateways: Gateways
    adapters: tuple[GatewayAdapter, ...]
    """The same gateways, in the same order."""
    check_sign_in: Callable[[], Awaitable[CheckResult]] | None = None
    """Checks the keys of users' tokens; it never raises."""

    async def check(self) -> list[CheckResult]:
        """Run all checks; return their results."""
        checks: tuple[tuple[str, Check], ...] = (
            ("database", self._database),
            ("nats", self._broker),
            ("dead letters", self._dead_letters),
            ("gateway", self._check_gateways),
            ("gateway", self._missing_gateways),
            ("sign-in", self._sign_in),
        )
        return [result for name, check in checks for result in await _run(name, check)]

    async def _database(self) -> list[CheckResult]:
        try:
            health = await self.check_database()
            if health.problems:  # the backlog can be read from the newest schema only
                return [CheckResult("database", False, problem) for problem in health.problems]
            state = f"PostgreSQL {health.server}, schema {health.revision}"
            problems = await read_problems(self.backlog, self.alerts)
            waiting = await self._waiting()
            clock = self._clock()
        except StorageUnavailable as error:
            return [CheckResult("database", False, str(error))]
        return [
            CheckResult("database", True, state),
            clock,
            *waiting,
            *(CheckResult("attention", False, problem.line) for problem in problems),
        ]

    async def _waiting(self) -> list[CheckResult]:
        """Say how many payments wait for their money or capture; nothing is wrong with them."""
        backlog = await self.backlog.read()
        texts = []
        if (count := backlog.unfinished.get(PaymentStatus.PENDING, 0)) and backlog.oldest_pending:
            texts.append(f"{count:,} pending, the oldest for {backlog.oldest_pending.days} days")
        if count := backlog.unfinished.get(PaymentStatus.AUTHORIZED, 0):
            texts.append(f"{count:,} authorized and not captured yet")
        return [CheckResult("payments", True, text) for text in texts]

    def _clock(self) -> CheckResult:
        problem = self.clock_watch.problem
        if problem is not None:
            return CheckResult("clock", False, Problem(CLOCK, problem).line)
        return CheckResult("clock", True, f"{self.clock_watch.offset:+.3f} s from the database's")

    async def _dead_letters(self) -> list[CheckResult]:
        try:
            count = await self.dead_letters.count()
        except BrokerUnavailable:
            return []  # the check of the broker has said so
        problem = dead_letter_problem(count, self.clock_watch.host_now)
        if problem is not None:
            return [CheckResult("dead letters", False, problem.line)]
        return [CheckResult("dead letters", True, f"{count.number:,}, none of them recent")]

    async def _broker(self) -> list[CheckResult]:
        return [CheckResult("nats", each.ok, each.text) for each in await self.check_broker()]

    async def _check_gateways(self) -> list[CheckResult]:
        pairs = zip(self.gateways, self.adapters, strict=True)
        return list(await asyncio.gather(*(_check_gateway(*each) for each in pairs)))

    async def _missing_gateways(self) -> list[CheckResult]:
        """Name the gateways that payments wait at and the settings do not have."""
        try:
            waiting = await self.backlog.count_at_gateways()
        except StorageUnavailable:
            return []  # the check of the database has said so
        configured = {(each.name, each.livemode) for each in self.gateways}
        missing = [each for each in waiting if (each.gateway, each.livemode) not in configured]
        return [CheckResult("gateway", False, _missing(each)) for each in missing]

    async def _sign_in(self) -> list[CheckResult]:
        return [await self.check_sign_in()] if self.check_sign_in else []


async def _check_gateway(at: ConfiguredGateway, adapter: GatewayAdapter) -> CheckResult:
    try:
        await adapter.check()
    except (OutcomeUnknown, GatewayUnavailable) as error:
        return CheckResult("gateway", False, f"{at.setting}: {error}")
    text = f"{at.setting} is ready"
    if at.history.list_charges is None:
        text += "; it lists no charges, so that a database that is behind is noticed late"
    if at.records.charges is None:
        text += "; it has no pages of records, so its books are not reconciled with ours"
    return CheckResult("gateway", True, text)


def _missing(at: GatewayBacklog) -> str:
    mode = "live" if at.livemode else "test"
    problem = Problem(
        AlertKind.GATEWAY_MISSING.value,
        f"{at.payments:,} payments wait at {at.gateway} ({mode} mode), which is not configured",
    )
    return problem.line


Check = Callable[[], Awaitable[list[CheckResult]]]


async def _run(name: str, check: Check) -> list[CheckResult]:
    """Run a check; an error that it does not expect is a result, too, and no traceback."""
    try:
        return await check()
    except Exception as error:
        lines = redact(str(error)).splitlines() or ["no text"]
        return [CheckResult(name, False, f"unexpected {type(error).__name__}: {lines[0]}")]
