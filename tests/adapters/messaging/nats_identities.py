"""Certificates, keys and credentials for the tests of sign-in and TLS."""

import base64
import binascii
import datetime
import ipaddress
import json
from pathlib import Path
from typing import Any

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)

# The first letters of keys (https://github.com/nats-io/nkeys): operator, account, user.
KINDS = {"O": 14 << 3, "A": 0, "U": 20 << 3}
SEED = 18 << 3


@frozen
class Files:
    """A certificate and its key."""

    cert: Path
    key: Path


@frozen
class Authority:
    """A certificate authority, with its files in a folder."""

    folder: Path
    name: str
    _key: ec.EllipticCurvePrivateKey = field(
        factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def file(self) -> Path:
        """The certificate of the authority."""
        return self._write(f"{self.name}.pem", self._sign(self.name, self._key, is_ca=True))

    def issue(self, name: str, address: str = "127.0.0.1", *, expired: bool = False) -> Files:
        """Issue a certificate for a host or a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key, address=address, expired=expired)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key_file = self.folder / f"{name}.key"
        key_file.write_bytes(private)
        return Files(self._write(f"{name}.pem", certificate), key_file)

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        file = self.folder / name
        file.write_bytes(certificate.public_bytes(Encoding.PEM))
        return file

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        address: str = "127.0.0.1",
        *,
        is_ca: bool = False,
        expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        issuer = ec_name(self.name)
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = (
            x509.CertificateBuilder()
            .subject_name(ec_name(name))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * DAY)
            .not_valid_after(now - DAY if expired else now + DAY)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if is_ca:
            usage = x509.KeyUsage(*(True, False, False, False, False, True, True, False, False))
            builder = builder.add_extension(usage, critical=True)
        else:
            builder = builder.add_extension(alternative, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def ec_name(name: str) -> x509.Name:
    """Return a distinguished name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@frozen
class Nkey:
    """A key of an operator, an account or a user."""

    kind: str
    _key: Ed25519PrivateKey = field(factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> str:
        """The public key."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return encode(bytes([KINDS[self.kind]]) + raw)

    @property
    def seed(self) -> str:
        """The seed."""
        raw = self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        kind = KINDS[self.kind]
        return encode(bytes([SEED | (kind >> 5), (kind & 31) << 3]) + raw)

    def sign_jwt(self, subject: str, name: str, claims: dict[str, Any], **more: Any) -> str:
        """Return a JWT about another key (https://github.com/nats-io/jwt)."""
        header = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = {
            "jti": name,
            "iat": 1_700_000_000,
            "iss": self.public,
            "sub": subject,
            "name": name,
            "nats": {"version": 2, **claims},
            **more,
        }
        text = ".".join(_url(json.dumps(each).encode()) for each in (header, body))
        return f"{text}.{_url(self._key.sign(text.encode()))}"


def encode(content: bytes) -> str:
    """Encode a key with its checksum."""
    checksum = binascii.crc_hqx(content, 0).to_bytes(2, "little")
    return base64.b32encode(content + checksum).rstrip(b"=").decode()


def _url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


LIMITS = {
    "subs": -1,
    "data": -1,
    "payload": -1,
    "imports": -1,
    "exports": -1,
    "wildcards": True,
    "conn": -1,
    "leaf": -1,
    "mem_storage": -1,
    "disk_storage": -1,
    "streams": -1,
    "consumer": -1,
}


@frozen
class Hosting:
    """An operator with a system account and one account of a customer, as hosting services run."""

    operator: Nkey = field(factory=lambda: Nkey("O"))
    system: Nkey = field(factory=lambda: Nkey("A"))
    account: Nkey = field(factory=lambda: Nkey("A"))

    def settings(self) -> dict[str, Any]:
        """Return the settings of a server."""
        operator = self.operator
        claims = {"type": "operator"}
        # The system account may not use JetStream.
        system = LIMITS | {"mem_storage": 0, "disk_storage": 0, "streams": 0, "consumer": 0}
        accounts = {
            each.public: operator.sign_jwt(each.public, name, {"type": "account", "limits": limits})
            for each, name, limits in (
                (self.account, "shop", LIMITS),
                (self.system, "SYS", system),
            )
        }
        return {
            "operator": operator.sign_jwt(operator.public, "operator", claims),
            "system_account": self.system.public,
            "resolver": "MEMORY",
            "resolver_preload": accounts,
        }

    def credentials(self, **claims: Any) -> str:
        """Return the content of a user's credentials file, as `nsc` writes it."""
        user = Nkey("U")
        unlimited = {"type": "user", "subs": -1, "data": -1, "payload": -1}
        jwt = self.account.sign_jwt(user.public, "payments", unlimited, **claims)
        return (
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )
