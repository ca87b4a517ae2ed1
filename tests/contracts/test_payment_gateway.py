"""Every payment gateway keeps the promises of its port; Stripe's do so over HTTP."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.gateways.fake import FakeGateway
from adapters.gateways.in_memory import InMemoryGateway
from adapters.gateways.stripe.client import StripeApi
from payments_kit.conformance.answer_promises import AnswerContract, AnsweredCaptureContract
from payments_kit.conformance.authentication_promises import AuthenticationContract
from payments_kit.conformance.capture_fault_promises import (
    AuthorizationListContract,
    UnreliableCaptureContract,
)
from payments_kit.conformance.capture_promises import CaptureContract, ExpiringCaptureContract
from payments_kit.conformance.fault_promises import (
    FailingGatewayContract,
    RefusingGatewayContract,
    UnreliableConnectionContract,
)
from payments_kit.conformance.history_promises import ChargeListContract, RefundListContract
from payments_kit.conformance.movement_promises import (
    MovementListContract,
    PayoutListContract,
)
from payments_kit.conformance.pending_promises import PendingContract, PendingListContract
from payments_kit.conformance.promises import PaymentGatewayContract
from payments_kit.conformance.record_promises import (
    DisputeRecordContract,
    PendingRecordContract,
    RecordListContract,
    UnreliableRecordContract,
)
from payments_kit.conformance.refund_promises import SettlingRefundContract
from payments_kit.conformance.session_fault_promises import UnreliableSessionContract
from payments_kit.conformance.session_promises import SessionCaptureContract, SessionContract
from payments_kit.servers.postgres import LocalPostgres
from tests.adapters.gateways.stripe_account import CHARGES, INTENTS, KEY, stripe_account
from tests.contracts.gateway_harnesses import (
    UNREACHABLE,
    InMemoryHarness,
    SimulatedHarness,
    StripeHarness,
)
from tests.databases import Databases
from tests.world import World


class OnStripe:
    """A suite on one of Stripe's APIs."""

    path: str

    @pytest.fixture
    async def harness(self) -> AsyncIterator[StripeHarness]:
        async with stripe_account(self.path) as account:
            unreachable = type(account.gateway)(StripeApi(KEY, UNREACHABLE))
            yield StripeHarness(account, unreachable)
            await unreachable.close()


class TestInMemory(
    PaymentGatewayContract,
    UnreliableConnectionContract,
    FailingGatewayContract,
    RefusingGatewayContract,
    RefundListContract,
    ChargeListContract,
    MovementListContract,
    PayoutListContract,
    AuthenticationContract,
    PendingContract,
    PendingListContract,
    SettlingRefundContract,
    CaptureContract,
    ExpiringCaptureContract,
    UnreliableCaptureContract,
    AuthorizationListContract,
    RecordListContract,
    PendingRecordContract,
    DisputeRecordContract,
    UnreliableRecordContract,
    SessionContract,
    SessionCaptureContract,
    UnreliableSessionContract,
):
    """The reference."""

    @pytest.fixture
    def harness(self) -> InMemoryHarness:
        world = World(gateway_type=InMemoryGateway)
        return InMemoryHarness(world.gateway, world.pass_time, world.faults)


@asynccontextmanager
async def _fake_gateway(database_url: str) -> AsyncIterator[SimulatedHarness]:
    address = make_url(database_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(address, pool_size=10)
    ahead = [timedelta(0)]
    now, new_id = lambda: datetime.now(UTC) + sum(ahead, timedelta()), lambda: uuid.uuid4().hex
    yield SimulatedHarness(FakeGateway(engine, now, new_id), ahead.append)
    await engine.dispose()


@pytest.fixture(scope="session")
def with_its_tables(postgres_server: LocalPostgres, migrated_template: str) -> Databases:
    """Databases in which the gateway has created its tables."""
    address = postgres_server.create_database("of_the_fake", template=migrated_template)

    async def create() -> None:
        async with _fake_gateway(address) as harness:
            await harness.gateway.list_charges(datetime.now(UTC), datetime.now(UTC))

    with ThreadPoolExecutor(max_workers=1) as thread:  # this one may run an event loop
        thread.submit(asyncio.run, create()).result()
    return Databases(postgres_server, "of_the_fake", "fake")


class TestFake(
    PaymentGatewayContract,
    RefundListContract,
    ChargeListContract,
    MovementListContract,
    PayoutListContract,
    AuthenticationContract,
    PendingContract,
    PendingListContract,
    SettlingRefundContract,
    CaptureContract,
    ExpiringCaptureContract,
    AuthorizationListContract,
    RecordListContract,
    PendingRecordContract,
    DisputeRecordContract,
    SessionContract,
    SessionCaptureContract,
):
    """Its records are in a real PostgreSQL."""

    @pytest.fixture
    async def harness(self, with_its_tables: Databases) -> AsyncIterator[SimulatedHarness]:
        name = with_its_tables.take()
        async with _fake_gateway(with_its_tables.server.url_of(name)) as harness:
            yield harness
        with_its_tables.give_back(name)


class TestStripeCharges(
    OnStripe,
    PaymentGatewayContract,
    UnreliableConnectionContract,
    FailingGatewayContract,
    RefusingGatewayContract,
    RefundListContract,
    ChargeListContract,
    MovementListContract,
    PayoutListContract,
    PendingContract,
    PendingListContract,
    SettlingRefundContract,
    AnswerContract,
    CaptureContract,
    ExpiringCaptureContract,
    UnreliableCaptureContract,
    AnsweredCaptureContract,
    AuthorizationListContract,
    RecordListContract,
    PendingRecordContract,
    DisputeRecordContract,
    UnreliableRecordContract,
):
    """The Charges API, as the reference service used it."""

    path = CHARGES


class TestStripePaymentIntents(
    OnStripe,
    PaymentGatewayContract,
    UnreliableConnectionContract,
    FailingGatewayContract,
    RefusingGatewayContract,
    RefundListContract,
    ChargeListContract,
    MovementListContract,
    PayoutListContract,
    AuthenticationContract,
    PendingContract,
    PendingListContract,
    SettlingRefundContract,
    AnswerContract,
    CaptureContract,
    ExpiringCaptureContract,
    UnreliableCaptureContract,
    AnsweredCaptureContract,
    AuthorizationListContract,
    RecordListContract,
    PendingRecordContract,
    DisputeRecordContract,
    UnreliableRecordContract,
):
    """The PaymentIntents API, the default."""

    path = INTENTS
