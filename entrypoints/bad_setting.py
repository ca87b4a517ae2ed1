"""BadSetting: what is wrong with the environment."""


class BadSetting(Exception):
    """A variable is missing or malformed. The text is one line, names it, and shows no value of a secret."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")
        self.variable = variable
