"""The fake gateway's records are shared by all processes, and survive them."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.gateways.fake import FakeGateway
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.capture import CaptureMode
from domain.identifiers import ChargeId
from domain.outcome import Authorized, Charged, RequiresAction
from domain.refund import Refunded
from payments_kit.conformance.samples import a_payment, a_refund
from tests.world import VISA

# What release 1.0.0rc1 did not store.
NEW_FIELDS = (
    *("{attempts,0,authorized_at}", "{attempts,0,return_url}", "{attempts,0,is_voucher}"),
    *("{attempts,0,claimed,capture_mode}", "{attempts,0,claimed,authorized_until}"),
    *("{attempts,0,claimed,requested_capture}", "{attempts,0,claimed,capture_attempt}"),
)

Fakes = list[FakeGateway]
_ids = (f"id{number}" for number in itertools.count())


def a_fake(engine: AsyncEngine) -> FakeGateway:
    return FakeGateway(engine, lambda: datetime.now(UTC), lambda: next(_ids))


@pytest.fixture
async def engines(empty_database_url: str) -> AsyncIterator[list[AsyncEngine]]:
    """Yield engines for several processes."""
    address = make_url(empty_database_url).set(drivername="postgresql+asyncpg")
    engines = [create_async_engine(address) for _ in range(6)]
    yield engines
    for engine in engines:
        await engine.dispose()


@pytest.fixture
def fakes(engines: list[AsyncEngine]) -> Fakes:
    return [a_fake(engine) for engine in engines]


async def test_processes_that_start_together_create_its_tables_once(fakes: Fakes) -> None:
    await asyncio.gather(*(fake.check() for fake in fakes))


async def test_all_processes_share_its_records(fakes: Fakes) -> None:
    one, other, *_ = fakes
    payment = a_payment()
    action = await one.charge(payment, CardToken("tok_threeDSecure2Required"))
    assert isinstance(action, RequiresAction)
    charged = await other.complete_authentication(payment.id, succeeded=True)
    assert isinstance(charged, Charged)
    assert await one.find(payment) == charged
    refund = a_refund(payment, charged)
    assert isinstance(await other.refund(payment, refund), Refunded)
    assert isinstance(await one.find_refund(payment, refund), Refunded)


async def test_concurrent_charges_of_several_processes_charge_once(fakes: Fakes) -> None:
    payment = a_payment()
    outcomes = await asyncio.gather(*(fake.charge(payment, VISA) for fake in fakes))
    assert len(set(map(repr, outcomes))) == 1
    assert len((await fakes[0].record(payment.id)).attempts) == 1


async def test_records_of_an_earlier_version_are_read(engines: list[AsyncEngine]) -> None:
    engine, payment = engines[0], a_payment()
    old = """{"attempts": [{"name": "1", "order_id": "o", "livemode": false, "refund_waits": true,
        "amount": {"minor": 1000, "currency": {"code": "usd"}}, "state": "succeeded",
        "created_at": "2026-01-01T00:00:00Z"}], "given": [{"reference": "re_2", "charge_id": "ch_1",
        "amount": {"minor": 1000, "currency": {"code": "usd"}}, "state": "succeeded"}],
        "remembered": [], "slip": null}"""
    async with engine.begin() as connection:
        await connection.execute(text("create schema fake_gateway"))
        await connection.execute(
            text("create table fake_gateway.dossiers (payment_id text primary key, dossier jsonb)")
        )
        await connection.execute(
            text("insert into fake_gateway.dossiers values (:id, cast(:old as jsonb))"),
            {"id": payment.id, "old": old},
        )
    for _ in range(2):
        record = await a_fake(engine).record(payment.id)
        assert record.charged is not None
        charged = Charged(ChargeId("ch_1"), payment.amount, livemode=False, reference="pi_1")
        assert record.charged.outcome == charged
        assert record.charged.refund_is_pending
        assert record.refundable(record.charged).is_zero


async def test_records_from_before_authorizations_are_read(engines: list[AsyncEngine]) -> None:
    fake, payment = a_fake(engines[0]), a_payment()
    charged = await fake.charge(payment, VISA)
    async with engines[0].begin() as connection:
        for field in NEW_FIELDS:
            removed = f"update fake_gateway.records set record = record #- '{field}'"
            await connection.execute(text(removed))
    assert await fake.find(payment) == charged
    [listed] = await fake.list_charges(payment.created_at, datetime.now(UTC) + timedelta(hours=1))
    assert (listed.payment, listed.outcome) == (payment, charged)


async def test_processes_share_an_authorization_and_capture_it_once(fakes: Fakes) -> None:
    payment = evolve(a_payment(), capture_mode=CaptureMode.MANUAL)
    authorized = await fakes[0].charge(payment, VISA)
    assert isinstance(authorized, Authorized)
    [listed] = await fakes[1].list_charges(payment.created_at, authorized.until)
    assert listed.outcome == authorized
    captures = (
        fake.capture(evolve(payment, requested_capture=payment.amount, capture_attempt=attempt))
        for attempt, fake in enumerate(fakes)
    )
    outcomes = await asyncio.gather(*captures)
    assert {type(each) for each in outcomes} == {Charged}
    assert len(set(map(repr, outcomes))) == 1


async def test_no_card_token_is_in_its_tables(engines: list[AsyncEngine]) -> None:
    for token in ("tok_visa", "tok_chargeDeclined", "tok_unknown"):
        await a_fake(engines[0]).charge(a_payment(), CardToken(token))
    async with engines[0].connect() as connection:
        rows = await connection.execute(text("select record::text from fake_gateway.records"))
        assert "tok_" not in " ".join(row[0] for row in rows)


async def test_without_its_database_it_does_nothing() -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    fake, payment = a_fake(engine), a_payment()
    with pytest.raises(GatewayUnavailable):
        await fake.charge(payment, VISA)
    with pytest.raises(OutcomeUnknown):
        await fake.find(payment)
    with pytest.raises(GatewayUnavailable):
        await fake.check()
    await fake.close()
    await engine.dispose()
