"""Bug: one attribute of the service, replaced by a wrong one for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from attrs import frozen


def named_tests() -> dict[str, str]:
    """Return by bug a test that fails with it, as the file has them."""
    text = Path(__file__).with_name("named_tests.txt").read_text()
    pairs = (line.partition(" | ") for line in text.splitlines())
    return {bug: test for bug, _, test in pairs}


@frozen
class Bug:
    """One attribute of the service, replaced by a wrong one."""

    name: str
    owner: Any
    """The class or module with the attribute."""
    attribute: str
    wrong: Any
    second: "Bug | None" = None
    """What else must be wrong if two rules of the service prevent the failure."""
    first: int = 1
    """The first seed of the search; a bug that needs a rare coincidence has another one."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Replace the attribute until the block ends."""
        is_own = self.attribute in self.owner.__dict__
        right = self.owner.__dict__.get(self.attribute)
        assert is_own or hasattr(self.owner, self.attribute)
        setattr(self.owner, self.attribute, self.wrong)
        try:
            with self.second.planted() if self.second else nullcontext():
                yield
        finally:
            if is_own:
                setattr(self.owner, self.attribute, right)
            else:
                delattr(self.owner, self.attribute)
