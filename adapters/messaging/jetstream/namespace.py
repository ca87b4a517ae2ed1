"""The names of our subjects, streams and consumers, and where JetStream is asked about them."""

from collections.abc import Iterable

from attrs import frozen


@frozen
class Namespace:
    """Puts a prefix before every name of ours: `shop1.order:created`, `SHOP1_ORDERS`."""

    prefix: str = ""
    """What keeps several shops apart that share one NATS account."""
    domain: str = ""
    """The JetStream domain with our streams; empty for that of the server we connect to."""

    @property
    def api(self) -> str:
        """Return what the subject of every request to JetStream begins with.

        https://docs.nats.io/running-a-nats-service/configuration/leafnodes/jetstream_leafnodes
        """
        return f"$JS.{self.domain}.API" if self.domain else "$JS.API"

    def subject(self, subject: str) -> str:
        """Return the full name of a subject."""
        return f"{self.prefix}.{subject}" if self.prefix else subject

    def subjects(self, subjects: Iterable[str]) -> list[str]:
        """Return the full names of subjects."""
        return [self.subject(each) for each in subjects]

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
