"""Set-ups that are broken, and the line of `payments doctor` about each."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import nats
from attrs import frozen

from adapters.persistence.sql.schema_version import SCHEMA_VERSION
from payments_kit.servers.postgres import LocalPostgres

JWT_KEY: Final = "a-secret-of-thirty-two-characters-at-least"
STRIPE: Final = {"PAYMENT_GATEWAY": "stripe-charges", "STRIPE_KEY": "sk_test_hunter2"}

# tcpmux, which no machine offers today.
CLOSED: Final = "127.0.0.1:1"


@frozen
class Setup:
    """What is there: a database with the newest schema, NATS, and an empty folder."""

    postgres: LocalPostgres
    database_url: str
    nats_url: str
    folder: Path

    def execute(self, *statements: str) -> None:
        """Change the database."""

        async def execute() -> None:
            import asyncpg

            connection = await asyncpg.connect(self.database_url)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        asyncio.run(execute())

    def file(self, content: bytes) -> str:
        """Return the path of a file."""
        path = self.folder / "secret"
        path.write_bytes(content)
        return str(path)

    def url(self, **parts: str) -> str:
        """Return the address of the database with another user, password or name."""
        url = urlsplit(self.database_url)
        user, password = parts.get("user", url.username), parts.get("password", url.password)
        name = parts.get("name", url.path[1:])
        return f"postgresql://{user}:{password}@127.0.0.1:{url.port}/{name}"


Change = Callable[[Setup], Mapping[str, str] | None]
"""Breaks a set-up; returns variables that are then set, or unset if they are empty."""


def variables(**changes: str) -> Change:
    return lambda _: changes


def of_database(*statements: str) -> Change:
    return lambda setup: setup.execute(*statements)


_numbers = count(1)


def with_role(*statements: str) -> Change:
    """Connect as a role that has just some rights."""

    def change(setup: Setup) -> Mapping[str, str]:
        role = f"limited_{next(_numbers)}"  # roles are the server's, not a database's
        setup.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2'",
            *(each.format(role=role) for each in statements),
        )
        return {"DATABASE_URL": setup.url(user=role, password="hunter2")}

    return change


def dead_letter(setup: Setup) -> None:
    async def publish() -> None:
        client = await nats.connect(setup.nats_url)
        jetstream = client.jetstream()
        subjects = ["payments.dead-letters.>"]
        await jetstream.add_stream(name="PAYMENTS_DEAD_LETTERS", subjects=subjects)
        await jetstream.publish("payments.dead-letters.order:created", b"{")
        await client.close()

    asyncio.run(publish())


PAYMENT = """
    INSERT INTO orders (id, revision, version, status) VALUES ('order-7', 1, 0, 'cancelled');
    INSERT INTO payments (
        id, order_id, user_id, amount, currency, gateway, livemode, created_at, status, charge_id,
        taken, taken_currency, look_at
    ) VALUES (
        'payment-7', 'order-7', 'user', 100, 'usd', 'fake', false, now() - interval '1 hour',
        '{status}', {charge}, {taken}, {currency}, {look_at}
    )
"""
OPEN = PAYMENT.format(
    status="processing", charge="NULL", taken="NULL", currency="NULL", look_at="now()"
)
REVIEW = PAYMENT.format(
    status="review", charge="'ch_7'", taken="99", currency="'usd'", look_at="NULL"
)
EVENT = """
    INSERT INTO outbox (position, id, order_id, subject, data, recorded_at, parked)
    VALUES (7, 'event-7', 'order-7', 'payment:created', '{{}}', now() - interval '1 hour', {parked})
"""
ALERT = """
    INSERT INTO alerts VALUES
        ('{kind}', 'subject-7', 'what happened', now() - interval '5 minutes', now(), 3)
