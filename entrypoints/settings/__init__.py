"""The environment, read once into one frozen Settings."""

from entrypoints.settings.model import VARIABLES, Settings
from entrypoints.settings.reading import read_database_url, read_settings
from entrypoints.settings.sections.gateways import GatewayName
from entrypoints.settings.sections.operators import Operator

__all__ = [
    "VARIABLES",
    "GatewayName",
    "Operator",
    "Settings",
    "read_database_url",
    "read_settings",
]
