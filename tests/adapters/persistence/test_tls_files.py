"""The files of TLS as libpq has them: its default ones, and lists of revoked certificates."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from application.ports.unit_of_work import StorageUnavailable
from tests.adapters.persistence.test_tls import TlsProxy, connect, write_certificate

PEM = serialization.Encoding.PEM
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@frozen
class Signer:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def revoking(self, *others: "Signer") -> bytes:
        """Return the list of the certificates that this one has revoked."""
        builder = x509.CertificateRevocationListBuilder(
            self.certificate.subject, last_update=NOW - DAY, next_update=NOW + DAY
        )
        for each in others:
            revoked = x509.RevokedCertificateBuilder(each.certificate.serial_number, NOW - DAY)
            builder = builder.add_revoked_certificate(revoked.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(PEM)


def signed(name: str, by: Signer | None = None) -> Signer:
    """Return a certificate that another one has signed, or itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(name != "localhost", path_length=None), critical=True)
    )
    return Signer(builder.sign(by.key if by else key, hashes.SHA256()), key)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of libpq's files in the home of this user."""
    folder = tmp_path / "home" / ".postgresql"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder.parent))
    return folder


@pytest.mark.parametrize(("trusted", "accepted"), [("localhost", True), ("stranger", False)])
async def test_an_authority_in_the_home_is_verified_as_one_that_is_named(
    database_url: str, tmp_path: Path, home: Path, trusted: str, accepted: bool
) -> None:
    server = write_certificate(tmp_path, "localhost")
    authority = server if trusted == "localhost" else write_certificate(tmp_path, trusted)
    (home / "root.crt").write_bytes(authority.read_bytes())
    proxy = TlsProxy(urlsplit(database_url).port or 0, server)
    async with proxy.listening() as port:
        await connect(database_url, port, "localhost", sslmode="prefer")  # verifies nothing
        for mode in ("require", "verify-ca", "verify-full"):
            if accepted:
                await connect(database_url, port, "localhost", sslmode=mode)
            else:
                with pytest.raises(StorageUnavailable, match="certificate verify failed"):
                    await connect(database_url, port, "localhost", sslmode=mode)


async def test_our_certificate_in_the_home_is_sent_if_its_key_is_there(
    database_url: str, tmp_path: Path, home: Path
) -> None:
    ours, server = write_certificate(tmp_path, "payments"), write_certificate(tmp_path, "localhost")
    proxy = TlsProxy(urlsplit(database_url).port or 0, server, client_ca=ours)
    (home / "postgresql.crt").write_bytes(ours.read_bytes())
    async with proxy.listening() as port:
        with pytest.raises(StorageUnavailable):
            await connect(database_url, port, "localhost", sslmode="require")
        (home / "postgresql.key").write_bytes(ours.with_suffix(".key").read_bytes())
        await connect(database_url, port, "localhost", sslmode="require")


@pytest.mark.parametrize("revoked", [None, "server", "authority"])
async def test_a_revoked_certificate_is_refused_anywhere_in_the_chain(
    database_url: str, tmp_path: Path, revoked: str | None
) -> None:
    root = signed("root")
    authority = signed("authority", root)
    server = signed("localhost", authority)
    lists = (
        root.revoking(*[authority] * (revoked == "authority")),
        authority.revoking(*[server] * (revoked == "server")),
    )
    chain, private = tmp_path / "server.crt", tmp_path / "server.key"
    chain.write_bytes(b"".join(each.certificate.public_bytes(PEM) for each in (server, authority)))
    private.write_bytes(
        server.key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    trusted, crl = tmp_path / "root.crt", tmp_path / "revoked.crl"
    trusted.write_bytes(root.certificate.public_bytes(PEM))
    crl.write_bytes(b"".join(lists))
    proxy = TlsProxy(urlsplit(database_url).port or 0, chain)
    async with proxy.listening() as port:
        connecting = connect(
            *(database_url, port, "localhost"),
            sslmode="verify-full",
            sslrootcert=str(trusted),
            sslcrl=str(crl),
        )
        if revoked is None:
            await connecting
        else:
            with pytest.raises(StorageUnavailable, match="certificate revoked"):
                await connecting