"""

SETUPS: Final[list[tuple[str, Change, str]]] = [
    ("database: not set", variables(DATABASE_URL=""), "DATABASE_URL: is required"),
    (
        "database: misspelt",
        lambda setup: {"DATABASE_URL": "", "DATABSE_URL": setup.url()},
        "DATABASE_URL: is required",
    ),
    (
        "a reference that nothing has replaced",
        variables(DATABASE_URL="${DATABASE_URL}"),
        "it is a reference to another value that nothing has replaced",
    ),
    ("nats: a reference", variables(NATS_URL="$NATS_URL"), "NATS_URL: has a server whose host"),
    ("nats: not set", variables(NATS_URL=""), "NATS_URL: is required"),
    ("no key for tokens", variables(JWT_KEY=""), "JWT_KEY: is required unless JWKS_URL is set"),
    ("no key for Stripe", variables(PAYMENT_GATEWAY=""), "STRIPE_KEY: is required"),
    ("a publishable key", variables(**STRIPE | {"STRIPE_KEY": "pk_test_hunter2"}), "STRIPE_KEY: "),
    ("another database", variables(DATABASE_URL="mysql://u:hunter2@h/d"), "DATABASE_URL: is not"),
    (
        "an unknown parameter",
        lambda setup: {"DATABASE_URL": f"{setup.url()}?colour=blue"},
        "DATABASE_URL: ",
    ),
    (
        "a raw @ in the password",
        variables(DATABASE_URL="postgresql://shop:hunter2@x@127.0.0.1/d"),
        "DATABASE_URL: ",
    ),
    ("a port in words", variables(PORT="three thousand"), "PORT: must be a whole number"),
    ("a port too large", variables(WORKER_PORT="70000"), "WORKER_PORT: must be a whole number"),
    ("an unknown currency", variables(CURRENCY="euros"), "CURRENCY: "),
    ("an unknown gateway", variables(PAYMENT_GATEWAY="strype"), "PAYMENT_GATEWAY: must be one of"),
    ("a plug-in that is not there", variables(PAYMENT_GATEWAY="none.such:f"), "PAYMENT_GATEWAY: "),
    ("an operator without a key", variables(OPERATORS="anna"), "OPERATORS: "),
    ("another kind of secret", variables(STRIPE_WEBHOOK_SECRET="hunter2"), "STRIPE_WEBHOOK_SECRET"),
    ("no URL of keys", variables(JWKS_URL="keys.example"), "JWKS_URL: "),
    ("no NATS address", variables(NATS_URL="http//hunter2"), "NATS_URL: "),
    (
        "a secret file that is not there",
        variables(JWT_KEY="", JWT_KEY_FILE="/nowhere/hunter2"),
        "JWT_KEY_FILE",
    ),
    (
        "an empty secret file",
        lambda setup: {"JWT_KEY": "", "JWT_KEY_FILE": setup.file(b"")},
        "JWT_KEY_FILE",
    ),
    (
        "a secret twice",
        lambda setup: {"JWT_KEY_FILE": setup.file(b"hunter2")},
        "JWT_KEY",
    ),
    (
        "a database that is down",
        variables(DATABASE_URL=f"postgresql://u:hunter2@{CLOSED}/d"),
        f"database       {CLOSED}: connection refused",
    ),
    (
        "nats: a file without certificates",
        variables(NATS_CA_FILE=__file__),
        "nats           NATS_CA_FILE: has no usable certificates in PEM format",
    ),
    (
        "NATS that is down",
        variables(NATS_URL=f"nats://u:hunter2@{CLOSED}"),
        "nats           NATS: ",
    ),
    (
        "a gateway that cannot be reached",
        variables(**STRIPE, STRIPE_API_BASE=f"http://{CLOSED}"),
        "gateway        ",
    ),
    (
        "an identity provider that cannot be reached",
        variables(JWKS_URL=f"http://{CLOSED}/jwks"),
        "sign-in        JWKS_URL: ",
    ),
    ("no such database", lambda setup: {"DATABASE_URL": setup.url(name="none")}, "database       "),
    (
        "a wrong password",
        lambda setup: {"DATABASE_URL": setup.url(password="hunter2")},
        "database       ",
    ),
    (
        "no such user",
        lambda setup: {"DATABASE_URL": setup.url(user="nobody_knows", password="hunter2")},
        "database       ",
    ),
    (
        "no schema",
        lambda setup: {"DATABASE_URL": setup.url(name="postgres")},
        f"database       the database has no schema and needs {SCHEMA_VERSION}: run `payments mig",
    ),
    (
        "an older schema",
        of_database("UPDATE payments_schema_version SET version_num = '0001'"),
        "database       the database has schema 0001 and needs ",
    ),
    (
        "a newer schema",
        of_database("UPDATE payments_schema_version SET version_num = '9999'"),
        "database       the database has schema 9999, newer than this program supports",
    ),
    ("a role without rights", with_role(), "database       the role limited_"),
    (
        "a role that only reads",
        with_role("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"),
        "database       the role limited_",
    ),
    ("dead letters", dead_letter, "dead letters   1 dead letters, the newest of 2"),
    (
        "a payment without an outcome",
        of_database(OPEN),
        "attention      payment without an outcome payment-7 of order order-7 (processing) since",
    ),
    (
        "a payment in review",
        of_database(REVIEW),
        "attention      payment in review payment-7 of order order-7 (review) since",
    ),
    (
        "an event that waits",
        of_database(EVENT.format(parked="NULL")),
        "attention      event not published event-7 of order order-7 (payment:created) since",
    ),
    (
        "a parked event",
        of_database(EVENT.format(parked="'too large'")),
        "attention      parked event event-7 of order order-7 (too large) since",
    ),
    (
        "an alert",
        of_database(ALERT.format(kind="gateway_refusal")),
        "attention      gateway refusal: subject-7: what happened (since 2",
    ),
    (
        "an alert of a later version",
        of_database(ALERT.format(kind="a_new_kind")),
        "attention      other: subject-7: a_new_kind: what happened (since 2",
    ),
]
