"""Compose the connection to NATS from the settings."""

from adapters.messaging.jetstream import JetStreamConnection
from adapters.messaging.jetstream.namespace import Namespace
from adapters.messaging.jetstream.security import Security, UnusableFile
from application.ports.gateway_plugin import InvalidSetting
from entrypoints.settings import Settings


def broker_of(settings: Settings) -> JetStreamConnection:
    """Return a connection that is not open yet.

    Raises:
        InvalidSetting: the address, or a file, cannot be used.
    """
    security = Security(
        creds_file=settings.nats_creds_file,
        nkey_seed_file=settings.nats_nkey_seed_file,
        ca_file=settings.nats_ca_file,
        cert_file=settings.nats_cert_file,
        key_file=settings.nats_key_file,
    )
    namespace = Namespace(settings.nats_subject_prefix)
    try:
        return JetStreamConnection(settings.nats_url, security=security, namespace=namespace)
    except UnusableFile as error:
        raise InvalidSetting(f"NATS_{error.setting.upper()}", error.problem) from error
    except ValueError as error:
        raise InvalidSetting("NATS_URL", str(error)) from error
