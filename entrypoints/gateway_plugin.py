"""Load a gateway from outside this project: `PAYMENT_GATEWAY=package.module:function`."""

import importlib
import re
from collections.abc import Mapping
from inspect import getattr_static
from typing import Final

from attrs import field, frozen

from application.ports.gateway_notifications import reader_of
from application.ports.gateway_plugin import InvalidSetting, MakeGateway
from application.ports.payment_gateway import GatewayAdapter

VARIABLE: Final = "PAYMENT_GATEWAY"

_REFERENCE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)

_READER_MEMBERS: Final = ("read", "read_verified")

# The members of GatewayAdapter. They are checked when the process starts, so that a plug-in without
# one of them does not fail during a payment.
_MEMBERS: Final = (
    *("name", "livemode", "charge", "find", "cancel", "refund", "find_refund", "check", "close"),
)


@frozen
class GatewayPlugin:
    """The function that makes a gateway, and its arguments."""

    reference: str
    """Where the function is, as `package.module:function`."""
    _make: MakeGateway = field(repr=False)
    _environment: Mapping[str, str] = field(repr=False)

    @staticmethod
    def is_reference(value: str) -> bool:
        """Whether a value has the form `package.module:function`."""
        return _REFERENCE.fullmatch(value) is not None

    @classmethod
    def load(cls, reference: str, environment: Mapping[str, str]) -> "GatewayPlugin":
        """Import the function.

        Raises:
            InvalidSetting: it cannot be imported. An exception of the plug-in is reported by its
                class only, because its text may contain a secret.
        """
        module, _, name = reference.partition(":")
        try:
            make: MakeGateway | None = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError as error:
            raise InvalidSetting(
                VARIABLE, f"{reference}: there is no module {error.name}"
            ) from None
        except Exception as error:
            problem = f"{reference}: importing it raised {type(error).__name__}"
            raise InvalidSetting(VARIABLE, problem) from None
        if not callable(make):
            raise InvalidSetting(VARIABLE, f"{reference}: {module} has no function {name}")
        return cls(reference, make, environment)

    def open(self) -> GatewayAdapter:
        """Make the adapter.

        Raises:
            InvalidSetting: the function rejects the environment, or does not return a gateway.
        """
        try:
            gateway = self._make(self._environment)
        except InvalidSetting:
            raise
        except Exception as error:
            problem = f"{self.reference} raised {type(error).__name__}"
            raise InvalidSetting(VARIABLE, problem) from None
        # getattr_static does not run properties.
        missing = [each for each in _MEMBERS if getattr_static(gateway, each, None) is None]
        if missing:
            problem = f"{self.reference} did not return a gateway: missing {', '.join(missing)}"
            raise InvalidSetting(VARIABLE, problem)
        reader = reader_of(gateway)
        if reader is not None and not all(hasattr(reader, each) for each in _READER_MEMBERS):
            problem = f"{self.reference}: its notification_reader has no read or read_verified"
            raise InvalidSetting(VARIABLE, problem)
        return gateway

    def __str__(self) -> str:
        return self.reference
