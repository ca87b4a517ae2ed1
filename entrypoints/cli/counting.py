"""Counted things in words, as the commands print them."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number and what it counts: `1 order`, `2 orders`."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
