"""What a gateway plug-in provides: a function that makes its adapter."""

from collections.abc import Callable, Iterable, Mapping

from application.ports.payment_gateway import GatewayAdapter


class InvalidSetting(Exception):
    """One environment variable or several are missing or malformed.

    The text has one line for each problem, which begins with the variable's name and never contains
    a secret.
    """

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")
        self.variables: tuple[str, ...] = (variable,)

    @property
    def problems(self) -> tuple[str, ...]:
        """The problems, one line each."""
        return tuple(str(self).splitlines())

    @classmethod
    def together(cls, errors: Iterable["InvalidSetting"]) -> "InvalidSetting":
        """Return one error with the problems of all of these; there must be at least one."""
        first, *others = errors
        for each in others:
            first.variables += each.variables
            first.args = (f"{first}\n{each}",)
        return first


MakeGateway = Callable[[Mapping[str, str]], GatewayAdapter]
"""Makes the adapter from the whole environment, once for each process and inside its event loop.
It opens no connection, and raises InvalidSetting if a variable is missing or malformed."""
