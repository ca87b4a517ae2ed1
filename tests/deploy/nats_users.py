"""A NATS server with the users of deploy/nats/payments.conf."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Final

import nats
from attrs import frozen
from nats.aio.client import Client

from payments_kit.servers.nats import LocalNats
from tests.deploy.dockerfile import ROOT

RIGHTS: Final = (ROOT / "deploy/nats/payments.conf").read_text()
USERS: Final = ("payments-worker", "payments-serve", "payments-operator", "orders")

# A denial is reported within milliseconds.
SECONDS: Final = 60.0


def rights_of(user: str, text: str = RIGHTS) -> list[str]:
    """Return what a user may publish to."""
    block = re.findall(rf"^{user.upper().replace('-', '_')}: {{(.*?)^}}", text, re.M | re.S)[0]
    return re.findall(r'^    "([^"]+)"$', block, re.M)


@frozen
class GuardedNats:
    """A server on which each user may do only what the file says."""

    server: LocalNats

    def set_passwords(self, **changed: str) -> None:
        """Write the passwords, by user with an underscore, and load them without a restart."""
        passwords = {each.replace("-", "_"): f"{each}-secret" for each in USERS} | changed
        lines = (f'{name.upper()}_PASSWORD: "{each}"' for name, each in passwords.items())
        (self.server.folder / "passwords.conf").write_text("\n".join(lines))

    def url(self, user: str, password: str | None = None) -> str:
        return f"nats://{user}:{password or f'{user}-secret'}@127.0.0.1:{self.server.port}"

    @contextlib.asynccontextmanager
    async def connect(self, user: str) -> AsyncIterator[tuple[Client, list[str]]]:
        """Connect as a user; yield the client, and what the server refuses it."""
        refused: list[str] = []

        async def record(error: Exception) -> None:
            refused.append(str(error))

        async with asyncio.timeout(SECONDS):
            client = await nats.connect(self.url(user), error_cb=record)
        try:
            yield client, refused
        finally:
            await client.close()


@contextlib.contextmanager
def guarded_nats(rights: str = RIGHTS) -> Iterator[GuardedNats]:
    """Start a server with these rights."""
    with LocalNats() as server:
        guarded = GuardedNats(server)
        guarded.set_passwords()
        (server.folder / "payments.conf").write_text(rights)
        file = server.folder / "nats.conf"
        settings = json.loads(file.read_text())
        lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
        file.write_text("\n".join((*lines, 'include "payments.conf"')))
        server.restart()
        yield guarded
