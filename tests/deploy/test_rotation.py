"""docs/how-to/rotate-keys.md, step by step: the old key and the new one after each."""

import asyncio
import json
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import nats.errors
import pytest
from nats.aio.client import Client
from sqlalchemy import text

from adapters.clock import utc_now
from adapters.gateways.stripe.notifications import StripeNotificationReader
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.migrate import migrate
from adapters.persistence.sql.readiness import check_usable
from adapters.persistence.sql.statement import Statement
from application.ports.gateway_notifications import InvalidNotification
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.http.auth import Authenticator
from entrypoints.http.errors import NotAuthorized
from entrypoints.http.http_request import HeaderValues
from entrypoints.http.operator_keys import OperatorKeys
from entrypoints.http.sign_in_refusals import RefusalLog
from entrypoints.settings import Settings, read_settings
from payments_kit.doubles.stripe.webhooks import signature_header
from payments_kit.servers.postgres import LocalPostgres
from tests.deploy.guide import blocks, variables
from tests.deploy.nats_users import RIGHTS, SECONDS, GuardedNats, guarded_nats
from tests.entrypoints.http.world import a_token
from tests.system.waiting import eventually

PAGE: Final = "rotate-keys.md"
BASE: Final = {
    "DATABASE_URL": "postgresql://shop@host/shop",
    "NATS_URL": "nats://host:4222",
    "JWT_KEY": "a-key-0123456789abcdef",
    "STRIPE_KEY": "sk_test_1",
}
"""Valid settings; a step of the page changes some."""


def steps(section: str) -> list[Settings]:
    """Return the settings after each step of a section."""
    return [read_settings(BASE | variables(each)) for each in blocks(PAGE, "sh", section)]


def request(credentials: str) -> Any:
    fields = HeaderValues([(b"authorization", f"Bearer {credentials}".encode())])
    return SimpleNamespace(fields=fields)


def refusals() -> RefusalLog:
    return RefusalLog(lambda reason: None)


async def accepted_tokens(settings: Settings, keys: Mapping[str, str]) -> set[str]:
    """Return which of the keys may sign tokens."""
    alerts: Any = SimpleNamespace(report=print)
    authenticator = Authenticator.from_settings(
        settings, utc_now, refusals(), alerts, lambda url: alerts
    )
    found = set()
    for name, key in keys.items():
        try:
            await authenticator.authenticate(request(a_token("customer", key)))
        except NotAuthorized:
            continue
        found.add(name)
    return found


async def test_users_stay_signed_in_while_the_key_is_rotated() -> None:
    both, last = steps("JWT_KEY")
    assert both.jwt_key is not None
    assert both.jwt_key_previous is not None
    keys = {"new": both.jwt_key, "old": both.jwt_key_previous}
    assert await accepted_tokens(both, keys) == {"old", "new"}
    assert await accepted_tokens(last, keys) == {"new"}


def test_an_operator_may_use_both_keys_in_between() -> None:
    both, last = steps("An operator's key")
    old, new = (each.key for each in both.operators)

    def who(settings: Settings, key: str) -> str | None:
        try:
            return OperatorKeys(settings.operators, refusals()).authenticate(request(key))
        except NotAuthorized:
            return None

    assert [who(both, old), who(both, new)] == ["ada", "ada"]
    assert [who(last, old), who(last, new)] == [None, "ada"]


async def test_webhooks_are_verified_with_both_secrets_in_between() -> None:
    both, last = steps("STRIPE_WEBHOOK_SECRET")
    new, old = both.stripe_webhook_secrets
    body = json.dumps({"id": "evt_1", "object": "event", "type": "customer.created"}).encode()

    async def is_verified(settings: Settings, *secrets: str) -> bool:
        reader = StripeNotificationReader(settings.stripe_webhook_secrets, utc_now)
        signed = signature_header(body, secrets, int(utc_now().timestamp()))
        try:
            await reader.read(body, {"stripe-signature": signed})
        except InvalidNotification:
            return False
        return True

    assert [await is_verified(both, each) for each in (old, new)] == [True, True]
    assert await is_verified(last, new, old)  # Stripe signs with both while both are valid
    assert [await is_verified(last, each) for each in (old, new)] == [False, True]


