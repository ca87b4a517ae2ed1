"""Settings: the variables of all topics in one frozen object."""

from typing import Final

from attrs import frozen

from entrypoints.settings.sections.database import DatabaseSettings
from entrypoints.settings.sections.gateways import GatewaySettings
from entrypoints.settings.sections.http import HttpSettings
from entrypoints.settings.sections.nats import NatsSettings
from entrypoints.settings.sections.operators import OperatorSettings
from entrypoints.settings.sections.payments import PaymentSettings
from entrypoints.settings.sections.paypal import PayPalSettings
from entrypoints.settings.sections.retention import RetentionSettings
from entrypoints.settings.sections.stripe import StripeSettings
from entrypoints.settings.sections.tokens import TokenSettings
from entrypoints.settings.sections.traces import TraceSettings
from entrypoints.settings.variable import declared


@frozen(kw_only=True)
class Settings(
    DatabaseSettings,
    NatsSettings,
    TokenSettings,
    GatewaySettings,
    StripeSettings,
    PayPalSettings,
    PaymentSettings,
    HttpSettings,
    OperatorSettings,
    RetentionSettings,
    TraceSettings,
):
    """The configuration of a process.

    A field's metadata declares its variable; `payments --help` and README.md show the same.
    """


VARIABLES: Final = {
    name: each for topic in Settings.__bases__ for name, each in declared(topic).items()
}
"""The fields that are read from variables, by the name of the variable, in the order of topics."""
