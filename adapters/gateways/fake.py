"""`PAYMENT_GATEWAY=fake`: the in-memory gateway's rules on a ledger that all processes share."""

import asyncio
from datetime import datetime
from typing import Final

import msgspec
from attrs import define, field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.gateways.gateway_record import Answer, GatewayRecord, Rule
from adapters.gateways.simulated import SimulatedGateway
from application.ports.clock import Clock, NewId
from application.ports.payment_gateway import CALL_SECONDS, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import PaymentId

# `create … if not exists` fails when two run it at once, so it is done under this lock. The number
# is any that no other advisory lock of the service has.
_CREATING: Final = 7_300_519

_LOCK: Final = text("select pg_advisory_xact_lock(:number)")
_CREATE: Final = (
    text("create schema if not exists fake_gateway"),
    text(
        "create table if not exists fake_gateway.dossiers"
        " (payment_id text primary key, dossier jsonb not null)"
    ),
)
# Writes the row even where nothing changes: that locks it, and returns the newest there is.
_TAKE: Final = text(
    "insert into fake_gateway.dossiers as kept values (:payment_id, '{}')"
    " on conflict (payment_id) do update set dossier = kept.dossier"
    " returning cast(dossier as text)"
)
_PUT: Final = text(
    "update fake_gateway.dossiers set dossier = cast(:dossier as jsonb)"
    " where payment_id = :payment_id"
)


@define
class FakeGateway(SimulatedGateway):
    """Pretends to charge, for demonstrations. What it knows survives restarts, in tables of its own
    beside the books, and is the same for every process."""

    _engine: AsyncEngine
    _clock: Clock
    _ids: NewId
    name: str = "fake"
    livemode: bool = False
    _created: bool = field(default=False, init=False)

    async def close(self) -> None:
        """Nothing of its own is open: the engine is its owner's to close."""

    def _new_id(self) -> str:
        return self._ids()

    def _now(self) -> datetime:
        return self._clock()

    async def _ask(
        self, step: str, payment_id: PaymentId, rule: Rule[Answer], key: str | None = None
    ) -> Answer:
        committing = False
        try:
            async with asyncio.timeout(CALL_SECONDS), self._engine.connect() as connection:
                await self._create(connection)
                answer = await _carry_out(connection, payment_id, rule)
                committing = True
                await connection.commit()
                return answer
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            kind = f"the fake gateway's ledger: {type(error).__name__}"
        if committing:
            raise OutcomeUnknown(kind)
        raise GatewayUnavailable(kind)

    async def _create(self, connection: AsyncConnection) -> None:
        if not self._created:
            await connection.execute(_LOCK, {"number": _CREATING})
            for statement in _CREATE:
                await connection.execute(statement)
            await connection.commit()
            self._created = True


async def _carry_out(
    connection: AsyncConnection, payment_id: PaymentId, rule: Rule[Answer]
) -> Answer:
    """Read a dossier under a lock, and write what the rule makes of it."""
    kept = (await connection.execute(_TAKE, {"payment_id": payment_id})).scalar_one()
    before = msgspec.json.decode(kept, type=GatewayRecord)
    after, answer = rule(before)
    if after != before:
        record = msgspec.json.encode(after).decode()
        await connection.execute(_PUT, {"payment_id": payment_id, "dossier": record})
    return answer
