"""Read the settings of NATS for its adapters, without nats-py: `serve` does not connect to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.messaging.jetstream.options import check_options
from adapters.messaging.jetstream.security import Security, UnusableFile
from application.ports.gateway_plugin import InvalidSetting
from entrypoints.settings import Settings


def check_nats(settings: Settings) -> None:
    """Return if a connection could be opened with these settings.

    Raises:
        InvalidSetting: the address, or a file, cannot be used.
    """
    with naming_variables():
        check_options(settings.nats_url, security_of(settings))


def security_of(settings: Settings) -> Security:
    """Return how a client signs in."""
    return Security(
        creds_file=settings.nats_creds_file,
        nkey_seed_file=settings.nats_nkey_seed_file,
        ca_file=settings.nats_ca_file,
        cert_file=settings.nats_cert_file,
        key_file=settings.nats_key_file,
        handshake_first=settings.nats_tls_handshake_first,
    )


@contextmanager
def naming_variables() -> Iterator[None]:
    """Name the variable that an error of the adapters is about.

    Raises:
        InvalidSetting: the address, or a file, cannot be used.
    """
    try:
        yield
    except UnusableFile as error:
        raise InvalidSetting(f"NATS_{error.setting.upper()}", error.problem) from error
    except ValueError as error:
        raise InvalidSetting("NATS_URL", str(error)) from error
