"""The base of every domain error; each error is defined in the module that raises it."""


class DomainError(Exception):
    """A rule of the domain was violated. Subclasses carry data, and nothing about HTTP."""