def test_the_new_key_of_the_gateway_is_a_valid_setting() -> None:
    [settings] = steps("STRIPE_KEY and PAYPAL_CLIENT_SECRET")
    assert settings.stripe_key == "rk_live_new0123456789"


async def test_the_service_changes_to_a_role_with_the_same_rights(
    empty_database_url: str, postgres_server: LocalPostgres
) -> None:
    section = "The password of the database"
    create, close = blocks(PAGE, "sql", section)
    [setting] = blocks(PAGE, "sh", section)
    roles = (Path(__file__).parents[2] / "docs/database-roles.sql").read_text()
    for role in ("owner", "service"):
        roles = roles.replace(f":'{role}_password'", "'old-password'")

    def as_role(userinfo: str) -> str:
        parts = urlsplit(empty_database_url)
        netloc = f"{userinfo}@{parts.netloc.rpartition('@')[2]}"
        return parts._replace(netloc=netloc, query="schema=payments").geturl()

    async def use(url: str) -> None:
        engine = create_engine(url, 1)
        try:
            await check_usable(Database(engine))
        finally:
            await engine.dispose()

    async def execute(script: str) -> None:
        engine = create_engine(empty_database_url, 1)
        try:
            for each in filter(str.strip, script.split(";")):
                await Database(engine).run(Statement.of(text(each)))
        finally:
            await engine.dispose()

    old = as_role("payments_service:old-password")
    new = as_role(urlsplit(variables(setting)["DATABASE_URL"]).netloc.partition("@")[0])
    try:
        await execute(roles)
        await asyncio.to_thread(migrate, as_role("payments_owner:old-password"))
        await use(old)
        await execute(create)
        for each in (old, new):
            await use(each)
        await execute(close)
        await use(new)
        with pytest.raises(StorageUnavailable, match="not permitted to log in"):
            await use(old)
    finally:
        name = urlsplit(empty_database_url).path[1:]
        postgres_server.drop_database(name)
        for role in ("service_b", "service", "owner"):
            postgres_server.execute(f"DROP ROLE IF EXISTS payments_{role}")
        postgres_server.create_database(name)  # it is dropped once more


async def test_a_second_user_of_nats_takes_the_place_of_the_first() -> None:
    section = "The password of NATS"
    [line], [setting] = blocks(PAGE, "text", section), blocks(PAGE, "sh", section)
    user, password = urlsplit(variables(setting)["NATS_URL"]).netloc.partition("@")[0].split(":")
    first = "    { user: payments-worker, "
    assert first in RIGHTS
    with guarded_nats() as server:

        async def load(rights: str) -> None:
            (server.server.folder / "payments.conf").write_text(rights)
            server.server.process.signal(signal.SIGHUP)  # as `nats-server --signal reload`

        assert await may_connect(server, "payments-worker", "payments-worker-secret")
        await load(RIGHTS.replace(first, f"    {line}\n{first}"))
        await until(server, user, password, True)
        assert await may_connect(server, "payments-worker", "payments-worker-secret")
        passwords = server.server.folder / "passwords.conf"
        passwords.write_text(re.sub("^PAYMENTS_WORKER_.*\n", "", passwords.read_text()))
        without = RIGHTS.replace(first, f"    {line}\n    # {first.strip()} ")
        await load(without)
        await until(server, "payments-worker", "payments-worker-secret", False)
        assert await may_connect(server, user, password)


async def may_connect(server: GuardedNats, user: str, password: str) -> bool:
    """Whether a user can connect and ask for its own stream."""
    client = Client()
    try:
        async with asyncio.timeout(SECONDS):
            await client.connect(
                server.url(user, password), allow_reconnect=False, error_cb=_ignore
            )
            await client.request("$JS.API.STREAM.INFO.ORDERS", b"", timeout=SECONDS)
    except (nats.errors.Error, OSError):
        return False
    finally:
        await client.close()  # also after a refusal
    return True


async def _ignore(error: Exception) -> None:
    """The result says it."""


async def until(server: GuardedNats, user: str, password: str, expected: bool) -> None:
    async def is_expected() -> None:
        assert await may_connect(server, user, password) == expected

    await eventually(is_expected)
