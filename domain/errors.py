"""The base of every error the domain raises; each error lives beside what raises it."""


class DomainError(Exception):
    """Something the rules of the domain refuse. Subclasses carry data, never HTTP."""
