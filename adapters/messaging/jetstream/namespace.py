"""The names of our subjects, streams and consumers, when several shops share one NATS account."""

from collections.abc import Iterable

from attrs import frozen


@frozen
class Namespace:
    """Puts a prefix before every name of ours: `shop1.order:created`, `SHOP1_ORDERS`."""

    prefix: str = ""

    def subject(self, subject: str) -> str:
        """Return the full name of a subject."""
        return f"{self.prefix}.{subject}" if self.prefix else subject

    def without(self, subject: str) -> str:
        """Return a subject without the prefix."""
        return subject.removeprefix(f"{self.prefix}.") if self.prefix else subject

    def stream(self, name: str) -> str:
        """Return the name of a stream, which has no dots."""
        return f"{self.prefix.replace('.', '_').upper()}_{name}" if self.prefix else name

    def consumer(self, name: str) -> str:
        """Return the name of a consumer, which has no dots."""
        return f"{self.prefix.replace('.', '_')}-{name}" if self.prefix else name


def covers(pattern: str, subject: str) -> bool:
    """Whether a subject with wildcards includes another one, which may have wildcards, too."""
    ours, theirs = pattern.split("."), subject.split(".")
    for index, word in enumerate(ours):
        if word == ">":
            return len(theirs) > index
        if index >= len(theirs) or not (
            word == theirs[index] or (word == "*" and theirs[index] != ">")
        ):
            return False
    return len(ours) == len(theirs)


def any_covers(patterns: Iterable[str], subject: str) -> bool:
    """Whether one of these patterns includes a subject."""
    return any(covers(pattern, subject) for pattern in patterns)
