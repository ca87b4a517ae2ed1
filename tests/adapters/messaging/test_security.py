"""How hosts give access to NATS: addresses, keys, credentials, certificates."""

import asyncio
import contextlib
import json
import logging
import os
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest

from adapters.messaging.jetstream.check import check
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.nkeys import UserKey
from adapters.messaging.jetstream.security import Security, UnusableFile
from adapters.messaging.jetstream.servers import Servers
from adapters.messaging.jetstream.streams import Streams
from application.ports.event_publisher import BrokerUnavailable
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.processes import free_port
from tests.adapters.messaging.nats_identities import Authority, Files, Hosting, Nkey

TIMEOUT = 180.0

# What doctor says of a machine that is too busy.
TOO_SLOW = ("no response", "TimeoutError")


@pytest.fixture
def server() -> Iterator[LocalNats]:
    """Yield a server of this test's own."""
    with LocalNats() as server:
        yield server


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


async def configure(server: LocalNats, **settings: Any) -> None:
    """Add settings to a server, and restart it."""
    file = server.folder / "nats.conf"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    await asyncio.to_thread(server.restart)


def tls(files: Files, **more: Any) -> dict[str, Any]:
    # A busy machine takes longer for a handshake than the server's default of 2 s.
    return {"cert_file": str(files.cert), "key_file": str(files.key), "timeout": TIMEOUT, **more}


