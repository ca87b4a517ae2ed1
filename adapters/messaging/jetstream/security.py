"""Sign-in and TLS of a connection: the files of a host, read again for every connection."""

import re
import ssl
import stat
from pathlib import Path
from typing import Final

from attrs import frozen

from adapters.messaging.jetstream.nkeys import InvalidSeed, UserKey

_JWT: Final = re.compile(r"-----BEGIN NATS USER JWT-----\s+(\S+)\s+-+END NATS USER JWT-+")
_SEED: Final = re.compile(r"-----BEGIN USER NKEY SEED-----\s+(\S+)\s+-+END USER NKEY SEED-+")

_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"

MAX_FILE_BYTES: Final = 2**20
"""More than the certificates of every public authority together (about 250 KiB)."""


class UnusableFile(Exception):
    """A file of the configuration cannot be used."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting
        """The attribute of Security."""
        self.problem = problem


@frozen
class Security:
    """How the client signs in, and which servers it trusts, beside what the URL says."""

    creds_file: Path | None = None
    """A user's JWT and the seed of its key, as `nsc` and NATS's hosting services write it."""
    nkey_seed_file: Path | None = None
    """The seed of a user's key."""
    ca_file: Path | None = None
    """The authorities that are trusted; those of the system without it."""
    cert_file: Path | None = None
    """The client's certificate."""
    key_file: Path | None = None
    """The key of the client's certificate."""
    handshake_first: bool = False
    """Whether TLS begins at once, as servers with `handshake_first` expect it."""

    @property
    def requires_tls(self) -> bool:
        """Whether a connection without TLS is refused: something is configured for it."""
        return self.ca_file is not None or self.cert_file is not None or self.handshake_first

    def check(self) -> None:
        """Check that every file can be used.

        Raises:
            UnusableFile: one cannot.
        """
        if self.creds_file and self.nkey_seed_file:
            raise UnusableFile("nkey_seed_file", "credentials are set, too: only one may be")
        if (self.cert_file is None) != (self.key_file is None):
            present, absent = ("cert", "key") if self.cert_file else ("key", "cert")
            raise UnusableFile(f"{absent}_file", f"is required with the {present} file")
        if self.has_key:
            self.user_key()
        if self.creds_file:
            self.jwt()
        if self.requires_tls:
            self.ssl_context()

    @property
    def has_key(self) -> bool:
        """Whether the client signs in with a user's key."""
        return self.creds_file is not None or self.nkey_seed_file is not None

    def user_key(self) -> UserKey:
        """Return the user's key.

        Raises:
            UnusableFile: there is none in its file.
        """
        name = "creds_file" if self.creds_file else "nkey_seed_file"
        text = self._read(name)
        if self.creds_file:
            found = _SEED.search(text)
            if found is None:
                raise UnusableFile(name, "has no block USER NKEY SEED")
            text = found.group(1)
        try:
            return UserKey.from_seed(text)
        except InvalidSeed as error:
            raise UnusableFile(name, f"has no usable seed: {error}") from None

    def jwt(self) -> bytes:
        """Return the user's JWT.

        Raises:
            UnusableFile: there is none in its file.
        """
        found = _JWT.search(self._read("creds_file"))
        if found is None:
            raise UnusableFile("creds_file", "has no block NATS USER JWT")
        return found.group(1).encode()

    def ssl_context(self) -> ssl.SSLContext:
        """Return the context of a TLS connection.

        Raises:
            UnusableFile: a file is not what it should be.
        """
        authorities = self._read("ca_file") if self.ca_file else None
        try:
            if authorities is not None and _CERTIFICATE not in authorities:
                raise ValueError
            context = ssl.create_default_context(cadata=authorities)
        except (ssl.SSLError, ValueError):
            raise UnusableFile("ca_file", "has no usable certificates in PEM format") from None
        if self.cert_file and self.key_file:
            certificate, key = self._read("cert_file"), self._read("key_file")
            if _CERTIFICATE not in certificate:
                raise UnusableFile("cert_file", "has no certificate in PEM format")
            if "PRIVATE KEY-----" not in key:
                raise UnusableFile("key_file", "has no private key in PEM format")
            try:
                # With a password that is wrong, so that OpenSSL does not ask for one.
                context.load_cert_chain(self.cert_file, self.key_file, password="")
            except (ssl.SSLError, ValueError) as error:
                problem = "belongs to another certificate, is damaged, or needs a password"
                raise UnusableFile("key_file", problem) from error
        return context

    def _read(self, name: str) -> str:
        path: Path = getattr(self, name)
        try:
            # Opening a named pipe could wait for ever.
            if not stat.S_ISREG(path.stat().st_mode):
                raise UnusableFile(name, "is not a regular file")
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise UnusableFile(name, f"the file cannot be read: {reason.lower()}") from None
        if len(content) > MAX_FILE_BYTES:
            raise UnusableFile(name, f"the file has more than {MAX_FILE_BYTES} bytes")
        return content.decode(errors="replace")
