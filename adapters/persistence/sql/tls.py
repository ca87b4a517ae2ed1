"""TLS to the database, by libpq's six modes.

https://www.postgresql.org/docs/current/libpq-ssl.html
"""

import os
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from attrs import field, frozen

from application.ports.gateway_plugin import InvalidSetting

MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

# Prisma, SQLAlchemy and others write `ssl=true`.
_SWITCHES: Final = {"true": "require", "1": "require", "false": "disable", "0": "disable"}

_VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}

# PostgreSQL's own protocol name; without it a server refuses `sslnegotiation=direct`.
_ALPN: Final = ("postgresql",)


class Reader(Protocol):
    """Reads parameters of the URL."""

    def text(self, name: str) -> str | None:
        """Return a parameter."""

    def refuse(self, name: str, problem: str) -> InvalidSetting:
        """Return the error that names a parameter."""


@frozen(kw_only=True)
class TlsSettings:
    """How connections are encrypted, and what is verified."""

    mode: str
    ca_file: str | None
    """The certificates that sign the server's; `system` for those of this machine."""
    crl_file: str | None
    certificate: str | None
    """Our own certificate."""
    key: str | None
    key_password: str | None = field(repr=False)
    is_direct: bool
    """Whether TLS begins without asking the server first."""
    min_version: ssl.TLSVersion

    def attempts(self) -> Sequence[ssl.SSLContext | None]:
        """Return what to try, one after the other; None stands for a connection without TLS.

        Files are read each time, because certificates are renewed while the service runs.

        Raises:
            OSError: a file cannot be read or is not a certificate.
        """
        match self.mode:
            case "disable":
                return [None]
            case "allow":
                return [None, self._context()]
            case "prefer":
                return [self._context(), None]
            case _:
                return [self._context()]

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = self.min_version
        context.check_hostname = self.mode == "verify-full"
        if self.ca_file is None:
            context.verify_mode = ssl.CERT_NONE
        elif self.ca_file == "system":
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=self.ca_file)
        if self.crl_file is not None:
            context.load_verify_locations(cafile=self.crl_file)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        if self.certificate is not None:
            # Without a password, OpenSSL would ask for one on the terminal.
            password = self.key_password or ""
            context.load_cert_chain(self.certificate, self.key, password=password)
        context.set_alpn_protocols(list(_ALPN))
        return context


def read_tls(read: Reader) -> TlsSettings:
    """Read the parameters about TLS, and check that the named files can be used.

    Raises:
        InvalidSetting: a parameter is invalid, or its file cannot be used.
    """
    mode = _mode(read)
    named_ca = read.text("sslrootcert")
    ca_file = named_ca or _default_file("root.crt")
    if mode in ("disable", "allow", "prefer"):
        ca_file = None  # libpq verifies nothing in these modes
    if mode.startswith("verify") and ca_file is None:
        raise read.refuse("sslmode", f"={mode} needs sslrootcert=FILE or sslrootcert=system")
    if ca_file == "system" and mode != "verify-full":
        raise read.refuse("sslrootcert", "=system needs sslmode=verify-full")
    certificate = read.text("sslcert") or _default_file("postgresql.crt")
    key = read.text("sslkey") or _default_file("postgresql.key")
    if read.text("sslcert") is None and key is None:
        certificate = None  # one of the two default files is no use
    settings = TlsSettings(
        mode=mode,
        ca_file=ca_file,
        crl_file=read.text("sslcrl") if ca_file else None,
        certificate=certificate,
        key=key if certificate else None,
        key_password=read.text("sslpassword"),
        is_direct=_option(read, "sslnegotiation", ("postgres", "direct")) == "direct",
        min_version=_VERSIONS[_option(read, "ssl_min_protocol_version", tuple(_VERSIONS))],
    )
    if settings.is_direct and mode in ("disable", "allow", "prefer"):
        raise read.refuse("sslnegotiation", "=direct needs sslmode=require or stronger")
    _check_files(settings, read)
    return settings


def _mode(read: Reader) -> str:
    value = (read.text("sslmode") or "prefer").lower()
    mode = _SWITCHES.get(value, value)
    if mode not in MODES:
        raise read.refuse("sslmode", f"must be one of {', '.join(MODES)}")
    return mode


def _option(read: Reader, name: str, options: Sequence[str]) -> str:
    value = read.text(name) or options[0]
    if value not in options:
        raise read.refuse(name, f"must be one of {', '.join(options)}")
    return value


def _default_file(name: str) -> str | None:
    """Return a file of ~/.postgresql if this user can read it.

    A service often runs with the home of another user, which it cannot even enter.
    """
    home = os.environ.get("HOME")
    file = Path(home or "/nonexistent") / ".postgresql" / name
    return str(file) if os.access(file, os.R_OK) else None


def _check_files(settings: TlsSettings, read: Reader) -> None:
    if settings.mode == "disable":
        return
    checks: Sequence[tuple[str, str | None, Callable[[str], object]]] = (
        ("sslrootcert", settings.ca_file if settings.ca_file != "system" else None, _read),
        ("sslcrl", settings.crl_file, _read),
        ("sslcert", settings.certificate, _read),
        ("sslkey", settings.key, _read),
    )
    for name, file, check in checks:
        if file is not None:
            try:
                check(file)
            except OSError as error:
                reason = (error.strerror or "cannot be read").lower()
                raise read.refuse(name, f"names {file!a}: {reason}") from None
    try:
        settings.attempts()
    except OSError as error:
        raise read.refuse("sslcert", f"or sslrootcert is not usable: {_line(error)}") from None


def _read(file: str) -> bytes:
    return Path(file).read_bytes()


def _line(error: OSError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
