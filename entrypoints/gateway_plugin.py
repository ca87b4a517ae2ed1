"""A gateway of the shop's own: `PAYMENT_GATEWAY=package.module:function`."""

import importlib
import re
from collections.abc import Callable, Mapping
from inspect import getattr_static
from typing import Final

from attrs import field, frozen

from application.ports.gateway_plugin import InvalidSetting
from application.ports.payment_gateway import GatewayAdapter

MakeGateway = Callable[[Mapping[str, str]], GatewayAdapter]
"""Gets the whole environment, once for each process and inside its event loop. It opens nothing
yet, and raises BadSetting where one of its variables is missing or malformed."""

VARIABLE: Final = "PAYMENT_GATEWAY"

_FORM: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)

# What the service calls; type checkers know it as GatewayAdapter.
_NEEDED: Final = (
    *("name", "livemode", "charge", "find", "cancel", "refund", "find_refund", "check", "close"),
)


@frozen
class GatewayPlugin:
    """Where it is, and how to make it."""

    reference: str
    _make: MakeGateway = field(repr=False)
    _environment: Mapping[str, str] = field(repr=False)

    @staticmethod
    def looks_like(value: str) -> bool:
        """Whether a value has the form `package.module:function`."""
        return _FORM.fullmatch(value) is not None

    @classmethod
    def imported(cls, reference: str, environment: Mapping[str, str]) -> "GatewayPlugin":
        """Find the function.

        An error of somebody else's code is told by its name only: its text may quote a secret.

        Raises:
            BadSetting: it cannot be imported.
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
            BadSetting: the function refuses the environment, or makes no gateway.
        """
        try:
            gateway = self._make(self._environment)
        except InvalidSetting:
            raise
        except Exception as error:
            problem = f"{self.reference} raised {type(error).__name__}"
            raise InvalidSetting(VARIABLE, problem) from None
        # Looked for without running any property.
        lacking = [each for each in _NEEDED if getattr_static(gateway, each, None) is None]
        if lacking:
            problem = f"{self.reference} made no gateway: it lacks {', '.join(lacking)}"
            raise InvalidSetting(VARIABLE, problem)
        return gateway

    def __str__(self) -> str:
        return self.reference
