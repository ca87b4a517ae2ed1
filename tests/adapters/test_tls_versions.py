"""The oldest TLS that a connection of the service accepts."""

import ssl

from adapters.gateways import outward
from adapters.messaging.jetstream.security import Security
from adapters.persistence.sql.tls import read_tls
from application.ports.gateway_plugin import InvalidSetting


class Url:
    """A database's URL that says only that TLS is required."""

    def text(self, name: str) -> str | None:
        return "require" if name == "sslmode" else None

    def refuse(self, name: str, problem: str) -> InvalidSetting:
        return InvalidSetting(name, problem)


def contexts() -> dict[str, ssl.SSLContext]:
    database = read_tls(Url()).attempts()[0]
    assert database is not None
    return {
        "gateways and identity provider": outward._trusted({}, None),
        "NATS": Security().ssl_context(),
        "PostgreSQL": database,
    }


def test_tls_is_1_2_or_newer() -> None:
    for name, context in contexts().items():
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2, name


def test_gateways_and_nats_are_verified_by_name() -> None:
    found = contexts()
    del found["PostgreSQL"]  # its URL decides: only verify-full does
    for name, context in found.items():
        assert context.check_hostname, name
        assert context.verify_mode is ssl.CERT_REQUIRED, name