async def wait_for(connection: JetStreamConnection) -> None:
    """Wait until a connection is established."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            with contextlib.suppress(BrokerUnavailable):
                await connection.client()
                return


async def connects(connection: JetStreamConnection) -> bool:
    """Whether a connection is established and usable."""
    async with connection:
        await wait_for(connection)
        results = await check(connection, Streams(connection), "payments")
        return all(result.ok for result in results)


class TlsFirstNats(LocalNats):
    """A server that says nothing before the handshake of TLS."""

    def _is_ready(self, pid: int) -> bool:
        if "handshake_first" not in (self.folder / "nats.conf").read_text():
            return super()._is_ready(pid)
        try:
            socket.create_connection(("127.0.0.1", self.port), TIMEOUT).close()
        except OSError:
            return False
        return True


async def problem(connection: JetStreamConnection) -> str:
    """Return what doctor says about a connection that cannot be established."""
    async with connection, asyncio.timeout(TIMEOUT):
        while True:
            [*_, last] = await check(connection, Streams(connection), "payments")
            if not last.ok and not any(each in last.text for each in TOO_SLOW):
                assert "\n" not in last.text
                return last.text


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["nats://{}", "{}", "http://{}", "nats://{}/", " {} ,{}", "{},{}"])
async def test_every_form_of_an_address_is_understood(nats_url: str, form: str) -> None:
    address = nats_url.removeprefix("nats://")
    assert await connects(JetStreamConnection(form.format(address, address)))


@pytest.mark.parametrize(
    ("text", "urls", "credentials"),
    [
        ("nats-srv", ["nats://nats-srv:4222"], (None, None, None)),
        ("http://nats-srv", ["nats://nats-srv:4222"], (None, None, None)),
        ("[::1]:4333", ["nats://[::1]:4333"], (None, None, None)),
        ("tls://[fe80::1]", ["tls://[fe80::1]:4222"], (None, None, None)),
        ("user:p%40ss@one:1,two:2", ["nats://one:1", "nats://two:2"], ("user", "p@ss", None)),
        ("nats://user:p@ss@one", ["nats://one:4222"], ("user", "p@ss", None)),
        ("nats://t0ken@one:1", ["nats://one:1"], (None, None, "t0ken")),
        ("one:1,u:p@two:2", ["nats://one:1", "nats://two:2"], ("u", "p", None)),
        ("wss://one/nats,wss://two:80", ["wss://one/nats", "wss://two:80"], (None, None, None)),
    ],
)
def test_an_address_is_read(
    text: str, urls: list[str], credentials: tuple[str | None, str | None, str | None]
) -> None:
    servers = Servers.parse(text)
    assert list(servers.urls) == urls
    assert (servers.user, servers.password, servers.token) == credentials
    for secret in filter(None, credentials[1:]):
        assert secret not in repr(servers)


@pytest.mark.parametrize(
    "text",
    [
        *("", "nats://", "one,,two", "https://one", "amqp://one", "one:port", "one:70000"),
        *("nats://s3cret/x@one", "nats://user:s3cret#1@one", "ws://one,nats://two", "nats://[::1"),
        *("$NATS_URL", "${NATS_URL}", "s3cret:x@one,other:x@two", "one two", "one;two"),
        "ws://one,wss://two",
        *("nats://one two",),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_secrets(text: str) -> None:
    with pytest.raises(ValueError, match=r"server|mixes") as error:
        Servers.parse(text)
    assert "s3cret" not in str(error.value)


# --- keys and credentials ------------------------------------------------------------------------


def test_a_seed_is_read_as_by_other_clients() -> None:
    # From https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
    seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
    assert UserKey.from_seed(seed).public == (
        "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
    )


async def test_a_user_signs_in_with_a_key(server: LocalNats, tmp_path: Path) -> None:
    key, other = Nkey("U"), Nkey("U")
    await configure(server, authorization={"users": [{"nkey": key.public}]})
    for each, name in ((key, "right"), (other, "wrong")):
        (tmp_path / name).write_text(f"{each.seed}\n")
    security = Security(nkey_seed_file=tmp_path / "right")
    assert await connects(JetStreamConnection(server.url, security=security))
    security = Security(nkey_seed_file=tmp_path / "wrong")
    refused = await problem(JetStreamConnection(server.url, security=security))
    assert refused == (
        f"NATS: not connected to {server.url}: NATS refuses our user: Authorization Violation"
    )


async def test_a_server_that_wants_a_user_is_told_from_one_that_is_away(server: LocalNats) -> None:
    await configure(server, authorization={"user": "shop", "password": "s3cret"})
    assert await problem(JetStreamConnection(server.url)) == (
        f"NATS: not connected to {server.url}:"
        " NATS requires a user, and neither NATS_URL nor a file has one"
    )
    host = server.url.removeprefix("nats://")
    assert await connects(JetStreamConnection(f"127.0.0.1:1,nats://shop:s3cret@{host}"))


async def test_a_user_signs_in_with_a_credentials_file(
    server: LocalNats, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hosting, file = Hosting(), tmp_path / "user.creds"
    await configure(server, **hosting.settings())
    file.write_text(hosting.credentials())
    security = Security(creds_file=file)
    assert await connects(JetStreamConnection(server.url, security=security))
    assert "eyJ" not in caplog.text
    file.write_text(hosting.credentials(exp=1_700_000_001))
    expired = await problem(JetStreamConnection(server.url, security=security))
    assert expired.startswith("NATS: not connected to ")
    assert "expired" in expired or "refuses our user" in expired


# --- TLS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_a_server_with_a_certificate_of_our_authority_is_used(
    server: LocalNats, authority: Authority, scheme: str
) -> None:
    await configure(server, tls=tls(authority.issue("server")))
    url = f"{scheme}://127.0.0.1:{server.port}"
    assert await connects(JetStreamConnection(url, security=Security(ca_file=authority.file)))


async def test_a_client_certificate_is_shown(server: LocalNats, authority: Authority) -> None:
    files = tls(authority.issue("server"), ca_file=str(authority.file), verify=True)
    await configure(server, tls=files)
    ours = authority.issue("client")
    security = Security(ca_file=authority.file, cert_file=ours.cert, key_file=ours.key)
    assert await connects(JetStreamConnection(server.url, security=security))
    security = Security(ca_file=authority.file)
    refused = await problem(JetStreamConnection(server.url, security=security))
    assert "requires a client certificate: set NATS_CERT_FILE" in refused


async def test_a_server_that_disconnects_us_without_a_reason_may_require_a_client_certificate(
    authority: Authority,
) -> None:
    files, info = authority.issue("server"), {"tls_required": True, "max_payload": 2**20}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)

    async def disconnect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"INFO {json.dumps(info)}\r\n".encode())
        await writer.start_tls(context)
        await reader.readline()
        socket = writer.get_extra_info("socket")
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))  # a reset, as with data
        writer.transport.abort()

    async with await asyncio.start_server(disconnect, "127.0.0.1", 0) as server:
        url = "nats://{}:{}".format(*server.sockets[0].getsockname())
        security = Security(ca_file=authority.file)
        refused = await problem(JetStreamConnection(url, security=security))
    assert "requires a client certificate: set NATS_CERT_FILE" in refused


async def test_a_certificate_that_cannot_be_trusted_is_named(
    server: LocalNats, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    trusted = Security(ca_file=authority.file)
    for files, words in (
        (other.issue("unknown"), "of an unknown authority: set NATS_CA_FILE"),
        (authority.issue("expired", expired=True), "the server's certificate has expired"),
        (authority.issue("elsewhere", "10.0.0.1"), "certificate is for another name"),
    ):
        await configure(server, tls=tls(files))
        assert words in await problem(JetStreamConnection(server.url, security=trusted))
    assert "NATS_CA_FILE" in await problem(JetStreamConnection(server.url))


async def test_a_password_is_never_sent_without_the_tls_that_is_configured(
    server: LocalNats, authority: Authority
) -> None:
    await configure(server, authorization={"user": "shop", "password": "s3cret"})
    address = f"shop:s3cret@127.0.0.1:{server.port}"
    for connection in (
        JetStreamConnection(f"tls://{address}"),
        JetStreamConnection(f"nats://{address}", security=Security(ca_file=authority.file)),
    ):
        assert "the server has no TLS, which our settings require" in await problem(connection)


async def test_a_renewed_certificate_is_used_for_the_next_connection(
    server: LocalNats, authority: Authority
) -> None:
    files = tls(authority.issue("server"), ca_file=str(authority.file), verify=True)
    await configure(server, tls=files)
    old = authority.issue("client", expired=True)
    security = Security(ca_file=authority.file, cert_file=old.cert, key_file=old.key)
    async with JetStreamConnection(server.url, security=security) as connection:
        with pytest.raises(BrokerUnavailable):
            await connection.client()
        authority.issue("client")
        await wait_for(connection)


@pytest.mark.filterwarnings("ignore:parameter 'timeout':DeprecationWarning")  # the library's
async def test_web_sockets_are_used(server: LocalNats, authority: Authority) -> None:
    port, trusted = free_port(), Security(ca_file=authority.file)
    await configure(server, websocket={"port": port, "no_tls": True, "host": "127.0.0.1"})
    assert await connects(JetStreamConnection(f"ws://127.0.0.1:{port}"))
    with pytest.raises(ValueError, match="wss"):
        JetStreamConnection(f"ws://127.0.0.1:{port}", security=trusted)
    files = tls(authority.issue("server"))
    await configure(server, websocket={"port": port, "tls": files, "host": "127.0.0.1"})
    assert await connects(JetStreamConnection(f"wss://127.0.0.1:{port}", security=trusted))


# --- files ---------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, authority: Authority) -> None:
    other = authority.issue("other")
    mine = authority.issue("mine")
    content = {
        "empty": "",
        "seed": Nkey("U").seed,
        "account": Nkey("A").seed,
        "damaged": Nkey("U").seed[:-3] + "AAA",
        "no key": "-----BEGIN NATS USER JWT-----\ne.y.J\n------END NATS USER JWT------\n",
    }
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    os.mkfifo(tmp_path / "pipe")
    files: list[tuple[str, dict[str, Any]]] = [
        ("creds_file", {"creds_file": tmp_path / name})
        for name in ("absent", "empty", "seed", "no key", "pipe", ".")
    ]
    files += [
        ("nkey_seed_file", {"nkey_seed_file": tmp_path / name})
        for name in ("absent", "empty", "account", "damaged", "pipe")
    ]
    files += [
        ("nkey_seed_file", {"nkey_seed_file": tmp_path / "seed", "creds_file": tmp_path / "seed"}),
        ("ca_file", {"ca_file": tmp_path / "empty"}),
        ("ca_file", {"ca_file": mine.key}),
        ("cert_file", {"cert_file": mine.key, "key_file": mine.key}),
        ("key_file", {"cert_file": mine.cert, "key_file": mine.cert}),
        ("key_file", {"cert_file": mine.cert, "key_file": other.key}),
        ("key_file", {"cert_file": mine.cert}),
        ("cert_file", {"key_file": mine.key}),
    ]
    for setting, security in files:
        with pytest.raises(UnusableFile) as error:
            Security(**security).check()
        assert error.value.setting == setting, security
        assert "\n" not in str(error.value)
        assert Nkey("U").seed[:2] not in str(error.value).replace("SU…", "")


async def test_a_server_that_begins_with_tls_is_reached(
    authority: Authority, tmp_path: Path
) -> None:
    security = Security(ca_file=authority.file)
    first = Security(ca_file=authority.file, handshake_first=True)
    with TlsFirstNats() as server:
        await configure(server, tls=tls(authority.issue("server")))
        usual = await problem(JetStreamConnection(server.url, security=first))
        assert usual.endswith("the server does not begin with TLS: NATS_TLS_HANDSHAKE_FIRST=off")
        await configure(server, tls=tls(authority.issue("server"), handshake_first=True))
        assert await connects(JetStreamConnection(server.url, security=first))
        async with (
            JetStreamConnection(server.url, security=security) as connection,
            asyncio.timeout(TIMEOUT),
        ):
            while True:
                [result] = await check(connection, Streams(connection), "payments")
                if "with handshake_first needs NATS_TLS_HANDSHAKE_FIRST=on" in result.text:
                    break
                await asyncio.sleep(0.1)  # the client connects again by itself, after a while
        with pytest.raises(ValueError, match="NATS_TLS_HANDSHAKE_FIRST has no meaning"):
            JetStreamConnection("wss://one", security=first)
