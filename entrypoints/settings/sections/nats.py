"""Where NATS is, how we sign in, and what our subjects are called."""

import re
from pathlib import Path
from typing import Final

from attrs import field, frozen

from entrypoints.settings import parsers
from entrypoints.settings.variable import NO_DEFAULT, REQUIRED, declare

# Without the subjects of NATS itself, which begin with $ and _INBOX
# (https://docs.nats.io/nats-concepts/subjects#characters-allowed-and-recommended-for-subject-names).
_SUBJECT: Final = re.compile(r"(?!\$|_INBOX)[!-)+-\-/-=?-~]+(\.[!-)+-\-/-=?-~]+)*")
_SUBJECTS_OF_ORDERS: Final = ("order:created", "order:cancelled")

MAX_SUBJECT: Final = 128
"""Longer than any subject in use; dead letters repeat it in a subject of their own."""

_SUBJECT_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")

_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

MAX_PREFIX: Final = 64
"""Characters of a prefix. NATS advises names of streams and consumers below 32 characters, and
accepts 255 (https://docs.nats.io/nats-concepts/jetstream/streams)."""


def _parse_nats_servers(value: str) -> str:
    """Accept one or more addresses of NATS servers; their adapter reads the rest."""
    for server in parsers.text(value).split(","):
        if not server.strip():
            raise ValueError("has an empty server in its list")
        scheme, separator, _ = server.strip().partition("://")
        if separator and scheme not in ("nats", "tls", "ws", "wss", "http"):
            raise ValueError("is not a list of NATS servers (nats://, tls://, ws://, host:port)")
    return value


def parse_subject_prefix(value: str) -> str:
    """Accept words of letters, digits, `-` and `_`, with dots between."""
    if _SUBJECT_PREFIX.fullmatch(value) is None or len(value) > MAX_PREFIX:
        raise ValueError(
            f"must be words of letters, digits, - and _, with dots between; at most {MAX_PREFIX}"
        )
    return value


def parse_capture_subject(value: str) -> str:
    """Accept a subject of NATS without wildcards that no other event of ours has."""
    if _SUBJECT.fullmatch(value) is None or len(value) > MAX_SUBJECT:
        raise ValueError(
            "must be a subject without spaces and wildcards, such as order:shipped; at most"
            f" {MAX_SUBJECT} characters"
        )
    if value in _SUBJECTS_OF_ORDERS or value.startswith(("payment:", "payments.dead-letters")):
        raise ValueError("is the subject of other events of this service")
    return value


def _parse_jetstream_domain(value: str) -> str:
    """Accept a name that is one word of a subject."""
    if _DOMAIN.fullmatch(value) is None:
        raise ValueError(f"must be a name of at most {MAX_PREFIX} letters, digits, - and _")
    return value


@frozen(kw_only=True, slots=False)
class NatsSettings:
    """Where NATS is, how we sign in, and what our subjects are called."""

    nats_url: str = field(
        repr=False,
        metadata=declare(
            "NATS_URL",
            _parse_nats_servers,
            "one or more servers, separated by commas: `nats://`, `tls://`, `ws://`, `wss://`,"
            " or `host:port`",
            default=REQUIRED,
            is_secret=True,
        ),
    )
    nats_creds_file: Path | None = field(
        default=None,
        metadata=declare("NATS_CREDS_FILE", parsers.file, "a NATS user's JWT and key"),
    )
    nats_nkey_seed_file: Path | None = field(
        default=None,
        metadata=declare(
            "NATS_NKEY_SEED_FILE", parsers.file, "the seed of a NATS user's key, `SU…`"
        ),
    )
    nats_ca_file: Path | None = field(
        default=None,
        metadata=declare(
            "NATS_CA_FILE",
            parsers.file,
            "authorities of the servers' certificates; TLS is required with it",
            default="the system's",
        ),
    )
    nats_cert_file: Path | None = field(
        default=None,
        metadata=declare("NATS_CERT_FILE", parsers.file, "our certificate for NATS, in PEM format"),
    )
    nats_key_file: Path | None = field(
        default=None,
        metadata=declare(
            "NATS_KEY_FILE", parsers.file, "the key of that certificate, in PEM format"
        ),
    )
    nats_tls_handshake_first: bool = field(
        default=False,
        metadata=declare(
            "NATS_TLS_HANDSHAKE_FIRST",
            parsers.switch,
            "`on` for NATS servers with `handshake_first`; TLS is required with it",
            default="off",
        ),
    )
    nats_jetstream_domain: str = field(
        default="",
        metadata=declare(
            "NATS_JETSTREAM_DOMAIN",
            _parse_jetstream_domain,
            "the JetStream domain with the streams, if it is not that of the servers",
            default=NO_DEFAULT,
        ),
    )
    nats_subject_prefix: str = field(
        default="",
        metadata=declare(
            "NATS_SUBJECT_PREFIX",
            parse_subject_prefix,
            "put before subjects, streams and consumers: `shop1` gives `shop1.order:created`",
            default=NO_DEFAULT,
        ),
    )
    capture_subject: str = field(
        default="order:shipped",
        metadata=declare(
            "CAPTURE_SUBJECT",
            parse_capture_subject,
            "the event that captures an authorized payment",
            default="`order:shipped`",
        ),
    )
