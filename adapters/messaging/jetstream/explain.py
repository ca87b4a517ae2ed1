"""Explain the library's errors, in one line that says what to do."""

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import nats.errors

from application.ports.event_publisher import BrokerUnavailable

# OpenSSL's numbers (openssl/x509_vfy.h).
_EXPIRED: Final = 10
_UNKNOWN_AUTHORITY: Final = (2, 18, 19, 20, 21)
_OTHER_NAME: Final = (62, 64)

_MEANINGS: Final = (
    ("authorization violation", "NATS refuses our user: Authorization Violation"),
    ("user authentication expired", "the JWT in NATS_CREDS_FILE has expired"),
    ("account authentication expired", "the NATS account has expired"),
    ("authentication timeout", "NATS refuses our user: it got no answer in time"),
    ("user authentication revoked", "NATS refuses our user: its JWT was revoked"),
    ("maximum connections exceeded", "NATS has as many connections as it allows"),
    ("maximum account active connections", "our NATS account has as many connections as it may"),
)


def explain(error: Exception) -> str:
    """Return the cause of a failed connection in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error)
    text = str(error)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or text
        if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
            return "the server requires a client certificate: set NATS_CERT_FILE, NATS_KEY_FILE"
        if "UNKNOWN_CA" in reason or "BAD_CERTIFICATE" in reason:
            return f"the server does not accept our certificate: {reason}"
        if "EXPIRED" in reason:
            return "our certificate in NATS_CERT_FILE has expired"
        if "WRONG_VERSION_NUMBER" in reason:
            return "the server does not begin with TLS: NATS_TLS_HANDSHAKE_FIRST=off"
        return f"TLS failed: {reason}"
    for words, meaning in _MEANINGS:
        if words in text.lower():
            return meaning
    if isinstance(error, TimeoutError):
        return "no response (a server with handshake_first needs NATS_TLS_HANDSHAKE_FIRST=on)"
    if isinstance(error, socket.gaierror):
        return f"the name of a server is not found ({error.strerror})"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _explain_certificate(error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:
        case code if code == _EXPIRED:
            return "the server's certificate has expired"
        case code if code in _UNKNOWN_AUTHORITY:
            return "the server's certificate is of an unknown authority: set NATS_CA_FILE"
        case code if code in _OTHER_NAME:
            return f"the server's certificate is for another name: {error.verify_message}"
        case _:
            return f"the server's certificate is not valid: {error.verify_message}"


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Convert the client's errors about the broker to `BrokerUnavailable`."""
    try:
        yield
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
