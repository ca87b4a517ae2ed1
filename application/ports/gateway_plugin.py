"""What a gateway outside this project provides: a function that makes the adapter."""

from collections.abc import Callable, Mapping

from application.ports.payment_gateway import GatewayAdapter


class InvalidSetting(Exception):
    """A variable is missing or malformed; the text is one line and never shows a secret's value."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")
        self.variable = variable


MakeGateway = Callable[[Mapping[str, str]], GatewayAdapter]
"""Makes the adapter from the whole environment, once for each process and inside its event loop.
It opens no connection, and raises InvalidSetting if a variable is missing or malformed."""
