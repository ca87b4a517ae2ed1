"""The fake gateway's ledger is one for all processes, and outlives them."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.gateways.fake import FakeGateway
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged, RequiresAction
from domain.refund import Refunded
from payments_kit.conformance.promises import a_payment, a_refund

VISA = CardToken("tok_visa")
_names = (f"name{number}" for number in itertools.count())


def a_fake(engine: AsyncEngine) -> FakeGateway:
    return FakeGateway(engine, lambda: datetime.now(UTC), lambda: next(_names))


@pytest.fixture
async def engines(empty_database_url: str) -> AsyncIterator[Callable[[], AsyncEngine]]:
    """Makes engines, one a process."""
    made: list[AsyncEngine] = []

    def make() -> AsyncEngine:
        address = make_url(empty_database_url).set(drivername="postgresql+asyncpg")
        made.append(create_async_engine(address))
        return made[-1]

    yield make
    for engine in made:
        await engine.dispose()


async def test_processes_that_start_together_make_its_tables_once(
    engines: Callable[[], AsyncEngine],
) -> None:
    fakes = [a_fake(engines()) for _ in range(6)]
    await asyncio.gather(*(fake.check() for fake in fakes))


async def test_one_process_finds_what_another_charged(engines: Callable[[], AsyncEngine]) -> None:
    one, other = a_fake(engines()), a_fake(engines())
    payment = a_payment()
    charged = await one.charge(payment, VISA)
    assert isinstance(charged, Charged)
    assert await other.find(payment) == charged
    refund = a_refund(payment, charged)
    assert isinstance(await other.refund(payment, refund), Refunded)
    assert isinstance(await one.find_refund(payment, refund), Refunded)


async def test_processes_that_charge_together_charge_once(
    engines: Callable[[], AsyncEngine],
) -> None:
    fakes = [a_fake(engines()) for _ in range(4)]
    payment = a_payment()
    outcomes = await asyncio.gather(*(fake.charge(payment, VISA) for fake in fakes))
    assert len(set(map(repr, outcomes))) == 1
    assert len((await fakes[0].record(payment.id)).attempts) == 1


async def test_a_customer_can_come_back_to_another_process(
    engines: Callable[[], AsyncEngine],
) -> None:
    one, other = a_fake(engines()), a_fake(engines())
    payment = a_payment()
    action = await one.charge(payment, CardToken("tok_threeDSecure2Required"))
    assert isinstance(action, RequiresAction)
    assert isinstance(await other.complete_authentication(payment.id, succeeded=True), Charged)
    assert isinstance(await one.find(payment), Charged)


async def test_no_card_token_is_in_its_tables(engines: Callable[[], AsyncEngine]) -> None:
    engine = engines()
    fake = a_fake(engine)
    for token in ("tok_visa", "tok_chargeDeclined", "tok_of_nobody"):
        await fake.charge(a_payment(), CardToken(token))
    async with engine.connect() as connection:
        rows = await connection.execute(text("select dossier::text from fake_gateway.dossiers"))
        assert "tok_" not in " ".join(row[0] for row in rows)


async def test_without_its_database_it_surely_did_nothing() -> None:
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
