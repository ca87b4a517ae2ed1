"""`PAYMENT_GATEWAY=fake`: a simulated gateway whose records are in the shop's database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Final

import msgspec
from attrs import define, field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.gateways.fake.old_records import copy_old_records
from adapters.gateways.simulated.gateway import SimulatedGateway
from adapters.gateways.simulated.pages import PAGE, Rows
from adapters.gateways.simulated.record import GatewayRecord, Result, Rule
from application.ports.clock import Clock, NewId
from application.ports.payment_gateway import CALL_SECONDS, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import PaymentId

# `create … if not exists` can fail if two processes run it at once; this lock prevents that. Its
# number is arbitrary, but no other advisory lock of the service has it.
_CREATE_LOCK: Final = 7_300_519

_LOCK: Final = text("select pg_advisory_xact_lock(:number)")
_CREATE: Final = (
    text("create schema if not exists fake_gateway"),
    text(
        "create table if not exists fake_gateway.records"
        " (payment_id text primary key, record jsonb not null)"
    ),
)

# The no-op update locks the row and returns its latest version.
_READ: Final = text(
    "insert into fake_gateway.records as existing values (:payment_id, '{}')"
    " on conflict (payment_id) do update set record = existing.record"
    " returning cast(record as text)"
)
_WRITE: Final = text(
    "update fake_gateway.records set record = cast(:record as jsonb) where payment_id = :payment_id"
)

_IS_SINCE: Final = (
    "exists (select from jsonb_array_elements(record->'attempts') as attempt"
    " where cast(case when cast(attempt->>'is_debit' as boolean) then attempt->>'created_at'"
    " else coalesce(attempt->>'authorized_at', attempt->>'captured_at') end as timestamptz)"
    " >= :since)"
)
_CHARGED_SINCE: Final = text(
    f"select cast(record as text) from fake_gateway.records where {_IS_SINCE}"  # noqa: S608 - no values
)

# Refunds and disputes may be newer than their charge.
_HAS_MORE: Final = (
    "jsonb_path_exists(record, '$.refunds[*]') or jsonb_path_exists(record, '$.disputes[*]')"
)
_ROWS_AFTER: Final = text(
    "select payment_id, cast(record as text) from fake_gateway.records"  # noqa: S608 - no values
    f" where payment_id > :payment_id and ({_IS_SINCE} or {_HAS_MORE})"
    " order by payment_id limit :limit"
)


@define
class FakeGateway(SimulatedGateway):
    """Simulates charges. All processes share its records, which survive restarts."""

    _engine: AsyncEngine
    _clock: Clock
    _ids: NewId
    name: str = "fake"
    livemode: bool = False
    _created: bool = field(default=False, init=False)

    async def close(self) -> None:
        """Do nothing: the caller closes the engine."""

    def _new_id(self) -> str:
        return self._ids()

    def _now(self) -> datetime:
        return self._clock()

    async def _send(
        self, step: str, payment_id: PaymentId, rule: Rule[Result], key: str | None = None
    ) -> Result:
        async def work(connection: AsyncConnection) -> Result:
            return await _apply(connection, payment_id, rule)

        return await self._run(work)

    async def _records_since(self, since: datetime) -> Iterable[GatewayRecord]:
        async def work(connection: AsyncConnection) -> list[GatewayRecord]:
            rows = await connection.execute(_CHARGED_SINCE, {"since": since})
            return [msgspec.json.decode(record, type=GatewayRecord) for (record,) in rows]

        return await self._run(work)

    async def _rows_after(self, payment_id: str, since: datetime) -> Rows:
        parameters = {"payment_id": payment_id, "since": since, "limit": PAGE}

        async def work(connection: AsyncConnection) -> Rows:
            rows = await connection.execute(_ROWS_AFTER, parameters)
            return [
                (PaymentId(each), msgspec.json.decode(record, type=GatewayRecord))
                for each, record in rows
            ]

        return await self._run(work)

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        committing = False
        try:
            async with asyncio.timeout(CALL_SECONDS), self._engine.connect() as connection:
                await self._create(connection)
                result = await work(connection)
                committing = True
                await connection.commit()
                return result
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            problem = f"the fake gateway's database: {type(error).__name__}"
        if committing:
            raise OutcomeUnknown(problem)
        raise GatewayUnavailable(problem)

    async def _create(self, connection: AsyncConnection) -> None:
        if not self._created:
            await connection.execute(_LOCK, {"number": _CREATE_LOCK})
            for statement in _CREATE:
                await connection.execute(statement)
            await copy_old_records(connection)
            await connection.commit()
            self._created = True


async def _apply(connection: AsyncConnection, payment_id: PaymentId, rule: Rule[Result]) -> Result:
    """Lock and read a record, apply the rule, and write the new record."""
    existing = (await connection.execute(_READ, {"payment_id": payment_id})).scalar_one()
    before = msgspec.json.decode(existing, type=GatewayRecord)
    after, result = rule(before)
    if after != before:
        record = msgspec.json.encode(after).decode()
        await connection.execute(_WRITE, {"payment_id": payment_id, "record": record})
    return result
