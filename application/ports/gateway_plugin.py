"""What a gateway plug-in provides: a function that makes its adapter."""

from collections.abc import Callable, Mapping

from application.ports.payment_gateway import GatewayAdapter


class InvalidSetting(Exception):
    """An environment variable is missing or malformed.

    The text is one line that begins with the variable's name and never contains a secret.
    """

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")
        self.variable = variable


MakeGateway = Callable[[Mapping[str, str]], GatewayAdapter]
"""Makes the adapter from the whole environment, once for each process and inside its event loop.
It opens no connection, and raises InvalidSetting if a variable is missing or malformed."""
