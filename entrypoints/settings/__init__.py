"""The environment, read once into one frozen Settings."""

from entrypoints.settings.gateways import GatewayName
from entrypoints.settings.model import VARIABLES, Settings
from entrypoints.settings.parsers import Operator
from entrypoints.settings.reading import read_database_url, read_settings

__all__ = [
    "VARIABLES",
    "GatewayName",
    "Operator",
    "Settings",
    "read_database_url",
    "read_settings",
]
