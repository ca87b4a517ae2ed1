"""The double's own certificates: a root, and a leaf whose key signs webhooks."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# The name in the certificates of PayPal's webhooks.
SIGNER_NAME: Final = "messageverificationcerts.paypal.com"
_KEY_SIZE: Final = 2048
_VALID: Final = timedelta(days=365)


@frozen
class Signer:
    """A key with its certificate chain."""

    key: rsa.RSAPrivateKey
    leaf: x509.Certificate
    root: x509.Certificate

    def sign(self, message: bytes) -> bytes:
        """Return the signature SHA256withRSA of a message."""
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    @property
    def chain(self) -> bytes:
        """The leaf and the root as PEM, as the certificate's address answers."""
        return _pem(self.leaf) + _pem(self.root)

    @property
    def root_pem(self) -> bytes:
        """The root alone as PEM, for those who verify."""
        return _pem(self.root)


@cache
def own_signer() -> Signer:
    """Return this process's signer; it is made once, since RSA keys take a tenth of a second."""
    return make_signer(SIGNER_NAME, "Root of the PayPal double")


@cache
def foreign_signer() -> Signer:
    """Return an unknown signer, for forgeries."""
    return make_signer(SIGNER_NAME, "Root of an attacker")


def make_signer(name: str, root_name: str) -> Signer:
    """Return a new root, and a leaf below it."""
    root_key, key = _new_key(), _new_key()
    root = _certificate(root_name, root_key, root_name, root_key, authority=True)
    leaf = _certificate(name, key, root_name, root_key, authority=False)
    return Signer(key, leaf, root)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_SIZE)


def _certificate(
    name: str,
    key: rsa.RSAPrivateKey,
    issuer_name: str,
    issuer_key: rsa.RSAPrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not authority:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
