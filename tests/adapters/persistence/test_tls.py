"""TLS to the database by libpq's six modes, through a proxy that ends it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable

ONE = Statement.of(text("SELECT 1"))

# https://www.postgresql.org/docs/current/protocol-message-formats.html
SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


def write_certificate(folder: Path, name: str) -> Path:
    """Write a certificate that signs itself, and its key; return the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.key").write_bytes(private)
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
    return folder / f"{name}.crt"


class TlsProxy:
    """Accepts TLS as PostgreSQL does, and forwards to a server without it."""

    def __init__(self, port: int, certificate: Path, client_ca: Path | None = None) -> None:
        self._port = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        if client_ca is not None:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(cafile=client_ca)
        self._connections: set[asyncio.Task[None]] = set()
        self.encrypted = 0
        self.plain = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        upstream: asyncio.StreamWriter | None = None
        try:
            first = await reader.readexactly(len(SSL_REQUEST))
            if first == SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(self._context)
                self.encrypted += 1
                first = b""
            else:
                self.plain += 1
            replies, upstream = await asyncio.open_connection("127.0.0.1", self._port)
            upstream.write(first)
            await asyncio.gather(_pump(reader, upstream), _pump(replies, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            if upstream is not None:
                upstream.transport.abort()
            self._connections.discard(task)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
    raise EOFError


async def connect(database_url: str, port: int, host: str, **parameters: str) -> None:
    """Open one connection through the proxy, and use it."""
    parts = urlsplit(database_url)
    userinfo = parts.netloc.rpartition("@")[0]
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    url = parts._replace(netloc=f"{userinfo}@{host}:{port}", query=query).geturl()
    engine = create_engine(url, 1, prepared="on")
    try:
        await Database(engine).run(ONE)
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    ("mode", "encrypted"),
    [("disable", False), ("allow", False), ("prefer", True), ("require", True), ("true", True)],
)
async def test_modes_that_verify_nothing(
    database_url: str, tmp_path: Path, mode: str, encrypted: bool
) -> None:
    port = urlsplit(database_url).port or 0
    proxy = TlsProxy(port, write_certificate(tmp_path, "another"))
    async with proxy.listening() as proxied:
        await connect(database_url, proxied, "127.0.0.1", sslmode=mode)
    assert (proxy.encrypted > 0, proxy.plain > 0) == (encrypted, not encrypted)


@pytest.mark.parametrize(
    ("mode", "certificate_of", "trusted", "accepted"),
    [
        ("require", "localhost", "localhost", True),
        ("require", "localhost", "stranger", False),  # a named authority is verified
        ("verify-ca", "another", "another", True),
        ("verify-ca", "localhost", "stranger", False),
        ("verify-full", "localhost", "localhost", True),
        ("verify-full", "another", "another", False),
    ],
)
async def test_modes_that_verify_the_server(
    database_url: str, tmp_path: Path, mode: str, certificate_of: str, trusted: str, accepted: bool
) -> None:
    certificate = write_certificate(tmp_path, certificate_of)
    authority = tmp_path / f"{trusted}.crt"
    if trusted != certificate_of:
        authority = write_certificate(tmp_path, trusted)
    proxy = TlsProxy(urlsplit(database_url).port or 0, certificate)
    async with proxy.listening() as port:
        connecting = connect(
            database_url, port, "localhost", sslmode=mode, sslrootcert=str(authority)
        )
        if accepted:
            await connecting
        else:
            with pytest.raises(StorageUnavailable, match="certificate verify failed"):
                await connecting
    assert not proxy.plain, "a connection that must be verified never falls back"


async def test_our_own_certificate_is_sent(database_url: str, tmp_path: Path) -> None:
    ours = write_certificate(tmp_path, "payments")
    server = write_certificate(tmp_path, "localhost")
    proxy = TlsProxy(urlsplit(database_url).port or 0, server, client_ca=ours)
    async with proxy.listening() as port:
        key = str(ours.with_suffix(".key"))
        await connect(
            database_url, port, "localhost", sslmode="require", sslcert=str(ours), sslkey=key
        )
        with pytest.raises(StorageUnavailable):
            await connect(database_url, port, "localhost", sslmode="require")
